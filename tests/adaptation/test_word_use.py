"""evaluate --collection tells if words are read, from captions, from triplets, and without either."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.adaptation.conftest import table
from twinlens import cli
from twinlens.commands import _word_use


@pytest.fixture
def evaluate(tmp_path, monkeypatch, capsys):
    """Run `evaluate --collection c`: printed view, and the JSON."""
    monkeypatch.chdir(tmp_path)

    def call(*arguments: object) -> tuple[str, dict]:
        words = ["evaluate", "--collection", "c", "--json=found.json", *map(str, arguments)]
        assert cli.main(words) == 0
        return capsys.readouterr().out, json.loads(Path("found.json").read_text())

    return call


def means(found: dict, metric: str) -> dict[str, float]:
    return {name: row[metric]["mean"] for name, row in found["foils"]["rows"].items() if metric in row}


def holds(summary: dict, value: float) -> bool:
    low, high = summary["ci95"]
    return low - 1e-9 <= value <= high + 1e-9


def test_captions_are_read_once_they_have_been_learned(captioned, evaluate, tmp_path, capsys):
    shutil.copytree(captioned.collection, tmp_path / "c")
    out, found = evaluate("--group-by", "album")
    assert "not shown that words are read" in out
    assert found["words"]["foils"]["pairs"] > 50
    assert means(found["words"], "foil_accuracy")["composed"] == pytest.approx(0.5, abs=0.01)

    assert cli.main(["train", "--collection", "c", "--group-by", "album"]) == 0
    capsys.readouterr()
    out, found = evaluate("--out", "o")
    words = found["words"]
    assert "\nwords are read: on word foils" in out and "\npicture and words are composed: on both foils" in out
    assert "word foil   picture foil" in out and "target and word foil differ by" in out
    rows = words["foils"]["rows"]
    accuracy, both = means(words, "foil_accuracy"), means(words, "both_foils")
    assert accuracy["composed"] > 0.9 and both["composed"] > 0.9
    assert both["image_only"] < 0.6 and both["text_only"] < 0.6 and both["pixel_count"] < 0.7
    assert all(holds(rows[name]["foil_accuracy"], 0.5) for name in ("image_only", "pixel_count"))
    assert holds(rows["image_only"]["foil_accuracy"], accuracy["shuffled_text"])  # other words fall to the picture only
    assert words["foils"]["gaps"]["foil_accuracy"] < 0.25
    assert rows["paraphrase"]["decided_alike"]["mean"] > 0.9
    assert words["first_ten"]["words_swapped"]["mean"] > 0.5
    written = (tmp_path / "o" / "table.md").read_text()
    assert "|  | word foil | picture foil | both | decided alike |" in written and "words are read" in written


def test_triplets_are_asked_as_they_are(edited, evaluate, tmp_path):
    shutil.copytree(edited.collection, tmp_path / "c")
    out, found = evaluate("--triplets", table(edited.folder / "t.csv", edited.edits))
    assert "not shown that words are read: on word foils composed exceeds image only by +0.000" in out
    assert holds(found["words"]["foils"]["rows"]["image_only"]["foil_accuracy"], 0.5)
    assert found["words"]["first_ten"]["words_swapped"]["mean"] == 0  # nothing to compare words with, before training


def test_without_captions_the_first_ten_are_measured(edited, evaluate, tmp_path):
    shutil.copytree(edited.collection, tmp_path / "c")
    out, found = evaluate("--out", "o")
    assert out.startswith("no picture of the collection has a caption, so that only")
    assert "of the first ten answers 0.00 [0.00, 0.00] change when the words are swapped" in out
    assert set(found["words"]) == {"first_ten"} and found["words"]["first_ten"]["picture_swapped"]["mean"] > 0.9
    assert json.loads((tmp_path / "o" / "results.json").read_text())["words"] == found["words"]


def test_too_few_foils_are_told():
    (line,) = _word_use.reading({"foils": None, "first_ten": None})
    assert line == "fewer than 10 queries have a foil, so that it is not measured if words are read"
    assert _word_use.reading({"first_ten": None}) == []
