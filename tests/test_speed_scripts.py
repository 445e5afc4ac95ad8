"""The scripts of benchmarks/ still find what they import; running them takes minutes, and is `make bench`."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parents[1] / "benchmarks"
SCRIPTS = sorted(path.stem for path in FOLDER.glob("*.py"))


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script_can_be_imported(name, monkeypatch):
    monkeypatch.syspath_prepend(str(FOLDER))
    for other in SCRIPTS:
        monkeypatch.delitem(sys.modules, other, raising=False)
    assert importlib.import_module(name).__doc__
