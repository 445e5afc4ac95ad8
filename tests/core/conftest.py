"""What the tests of plug-ins share."""

from __future__ import annotations

import pytest

from twinlens.core import plugins


@pytest.fixture
def nothing_loaded(monkeypatch):
    """No plug-in known or allowed, as in a fresh process."""
    monkeypatch.setattr(plugins, "_loaded", {})
    monkeypatch.setattr(plugins, "_allowed", [])
