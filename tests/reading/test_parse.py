"""Sentences of each kind with the meaning that they are read as, told by another sentence."""

from __future__ import annotations

import numpy as np
import pytest

from twinlens.reading.grammar.parse import parse
from twinlens.reading.grammar.say import say
from twinlens.reading.meanings import AtEdge, Is
from twinlens.shapes.scenes import random_scene
from twinlens.shapes.sentences import FAMILIES, Table, random_sentence

SCENES = 40
"""Random scenes on which two truths of a sentence are compared."""
AGREEMENT = 0.98
"""Least share of scenes with the same truth; a corner is a pixel wider here, as NLVR's raters saw it."""


@pytest.mark.parametrize(
    ("sentence", "said"),
    [
        (
            "The base of a three blocks tower is yellow.",
            "a tower with exactly three blocks and a yellow block at the base",
        ),
        ("One tower has a yellow base.", "exactly one tower with a yellow block at the base"),
        (
            "There is a tower with a blue block over a yellow block",
            "a tower with a blue block directly above a yellow block",
        ),
        ("There is a black item above a blue item", "a black item somewhere above a blue item"),
        (
            "There are 2 boxes with only black and yellow items.",
            "exactly two boxes with items of only black and yellow color",
        ),
        (
            "There is 1 tower with 2 black blocks stacked together",
            "exactly one tower with a black block directly above a black block",
        ),
        (
            "one of the grey square contains exactly one object which is black",
            "exactly one box with exactly one item and exactly one black item",
        ),
        (
            "One of the grey box has three objects one of which is a circle",
            "exactly one box with exactly three items and a circle",
        ),
        (
            "There is a box with 3 items at most of black and blue color.",
            "a box with at most three items and items of only black and blue color",
        ),
        (
            "There is a box with 4 items and the black one is on top.",
            "a box with exactly four items and a black item at the top",
        ),
        ("There is a box with 1 black and 1 blue item.", "a box with exactly one black item and exactly one blue item"),
        (
            "There is a box with a blue item touching the wall and a black one on top of it.",
            "a box with a black item somewhere above a blue item touching the edge",
        ),
        (
            "There is a blue block as the top of a tower with at least two blocks.",
            "a blue block at the top and in a box with at least two blocks",
        ),
        (
            "There is a blue block as the base of a three block tower.",
            "a blue block at the base and in a box with exactly three blocks",
        ),
        (
            "There is a black block as the base of at least two towers.",
            "at least two towers with a black block at the base",
        ),
        (
            "There is a black or yellow triangle closely touching the bottom of a box.",
            "a black or yellow triangle touching the bottom edge",
        ),
        (
            "There is a yellow block between a blue block and a black block.",
            "a yellow block between a blue block and a black block",
        ),
        ("There are only two towers which has the same base color.", "exactly two towers with the same base color"),
        (
            "There is a tower with a yellow block below a different colored block",
            "a yellow block directly below a block not of yellow color",
        ),
    ],
)
def test_sentences_are_read_as_they_are_meant(sentence, said):
    assert said in say(parse(sentence))


@pytest.mark.parametrize(
    ("sentence", "same"),
    [
        ("There is 1 yellow item in each box", "Each box has exactly one yellow item."),
        ("There is at least 1 yellow item in each box", "each grey box has at least one yellow object"),
        ("None of the black triangles are touching a edge", "all black triangles are items not touching the edge"),
        ("ll blue items are in the same box.", "All blue objects are in the same box"),
        (
            "Only 2 yellow and one black item are touching the wall.",
            "There are 2 yellow items touching the wall, and also there is one black item touching the wall",
        ),
        ("ll 3 different colors are touching the wall.", "There are items touching the wall of exactly three colors"),
        (
            "there is exactly one tower which has a yellow black at the top",
            "exactly one tower has a yellow block at the top",
        ),
        ("There are fewer circles than squares", "There are more squares than circles"),
        ("All towers differ in height.", "No two towers have the same height."),
    ],
)
def test_two_sentences_mean_the_same(sentence, same):
    assert parse(sentence) is not None
    assert parse(sentence) == parse(same)


@pytest.mark.parametrize(
    "sentence",
    [
        "There are 2 boxes with many items",
        "There is a box with a black item between 2 items of the same color and no item on top of that.",
        "There is a small black triangle near a yellow circle.",
        "There is a box with six items and the it has three colors.",
        "the grey box with least number of object contains only one black object",
        "There is a box with a circle and a square touching the wall.",
        "There are a black circle and two blue squares not touching the edge.",
        "There is a box with a circle, a square and a triangle touching the bottom.",
        "There are two circles touching each other and a square.",
        "There is a box with two blue items touching each other and a black circle.",
        "There are two blue circles touching each other and the wall.",
    ],
)
def test_a_sentence_beyond_the_grammar_is_left_unread(sentence):
    assert parse(sentence) is None


@pytest.mark.parametrize(
    ("sentence", "same"),
    [
        ("There is a box with a circle, and it has a square touching the wall.", "square"),
        ("There is a box with four items and a blue square touching the wall.", "square"),
        ("There is a box with a square touching the wall, and it has a circle.", "square"),
        ("There is a box with a square touching the wall and a circle at the top.", "square"),
    ],
)
def test_what_one_item_alone_touches_is_read(sentence, same):
    meaning = parse(sentence)
    counts = {count.kind for count in meaning.has.parts if AtEdge() in count.kind.conditions}
    assert [Is("shape", same) in kind.conditions for kind in counts] == [True]


@pytest.mark.parametrize("family", FAMILIES)
def test_generated_sentences_are_read_with_the_same_truth(family):
    rng = np.random.default_rng(list(family.encode()))
    scenes = [random_scene(rng, items=(1, 6), tower_share=0.5) for _ in range(SCENES)]
    table, truths = Table.of(scenes), []
    for _ in range(10):
        sentence = random_sentence(rng, family)
        meaning = parse(sentence.text)
        assert meaning is not None, sentence.text
        truths.append(np.mean([meaning.true_of(s.boxes) for s in scenes] == sentence.truths(table)))
    assert np.mean(truths) >= AGREEMENT
