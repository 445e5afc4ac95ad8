"""Sentences that are easily read as another one: each with a scene of which it is true, and one of which it is not."""

from __future__ import annotations

import pytest
from scenes import scene

from twinlens.reading.grammar.parse import parse

PRONOUNS = [
    ("There is no circle with a square above it.", "bs10@10,70 bc10@10,10", "bs10@10,10 bc10@10,50"),
    ("There is a circle with a square above it.", "bs10@10,10 bc10@10,50", "bs10@10,70 bc10@10,10"),
    ("There is a circle with no square above it.", "bs10@10,70 bc10@10,10", "bs10@10,10 bc10@10,50"),
    (
        "There are exactly two circles with at least one square above it.",
        "bs10@10,0 bc10@10,50 kc10@50,50",
        "bs10@10,0 ks10@50,0 bc10@10,50",
    ),
    (
        "There are at least two circles with a square below it.",
        "bs10@10,90 bc10@10,50 kc10@50,50",
        "bs10@10,90 bs10@30,90 bc10@10,50",
    ),
    ("There is at most one circle with a square below it.", "bc10@10,50 kc10@50,50", "bs10@0,90 bc10@10,50 kc10@50,50"),
    ("There is a blue block with a black block above it.", "tower bk", "tower byk"),
    ("There is a box with a circle and a square above it.", "bs10@10,10 bc10@10,50", "bs10@10,70 bc10@10,10"),
]
REFERENCES = [
    ("There is a yellow circle and it is touching the wall.", "yc10@0,50 yc10@90,50", "yc10@50,50"),
    ("There is only one yellow circle and it is touching the wall.", "yc10@0,50", "yc10@0,50 yc10@50,50"),
]
ELIDED = [
    (
        "There is a box with two blue circles and one black one.",
        "bc10@0,0 bc10@20,0 kc10@40,0",
        "bc10@0,0 bc10@20,0 ks10@40,0",
    ),
    (
        "There is a box with two blue circles and one black.",
        "bc10@0,0 bc10@20,0 kc10@40,0",
        "bc10@0,0 bc10@20,0 ks9@40,0",
    ),
    (
        "There is a box with a blue circle and two black ones.",
        "bc10@0,0 kc10@20,0 kc10@40,0",
        "bc9@0,0 ks9@20,0 ks9@40,0",
    ),
    (
        "There is a box with one small and two large circles.",
        "bc10@0,0 bc30@20,0 kc30@60,0",
        "bs10@0,0 bc30@9,0 kc30@60,0",
    ),
    ("There are one blue and two black circles.", "bc10@0,0 kc10@20,0 kc10@40,0", "bs10@0,0 kc10@20,0 kc10@40,0"),
    ("There is a small and a large square.", "bs10@0,0 bs30@20,0", "bc10@0,0 bs30@20,0"),
    ("There is no small and one large square.", "bc10@0,0 bs30@20,0", "bs10@0,0 bs30@20,0"),
    (
        "There is a box with one blue, one black and one yellow circle.",
        "bc10@0,0 kc10@20,0 yc10@40,0",
        "bc10@0,0 ks10@20,0 yc10@40,0",
    ),
    (
        "There is a box with a blue and a black circle touching the wall.",
        "bc10@0,0 kc10@20,0",
        "bc10@30,30 kc10@20,0",
    ),
    ("One blue and one black circle are touching the wall.", "bc10@0,0 kc10@20,0", "bs10@0,0 kc10@20,0"),
    ("There are more blue circles than black ones.", "bc10@0,0 ks10@20,0 ks10@40,0", "bc10@0,0 kc10@20,0 bs10@40,0"),
]
ALIKE = [
    ("There is a tower with no blocks of the same color.", "tower by", "tower bb"),
    ("Each box has no items of the same shape.", "bs10@0,0 bc10@20,0", "bs10@0,0 ks10@20,0"),
    (
        "There is a tower with at most two blocks of the same color.",
        "tower bbk",
        "tower bbbk",
    ),
    ("There is a tower with two blocks of the same color.", "tower bbk", "tower bbbk"),
    ("There is a tower with at least two blocks of the same color.", "tower bbbk", "tower byk"),
]
PLURALS = [
    ("The circles are touching the wall.", "bc10@0,0 kc10@90,9", "bc10@0,0 kc10@50,50"),
    ("The yellow circles touch the wall.", "yc10@0,0 kc10@50,50", "yc10@0,0 yc10@50,50"),
    ("The circle is touching the wall.", "bc10@0,0 kc10@50,50", "bc10@40,40"),
    ("None of the circles are touching the wall.", "bc10@40,40", "bc10@0,0 kc10@50,50"),
    ("Not all circles are blue.", "bc10@0,0 kc10@50,50", "bc10@0,0"),
    ("Not every circle is blue.", "kc10@50,50", "bs10@0,0"),
    ("Circles are yellow.", "yc10@0,0 ks10@50,50", "yc10@0,0 kc10@50,50"),
    ("Squares are blue or black.", "bs10@0,0 ks10@50,50", "bs10@0,0 ys10@50,50"),
    ("Yellow items are not touching the wall.", "yc10@50,50 kc10@0,0", "yc10@50,50 ys10@0,0"),
    ("Yellow items don't touch the wall.", "yc10@50,50 kc10@0,0", "yc10@50,50 ys10@0,0"),
    ("Blue items are circles.", "bc10@0,0 ks10@50,50", "bc10@0,0 bs10@50,50"),
    ("Large items are not blue.", "kc30@0,0 bc10@50,50", "kc30@0,0 bc30@50,50"),
    ("Triangles touch the wall.", "bt10@0,0 kc10@50,50", "bt10@0,0 bt10@50,50"),
    ("Circles touching the wall are blue.", "bc10@0,0 kc10@50,50", "bc10@0,0 kc10@0,50"),
    ("Circles touching the wall.", "bc10@0,0 kc10@50,50", "bc10@50,50"),
    ("Black blocks are at the base.", "tower kb", "tower kk"),
    ("It is not true that circles are yellow.", "yc10@0,0 kc10@50,50", "yc10@0,0"),
    ("Black circle is touching the wall.", "kc10@0,0 kc10@50,50", "kc10@50,50"),
]
ONLY = [
    ("There is a box with only black and yellow circles.", "kc10@0,0 yc10@20,0", "kc10@0,0 yc10@20,0 bs10@40,0"),
    ("There are exactly two circles that are blue.", "bc10@0,0 bc10@20,0 kc10@40,0", "bc10@0,0 kc10@20,0"),
    ("There are exactly two circles and they are both blue.", "bc10@0,0 bc10@20,0", "bc10@0,0 bc10@20,0 kc10@40,0"),
    ("There are exactly two items that are blue.", "bc10@0,0 bs10@20,0 kc10@40,0", "bc10@0,0 kc10@20,0"),
    ("There is only one item that is not blue.", "bc10@0,0 ks10@20,0", "kc10@0,0 ks10@20,0"),
    ("There are exactly three blocks that are black.", "tower kkkb", "tower kkb"),
    ("A box has exactly two items which are black.", "kc10@0,0 ks10@20,0", "kc10@0,0 ks10@20,0 bc10@40,0"),
    ("There is a box where only circles touch the wall.", "bc10@0,0 ks10@50,50", "bc10@0,0 ks10@0,50"),
    ("There is a box with only circles touching the wall.", "bc10@0,0 ks10@50,50", "bc10@0,0 ks10@0,50"),
    ("There is a box with only black items touching the base.", "kc10@0,90 bs10@0,0", "kc10@0,90 bs10@50,90"),
    ("There is a tower with only blue blocks on top of a yellow block.", "tower kyb", "tower yyb"),
    ("There is a tower with only blue blocks at the base.", "tower bk", "tower kb"),
    ("Only circles touch the wall.", "bc10@0,0 ks10@50,50", "bc10@50,50 ks10@0,50"),
    ("There is a box with only items touching the wall.", "bc10@0,0 ks10@0,50", "bc10@0,0 ks10@50,50"),
    ("There is a blue item at the top of a tower.", "tower kb", "kc10@0,40 bc10@0,0"),
    ("There is a box with items of the same shape.", "bc10@0,0 kc10@20,0", "bc10@0,0 bs10@20,0"),
    ("There are two circles and both are blue.", "bc10@0,0 bc10@20,0", "bc10@0,0 kc10@20,0"),
    ("There is one circle and it is blue.", "bc10@0,0", "kc10@0,0"),
    ("There are three circles in a box.", "bc10@0,0 bc10@20,0 kc10@40,0", "bc10@0,0 bc10@20,0"),
    ("There is a black block between two yellow blocks.", "tower yky", "tower yk"),
]
NEGATED = [
    ("There isn't a blue circle.", "kc10@0,0", "bc10@0,0"),
    ("There aren't any blue circles.", "kc10@0,0", "bc10@0,0"),
    ("There is not a box with a blue circle.", "kc10@0,0", "bc10@0,0"),
    ("There is no blue circle in any box.", "kc10@0,0", "bc10@0,0"),
    ("There are no more than two circles.", "bc10@0,0 kc10@20,0", "bc10@0,0 kc10@20,0 kc10@40,0"),
    ("There are no fewer than two circles.", "bc10@0,0 kc10@20,0", "bc10@0,0"),
    ("There are two or fewer circles.", "bc10@0,0", "bc10@0,0 kc10@20,0 kc10@40,0"),
    ("There are some blue circles.", "bc10@0,0", "kc10@0,0"),
    ("There are blocks of some color.", "tower bk", "bc10@0,0"),
    ("Exactly two boxes do not have a circle.", "bc10@0,0", "bs10@0,0"),
]


