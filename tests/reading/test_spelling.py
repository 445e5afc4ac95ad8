from __future__ import annotations

import pytest

from twinlens.reading.grammar.parse import VOCABULARY, parse
from twinlens.reading.grammar.spelling import normalise


@pytest.mark.parametrize(
    ("sentence", "words"),
    [
        ("There are 2 boxes.", "there is two box"),
        ("atleast ONE Object", "at least one item"),
        ("tleast one", "at least one"),
        ("t least one", "at least one"),
        ("ll the towers", "all the tower"),
        ("a blue squere", "a blue square"),
        ("tocuhing the wall", "touching the wall"),
        ("a yellow cirlce", "a yellow circle"),
        ("ablue block", "a blue block"),
        ("isa box", "is a box"),
        ("a yelow item bellow", "a yellow item below"),
        ("at leats 1 bloxk", "at least one block"),
        ("same colour", "same color"),
        ("ha yellow bases,", "has yellow base ,"),
    ],
)
def test_words_take_one_form(sentence, words):
    assert normalise(sentence, VOCABULARY) == words.split()


@pytest.mark.parametrize("sentence", ["There is a red box", "a photograph of two dogs", "xyzzy", "10 blocks"])
def test_a_strange_word_is_not_guessed(sentence):
    assert normalise(sentence, VOCABULARY) is None
    assert parse(sentence) is None


@pytest.mark.parametrize("sentence", ["", "...", "there is", "box a is there", "blue blue the", "a , b"])
def test_words_without_a_reading_are_left_unread(sentence):
    assert parse(sentence) is None
