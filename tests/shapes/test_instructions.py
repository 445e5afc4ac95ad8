"""Instructions: what is read is the edit that was drawn."""

from __future__ import annotations

import numpy as np
import pytest

from twinlens.reading.world import Item
from twinlens.shapes.edits import FAMILIES, random_edit
from twinlens.shapes.instructions import parse_instruction
from twinlens.shapes.scenes import Scene, random_scene


@pytest.mark.parametrize("family", FAMILIES)
def test_executing_an_instruction_is_drawing_its_edit(family):
    rng = np.random.default_rng(5)
    for _ in range(60):
        scene = random_scene(rng, items=(2, 4), tower_share=0.0)
        edit = random_edit(rng, scene, family)
        instruction = parse_instruction(edit.instruction)
        assert instruction is not None, edit.instruction
        assert instruction.family == family
        assert instruction.apply(scene) == edit.target, edit.instruction


@pytest.mark.parametrize(
    "text",
    ["There is a blue circle.", "make it blue", "make the two squares blue", "remove the red square", "", "two dogs"],
)
def test_other_sentences_are_left_unread(text):
    assert parse_instruction(text) is None


def test_what_is_no_single_item_is_left_undone():
    square = Item("square", "blue", 20, 0, 0)
    scene = Scene(((square, square._replace(x=50)), (), (Item("circle", "black", 10, 0, 0),)))
    for text in (
        "remove the blue square",
        "remove the triangle",
        "make the circle black",
        "Move the circle to the right box",
    ):
        instruction = parse_instruction(text)
        assert instruction is not None and instruction.apply(scene) is None
    assert parse_instruction("Change the color of the circle to yellow.").apply(scene).boxes[2][0].colour == "yellow"
