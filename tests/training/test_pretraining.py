"""Pretraining of the towers, in small."""

from __future__ import annotations

import sys
from importlib import resources
from pathlib import Path

import pytest
import torch

from twinlens.core.types import Sample
from twinlens.encoders.panels import Panels, cell_of
from twinlens.models.composer import Composer
from twinlens.reading.world import Item
from twinlens.shapes.drawing import draw
from twinlens.shapes.edits import Edit
from twinlens.shapes.scenes import Scene
from twinlens.shapes.worlds import split_of
from twinlens.training.pretraining import __main__ as command
from twinlens.training.pretraining import grounding, towers
from twinlens.training.pretraining.corpus import Corpus
from twinlens.training.pretraining.words import TERMS, Roles

SHIPPED = Path(str(resources.files("twinlens"))) / "models" / "towers"
SCENE = Scene(((Item("square", "blue", 10, 5, 5),), (), ()))


@pytest.fixture(scope="module")
def corpus() -> Corpus:
    return Corpus.of(Panels(), 12, progress=False)


def test_pretraining_sees_the_split_train_alone(corpus):
    assert {split_of(scene) for scene in corpus.references} == {"train"}
    assert len(corpus.maps) == len(set(corpus.references)) == 12
    first, prepared = corpus.rows[0], Panels().prepare(Sample("", draw(corpus.references[0])))
    torch.testing.assert_close(corpus.maps[first], torch.from_numpy(prepared["cells"]))


@pytest.mark.parametrize(
    ("family", "instruction", "there", "wanted"),
    [
        ("recolour", "make the small square in the left box black", {"small", "square", "left box"}, {"black"}),
        ("move", "put the item in the left box into the right box instead", {"left box"}, {"right box"}),
        ("remove", "delete the blue circle", {"blue", "circle"}, set()),
        ("swap", "swap the left box and the middle box", {"left box", "middle box"}, set()),
        (
            "add",
            "add a small black circle at the top of the middle box",
            {"at the top", "middle box"},
            {"small", "black", "circle"},
        ),
    ],
)
def test_what_an_instruction_speaks_of_and_what_it_asks_for(family, instruction, there, wanted):
    roles = Roles.of(Edit(family, instruction, SCENE, ()))
    assert {term for term, said in zip(TERMS, roles.there, strict=True) if said} == there
    assert {term for term, said in zip(TERMS, roles.wanted, strict=True) if said} == wanted


def test_marks_are_on_items_that_go_and_not_where_one_comes():
    moved = Scene(((), (), SCENE.boxes[0]))
    marks = grounding._wanted([SCENE], [moved], 9, 3)
    assert marks[0].nonzero().tolist() == [[cell_of(10, 10), 0, 0]]


def test_the_command_writes_a_model_that_loads(tmp_path, monkeypatch, capsys):
    small = ["--scenes", "12", "--words-steps", "2", "--marks-steps", "2"]
    monkeypatch.setattr(sys, "argv", ["pretraining", "--out", str(tmp_path / "towers"), *small])
    command.main()
    capsys.readouterr()
    composer = Composer.load(tmp_path / "towers")
    assert composer.provenance["marks_steps"] == 2
    assert composer.digest == towers.make(scenes=12, words_steps=2, marks_steps=2, progress=False).digest


def test_the_shipped_towers_mark_the_item_that_is_spoken_of():
    scene = Scene(((Item("square", "blue", 30, 5, 5),), (Item("circle", "black", 20, 60, 60),), ()))
    encoder = Composer.load(SHIPPED).encoders[0]
    prepared = encoder.prepare(Sample("", draw(scene), "remove the black circle"))
    side = encoder({key: torch.from_numpy(array)[None] for key, array in prepared.items()}).image
    marks = side.tokens.reshape(9, 3, -1)[..., -1]
    assert divmod(int(marks.argmax()), 3) == (cell_of(70, 70), 1)
    assert marks.max() > 0.5
