"""Every kind of condition and statement on scenes made by hand, true and false."""

from __future__ import annotations

from pathlib import Path

import pytest
from scenes import scene

from twinlens.reading.meanings import (
    NONE,
    SOME,
    Alike,
    And,
    At,
    AtEdge,
    Between,
    Boxes,
    Compare,
    Count,
    EachBox,
    Either,
    Every,
    Is,
    IsBlock,
    Kind,
    Not,
    Number,
    Or,
    Over,
    Palette,
    Sharing,
    Touching,
    Under,
    Untrue,
    Variety,
    Within,
    conditions,
    exactly,
    statements,
)
from twinlens.reading.world import is_tower

ITEM, BLOCK = Kind(), Kind((IsBlock(),))
BLUE, YELLOW, BLACK = (Kind((Is("colour", colour),)) for colour in ("blue", "yellow", "black"))
CIRCLES = Kind((Is("shape", "circle"),))
TOWERS = scene("tower yyb", "tower kb", "tower yyk")
SCATTER = scene("yc10@0,40 bs20@30,30 kt30@70,70", "yc10@50,50 yc20@20,80", "bs30@10,10 bs10@21,41")


def some(kind, *tail):
    return Count(kind.that(*tail), SOME)


@pytest.mark.parametrize(
    ("meaning", "boxes"),
    [
        (some(BLUE, Is("size", "medium")), SCATTER),
        (some(BLUE, AtEdge()), scene("bs20@0,30")),
        (some(BLUE, AtEdge("right")), scene("bs20@80,30")),
        (some(BLACK, AtEdge("corner")), SCATTER),
        (some(BLACK, AtEdge("corner")), scene("kt30@70,69")),  # NLVR's raters call one pixel away a corner
        (some(BLACK, AtEdge("bottom right corner")), SCATTER),
        (some(BLOCK, Is("colour", "blue"), At("top")), TOWERS),
        (some(BLOCK, Is("colour", "black"), At("base")), TOWERS),
        (some(BLOCK, Is("colour", "blue"), At("second")), TOWERS),
        (some(BLOCK, Is("colour", "black"), At("third")), TOWERS),
        (some(BLOCK, Is("colour", "yellow"), At("below top")), TOWERS),
        (some(BLOCK, Is("colour", "yellow"), At("between")), TOWERS),
        (some(BLOCK, Over(YELLOW, directly=True), Is("colour", "yellow")), TOWERS),
        (some(BLACK, Under(BLUE, directly=True)), TOWERS),
        (some(BLUE, Over(BLACK)), SCATTER),
        (some(BLUE, Touching(BLUE)), SCATTER),
        (some(YELLOW, Between(YELLOW, BLUE)), TOWERS),
        (some(YELLOW, Between(ITEM, ITEM, alike=True)), scene("tower byb")),
        (some(YELLOW, Within(Count(BLACK, SOME))), SCATTER),
        (some(YELLOW, Not(AtEdge())), SCATTER),
        (some(ITEM, Either((Is("colour", "black"), Is("shape", "circle")))), SCATTER),
        (Count(BLOCK, exactly(8)), TOWERS),
        (Every(CIRCLES, YELLOW), SCATTER),
        (Compare(YELLOW, BLUE), TOWERS),
        (Variety("size", BLUE, exactly(3)), SCATTER),
        (Palette("size", ("small", "medium"), YELLOW), SCATTER),
        (Alike("colour", CIRCLES, exactly(3)), SCATTER),
        (Boxes("tower", Count(YELLOW, exactly(2)), exactly(2)), TOWERS),
        (Boxes("box", some(CIRCLES), exactly(2)), SCATTER),
        (EachBox("tower", some(BLOCK, At("top"))), TOWERS),
        (Sharing("tower", "height", exactly(2)), TOWERS),
        (Sharing("tower", "base", exactly(2)), TOWERS),
        (Sharing("tower", "second", exactly(2)), TOWERS),
        (Sharing("tower", "top", exactly(2)), scene("tower yb", "tower b", "tower y")),
        (Sharing("box", "colours", exactly(1)), SCATTER),
        (And((some(BLUE), some(YELLOW))), SCATTER),
        (Or((Count(BLUE, NONE), some(YELLOW))), SCATTER),
        (Untrue(Count(BLUE, NONE)), SCATTER),
    ],
)
def test_a_meaning_is_true_here_and_false_of_nothing(meaning, boxes):
    assert meaning.true_of(boxes)
    assert not Untrue(meaning).true_of(boxes)


@pytest.mark.parametrize(
    ("meaning", "boxes"),
    [
        (some(BLUE, AtEdge()), SCATTER),
        (some(YELLOW, AtEdge("right")), SCATTER),
        (some(ITEM, AtEdge("top left corner")), SCATTER),
        (some(BLACK, AtEdge("corner")), scene("kt30@69,69")),
        (some(BLOCK), SCATTER),
        (some(BLACK, At("base")), scene("tower yk")),
        (some(BLUE, Over(YELLOW, directly=True)), scene("tower ykb")),
        (some(BLUE, Over(YELLOW)), scene("bs20@10,30 ys20@50,45")),
        (some(YELLOW, Touching(YELLOW)), SCATTER),
        (some(YELLOW, Between(BLUE, BLACK)), TOWERS),
        (some(YELLOW, Between(ITEM, ITEM, alike=True)), scene("tower byk")),
        (Every(BLACK, BLUE), scene("")),  # of nothing, nothing is said
        (EachBox("tower", some(BLOCK)), SCATTER),
        (Every(BLUE, CIRCLES), SCATTER),
        (Palette("colour", ("blue", "yellow"), ITEM), SCATTER),
        (Palette("colour", ("blue", "yellow"), ITEM), scene("bs20@10,30")),
        (Sharing("tower", "height", exactly(2)), SCATTER),
        (EachBox("box", some(CIRCLES)), SCATTER),
    ],
)
def test_a_meaning_is_false_here(meaning, boxes):
    assert not meaning.true_of(boxes)


def test_numbers_admit_both_ends():
    assert [count for count in range(5) if Number(1, 3).admits(count)] == [1, 2, 3]
    assert [count for count in range(5) if Number(3).admits(count)] == [3, 4]


def test_kinds_and_palettes_are_equal_in_any_order():
    assert CIRCLES.that(Is("colour", "blue")) == BLUE.that(Is("shape", "circle"))
    assert Palette("colour", ("blue", "yellow"), ITEM) == Palette("colour", ("yellow", "blue"), ITEM)


@pytest.mark.parametrize("box", ["tower y", "tower ykby"])
def test_a_tower_stands_on_the_bottom_of_its_box(box):
    (tower, *_) = scene(box)
    assert is_tower(tower)
    assert not is_tower(tower[1:]) and not is_tower([item._replace(y=item.y - 1) for item in tower])


def test_every_kind_of_part_is_tried_here():
    """The tables above hold each condition, statement, place, and feature at least once."""
    text = Path(__file__).read_text("utf-8")
    names = [
        name
        for module in (conditions, statements)
        for name, value in vars(module).items()
        if isinstance(value, type) and value.__module__ == module.__name__
    ]
    assert names and [name for name in names if f"({name}(" not in text and f" {name}(" not in text] == []
    words = [*conditions.PLACES, *statements.FEATURES]
    assert [word for word in words if f'"{word}"' not in text] == []
