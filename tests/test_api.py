"""The public API: small, lazy and complete."""

from __future__ import annotations

import subprocess
import sys

import pytest

import twinlens


def test_every_exported_name_is_there_and_documented():
    for name in twinlens.__all__:
        assert getattr(twinlens, name).__doc__, name
    assert set(dir(twinlens)) == set(twinlens.__all__)


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = twinlens.nothing


def test_importing_the_package_imports_nothing_heavy():
    code = "import sys, twinlens; assert not {'torch', 'numpy', 'PIL', 'pydantic'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
