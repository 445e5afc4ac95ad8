"""The script that measures protocol F on clip arts: their titles become captions, and each seed a row of the table."""

from __future__ import annotations

import argparse
import importlib
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.adaptation.conftest import composer, told
from twinlens.shapes.drawing import draw
from twinlens.shapes.scenes import scatter_scene

FOLDER = Path(__file__).resolve().parents[2] / "benchmarks"
COUNT = 40


@pytest.fixture
def script(monkeypatch):
    monkeypatch.syspath_prepend(str(FOLDER))
    for name in ("photographs", "_clipart", "_results"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    return importlib.import_module("photographs")


@pytest.fixture
def clipart(tmp_path):
    """Drawn scenes in the layout of Debian's packages, the first without a title; the folder, and a model."""
    random, root, titles = np.random.default_rng(0), tmp_path / "openclipart", []
    for number in range(COUNT + 1):
        scene = scatter_scene(random, items=(1, 1))
        for kind in ("png", "svg"):
            (root / kind / f"part-{number % 8}").mkdir(parents=True, exist_ok=True)
        draw(scene).save(root / "png" / f"part-{number % 8}" / f"{number}.png")
        title = f"<dc:title>{told(scene)}</dc:title>" if number else ""
        (root / "svg" / f"part-{number % 8}" / f"{number}.svg").write_text(f"<svg>{title}</svg>")
        titles.append(told(scene))
    return root, composer(titles)


def test_clip_arts_are_measured_by_their_titles(script, clipart, tmp_path):
    root, model = clipart
    script.copy_arts(argparse.Namespace(clipart=root, count=COUNT), 0, tmp_path / "pictures")
    assert len(list((tmp_path / "pictures").rglob("*.png"))) == COUNT
    found = script.measured(model, tmp_path / "pictures", "folder", [0, 1])
    rows = [script.row("clip arts", seed, found[seed]) for seed in found]
    for row, seed in zip(rows, found, strict=True):
        cells = [cell.strip() for cell in row.strip("|").split("|")]
        assert len(cells) == len(script.HEADINGS) and cells[:2] == ["clip arts", str(seed)]
        assert int(cells[2]) == found[seed]["foils"]["pairs"] >= 10
        # Nothing in this model compares words with pictures, so that the sentence cannot tell a picture from its foil.
        assert cells[4].startswith("+0.00 ") and cells[7] == "not shown"


def test_few_clip_arts_have_a_row_that_says_so(script, clipart, tmp_path):
    root, model = clipart
    script.copy_arts(argparse.Namespace(clipart=root, count=8), 0, tmp_path / "pictures")
    found = script.measured(model, tmp_path / "pictures", "folder", [0])
    row = script.row("clip arts", 0, found[0])
    assert row.startswith("| clip arts | 0 | too few |") and row.count("|") == len(script.HEADINGS) + 1
