from __future__ import annotations

import sys
import tomllib
from pathlib import Path

import pytest

import twinlens
from twinlens.core import extras
from twinlens.core.types import TwinlensError

PROJECT = tomllib.loads((Path(__file__).resolve().parents[2] / "pyproject.toml").read_text())["project"]


def test_every_module_names_an_extra_that_there_is():
    assert set(extras.EXTRA_OF.values()) <= set(PROJECT["optional-dependencies"])


def test_a_name_that_needs_an_extra_says_which(monkeypatch):
    monkeypatch.setitem(sys.modules, "twinlens.models.composer", None)
    monkeypatch.setattr(extras, "EXTRA_OF", {"twinlens": "torch"})
    with pytest.raises(TwinlensError, match=r"which is not installed; install with: pip install 'twinlens\[torch\]'"):
        _ = twinlens.Composer
    with pytest.raises(ImportError, match=r"pip install 'twinlens\[torch\]'"):
        from twinlens import Composer  # noqa: F401
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert "Composer" not in dir(twinlens) and "Collection" in dir(twinlens)


def test_a_module_of_no_extra_is_an_error_of_ours():
    with pytest.raises(ModuleNotFoundError):
        extras.missing(ModuleNotFoundError("No module named 'x'", name="x"))