@pytest.mark.parametrize(
    ("sentence", "true", "false"),
    [*PRONOUNS, *REFERENCES, *ELIDED, *ALIKE, *PLURALS, *ONLY, *NEGATED],
    ids=lambda text: text[:60],
)
def test_a_sentence_is_read_as_it_is_meant(sentence, true, false):
    meaning = parse(sentence)
    assert meaning is not None
    assert meaning.true_of(scene(true)) and not meaning.true_of(scene(false))


LOW, MIDDLE, HIGH = "tower b", "tower bk", "tower bky"


@pytest.mark.parametrize(
    ("sentence", "true", "false"),
    [
        ("No towers have the same height.", (LOW, MIDDLE, HIGH), (LOW, LOW, HIGH)),
        ("No two towers have the same height.", (LOW, MIDDLE, HIGH), (LOW, LOW, HIGH)),
        ("The towers have different heights.", (LOW, MIDDLE, HIGH), (LOW, LOW, HIGH)),
        ("There are three towers with different heights.", (LOW, MIDDLE, HIGH), (LOW, MIDDLE, "bc10@0,0")),
        ("At most two towers have the same height.", (LOW, LOW, HIGH), (LOW, LOW, LOW)),
        ("At most two towers have the same height.", (LOW, MIDDLE, HIGH), (LOW, LOW, LOW)),
        ("Exactly two towers have the same height.", (LOW, LOW, HIGH), (LOW, LOW, LOW)),
        ("At least two towers have the same height.", (LOW, LOW, LOW), (LOW, MIDDLE, HIGH)),
        ("The towers have the same height.", (LOW, LOW, LOW), (LOW, LOW, HIGH)),
        ("The bases of the towers are blue.", (LOW, MIDDLE, HIGH), (LOW, MIDDLE, "tower k")),
        ("The base of a tower is black.", (LOW, MIDDLE, "tower k"), (LOW, MIDDLE, HIGH)),
        ("Not all towers have a blue base.", (LOW, MIDDLE, "tower k"), (LOW, MIDDLE, HIGH)),
        ("The boxes have a circle.", ("bc9@0,0", "kc9@0,0", "yc9@0,0"), ("bc9@0,0", "kc9@0,0", "ys9@0,0")),
        ("Not all boxes have a circle.", ("bc9@0,0", "kc9@0,0", "ys9@0,0"), ("bc9@0,0", "kc9@0,0", "yc9@0,0")),
    ],
)
def test_a_sentence_about_three_boxes_is_read_as_it_is_meant(sentence, true, false):
    meaning = parse(sentence)
    assert meaning is not None
    assert meaning.true_of(scene(*true)) and not meaning.true_of(scene(*false))
