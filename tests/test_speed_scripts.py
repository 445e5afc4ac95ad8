"""The scripts of benchmarks/ still find what they import; running them takes minutes, and is `make bench`."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import pytest

from twinlens.commands import compare
from twinlens.core.types import TwinlensError

FOLDER = Path(__file__).resolve().parents[1] / "benchmarks"
SCRIPTS = sorted(path.stem for path in FOLDER.glob("*.py"))


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script_can_be_imported(name, monkeypatch):
    monkeypatch.syspath_prepend(str(FOLDER))
    for other in SCRIPTS:
        monkeypatch.delitem(sys.modules, other, raising=False)
    assert importlib.import_module(name).__doc__


@pytest.mark.parametrize("train", [False, True])
def test_the_comparisons_script_trains_nothing_unasked(train, monkeypatch, capsys):
    """Where `compare` finds a run missing, the document stays, and each recipe has one line."""
    monkeypatch.syspath_prepend(str(FOLDER))
    script = importlib.import_module("comparison")
    document, asked = (script.DOCS / "comparison.md").read_bytes(), []

    def refuse(args):
        asked.append((args.recipe, args.finished))
        raise TwinlensError("runs: 1 of 90 are missing; train them first")

    monkeypatch.setattr(compare, "run", refuse)
    monkeypatch.setattr(sys, "argv", ["comparison.py", *(["--train"] if train else [])])
    with pytest.raises(SystemExit) as ended:
        script.main()
    assert ended.value.code == 2
    assert asked == [(recipe, not train) for recipe in script.RECIPES]
    lines = capsys.readouterr().err.splitlines()
    assert lines == [f"{name}: runs: 1 of 90 are missing; train them first (--train)" for name in script.RECIPES]
    assert (script.DOCS / "comparison.md").read_bytes() == document
