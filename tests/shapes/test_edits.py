"""Every family of edits against hand-made scenes, and the laws that all edits keep."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scene_notation import scene

from twinlens.core.types import TwinlensError
from twinlens.shapes.changes import random_change
from twinlens.shapes.edits import FAMILIES, FEWEST, MOST, random_edit
from twinlens.shapes.scenes import fits, random_scene, scatter_scene
from twinlens.shapes.wording import refer

BEFORE = scene("ys20@0,40 kc10@50,50", "yc30@10,10", "bt20@60,60")
EXAMPLES = {
    "recolour": ("make the square blue", scene("bs20@0,40 kc10@50,50", "yc30@10,10", "bt20@60,60")),
    "resize": ("make the square large", scene("ys30@0,35 kc10@50,50", "yc30@10,10", "bt20@60,60")),
    "reshape": ("turn the black item into a triangle", scene("ys20@0,40 kt10@50,50", "yc30@10,10", "bt20@60,60")),
    "remove": ("remove the triangle", scene("ys20@0,40 kc10@50,50", "yc30@10,10", "")),
    "move": ("move the square to the right box", scene("kc10@50,50", "yc30@10,10", "bt20@60,60 ys20@0,40")),
    "add": (
        "add a small black circle in the bottom right corner of the left box",
        scene("ys20@0,40 kc10@50,50 kc10@90,90", "yc30@10,10", "bt20@60,60"),
    ),
    "swap": ("swap the left box and the right box", scene("bt20@60,60", "yc30@10,10", "ys20@0,40 kc10@50,50")),
    "repaint": ("make all circles blue", scene("ys20@0,40 bc10@50,50", "bc30@10,10", "bt20@60,60")),
}
seeds = st.integers(0, 2**32)


def find(instruction: str, family: str):
    rng = np.random.default_rng(0)
    found = (random_edit(rng, BEFORE, family) for _ in range(20_000))
    return next(edit for edit in found if edit.instruction == instruction)


def is_possible(family: str, reference) -> bool:
    """Whether any arguments give an edit of this family that changes the scene and can be told in words."""
    rng, kind = np.random.default_rng(0), FAMILIES[family]
    return any(
        kind.apply(reference, *arguments) and kind.say(rng, reference, *arguments)
        for arguments in product(*kind.options(reference))
    )


def test_every_family_has_an_example():
    assert EXAMPLES.keys() == FAMILIES.keys()
    assert len(FAMILIES) >= 6


@pytest.mark.parametrize("family", EXAMPLES)
def test_an_instruction_leads_to_its_target(family):
    instruction, after = EXAMPLES[family]
    edit = find(instruction, family)
    assert edit.family == family
    assert edit.target == after


@pytest.mark.parametrize("family", FAMILIES)
@given(seed=seeds)
def test_the_laws_of_edits(family, seed):
    rng = np.random.default_rng(seed)
    reference = scatter_scene(rng, items=(2, 4))
    assume(is_possible(family, reference))
    edit = random_edit(rng, reference, family)
    assert edit.target != reference
    assert edit.distractors[0] == reference
    assert FEWEST <= len(set(edit.distractors)) == len(edit.distractors) <= MOST
    assert edit.target not in edit.distractors
    for result in (edit.target, *edit.distractors):
        for box in result.boxes:
            assert all(fits(item, [other for other in box if other != item]) for item in box)


def test_a_rare_edit_is_found_and_an_impossible_one_refused():
    for seed, possible in ((2340319, True), (5843, False)):
        rng = np.random.default_rng(seed)
        reference = scatter_scene(rng, items=(2, 4))
        assert is_possible("move", reference) == possible
        if possible:
            assert random_edit(rng, reference, "move").family == "move"
        else:
            with pytest.raises(TwinlensError, match="no edit"):
                random_edit(rng, reference, "move")


def test_the_same_seed_gives_the_same_edit():
    reference = scatter_scene(np.random.default_rng(0))
    assert random_edit(np.random.default_rng(1), reference) == random_edit(np.random.default_rng(1), reference)


def test_distractors_have_wrong_objects_and_wrong_attributes():
    edit = find("make the square blue", "recolour")
    wrong_colour = scene("ks20@0,40 kc10@50,50", "yc30@10,10", "bt20@60,60")
    wrong_object = scene("ys20@0,40 bc10@50,50", "yc30@10,10", "bt20@60,60")
    assert wrong_colour in edit.distractors
    assert wrong_object in edit.distractors


def test_an_item_is_told_by_no_more_than_sets_it_apart():
    rng = np.random.default_rng(0)
    phrases = {refer(rng, BEFORE, (1, 0)) for _ in range(300)}
    assert {"the large item", "the item in the middle box", "the yellow circle"} <= phrases
    assert not phrases & {"the circle", "the yellow item"}
    assert "the large yellow circle in the middle box" in phrases


def test_twins_in_one_box_cannot_be_told_apart():
    twins = scene("ys20@0,0 ys20@50,50", "kc10@0,0")
    rng = np.random.default_rng(0)
    assert refer(rng, twins, (0, 0)) is None
    assert refer(rng, twins, (1, 0)) is not None
    assert all("square" not in random_edit(rng, twins, "remove").instruction for _ in range(20))


def test_what_cannot_be_told_is_refused():
    with pytest.raises(TwinlensError, match="can be told in words"):
        random_edit(np.random.default_rng(0), scene(""), "remove")


def test_an_item_is_added_only_where_it_has_room():
    crowded = scene("ys30@0,0", "ys30@0,0", "ys30@0,0")
    rng = np.random.default_rng(0)
    assert not any("top left" in random_edit(rng, crowded, "add").instruction for _ in range(60))


@given(seeds)
def test_small_changes_keep_towers_towers(seed):
    rng = np.random.default_rng(seed)
    before = random_scene(rng, tower_share=0.5)
    after = random_change(rng, before)
    assert after != before
    assert after is None or after.is_towers == before.is_towers
