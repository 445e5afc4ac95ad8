from __future__ import annotations

import pytest
from hypothesis import given, settings
from meaning_strategies import meanings

from twinlens.core.types import TwinlensError
from twinlens.reading.grammar.kinds import BLOCK, ITEM
from twinlens.reading.grammar.parse import parse
from twinlens.reading.grammar.say import say
from twinlens.reading.meanings import (
    SOME,
    Alike,
    And,
    At,
    AtEdge,
    Boxes,
    Compare,
    Count,
    EachBox,
    Every,
    Is,
    Kind,
    Not,
    Number,
    Over,
    Sharing,
    Touching,
    Untrue,
    exactly,
)

BLUE, YELLOW = Is("colour", "blue"), Is("colour", "yellow")
CIRCLES, SQUARES = Kind((Is("shape", "circle"),)), Kind((Is("shape", "square"),))


@settings(max_examples=300, deadline=None)
@given(meanings)
def test_every_meaning_is_read_as_it_is_said(meaning):
    assert parse(say(meaning)) == meaning


@pytest.mark.parametrize(
    ("meaning", "sentence"),
    [
        (Count(Kind((BLUE, Is("shape", "circle"))), exactly(2)), "There are exactly two blue circles."),
        (Count(BLOCK.that(BLUE, At("base")), SOME), "There is a blue block at the base."),
        (Count(ITEM, SOME), "There is an item."),
        (EachBox("box", Count(ITEM, Number(0, 3))), "Each box has at most three items."),
        (EachBox("tower", Untrue(Count(BLOCK, exactly(1)))), "None of the towers has exactly one block."),
        (Boxes("tower", And(()), exactly(2)), "There are exactly two towers."),
        (Sharing("tower", "height", Number(2)), "There are at least two towers with the same height."),
        (
            Count(BLOCK.that(YELLOW, Over(BLOCK.that(BLUE), directly=True)), SOME),
            "There is a yellow block directly above a blue block.",
        ),
        (
            Boxes("box", And((Count(CIRCLES, exactly(2)), Every(SQUARES, Kind((BLUE,))))), SOME),
            "There is a box with exactly two circles, and in it all squares are blue items.",
        ),
        (
            Boxes("box", And((Count(CIRCLES, SOME), Alike("colour", SQUARES, exactly(2)))), SOME),
            "There is a box with a circle, and having exactly two squares of the same color.",
        ),
        (Compare(CIRCLES, SQUARES), "There are more circles than squares."),
        (
            Compare(CIRCLES, SQUARES.that(AtEdge())),
            "There are more circles than there are squares touching the edge.",
        ),
        (
            Count(CIRCLES.that(Touching(SQUARES.that(Not(AtEdge())))), SOME),
            "There is a circle touching a square that is not touching the edge.",
        ),
    ],
)
def test_sentences_are_plain(meaning, sentence):
    assert say(meaning) == sentence


@pytest.mark.parametrize(
    "meaning",
    [
        Count(ITEM, exactly(10)),
        Count(Kind((Is("shape", "circle"), Is("shape", "square"))), SOME),
        Boxes("box", Boxes("box", Count(ITEM, SOME), SOME), SOME),
        Count(BLOCK.that(Not(Not(Not(BLUE))), Not(BLOCK.conditions[0])), SOME),
    ],
)
def test_a_meaning_without_words_is_refused(meaning):
    with pytest.raises(TwinlensError, match="the grammar has no words for"):
        say(meaning)
