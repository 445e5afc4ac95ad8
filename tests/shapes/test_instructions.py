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
    [
        *(
            "There is a blue circle.",
            "make it blue",
            "make the two squares blue",
            "remove the red square",
            "",
            "two dogs",
        ),
        *("remove all", "remove the circles", "add a blue circle to the left box", "swap the boxes"),
    ],
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


SCENE = Scene(
    (
        (Item("square", "blue", 20, 0, 0), Item("circle", "blue", 10, 50, 50)),
        (Item("square", "black", 10, 45, 45),),
        (Item("circle", "black", 10, 0, 0), Item("circle", "yellow", 30, 50, 50)),
    )
)


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("change the black square to blue", "make the black square blue"),
        ("Change the blue circle to large.", "make the blue circle large"),
        ("change the blue square to a circle", "turn the blue square into a circle"),
        ("swap the left and right boxes", "swap the left box and the right box"),
        ("swap the middle and the left box", "swap the middle box with the left box"),
        ("remove the blue circle from the left box", "remove the blue circle"),
        ("remove all black circles", "remove the black circle"),
        ("delete every item in the middle box", "remove the black square"),
        ("add a small black circle to the left box", "add a small black circle at the top of the left box"),
        (
            "add a small blue circle in the middle box",
            "add a small blue circle in the top left corner of the middle box",
        ),
        ("add a large blue circle to the right box", "add a large blue circle at the top of the right box"),
    ],
)
def test_two_wordings_are_one_edit(text, same):
    edited = parse_instruction(text).apply(SCENE)
    assert edited is not None and edited == parse_instruction(same).apply(SCENE)


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("remove all circles", [1, 1, 0]),
        ("remove all the blue items", [0, 1, 2]),
        ("erase every small circle", [1, 1, 1]),
        ("remove all circles from the right box", [2, 1, 0]),
        ("remove everything in the left box", [0, 1, 2]),
        ("remove everything", [0, 0, 0]),
    ],
)
def test_all_that_fit_are_removed(text, left):
    assert [len(box) for box in parse_instruction(text).apply(SCENE)] == left


@pytest.mark.parametrize("text", ["remove all triangles", "remove all circles in the middle box"])
def test_where_nothing_fits_nothing_is_removed(text):
    assert parse_instruction(text).apply(SCENE) is None


def test_an_item_without_room_is_not_added():
    full = Scene((tuple(Item("square", "blue", 30, x, y) for x in (0, 35, 70) for y in (0, 35, 70)), (), ()))
    assert parse_instruction("add a large black circle to the left box").apply(full) is None
