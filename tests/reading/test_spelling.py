from __future__ import annotations

import pytest

from twinlens.reading.grammar.english import WORDS
from twinlens.reading.grammar.parse import VOCABULARY, parse
from twinlens.reading.grammar.spelling import FORMS, MENDED, RUN_TOGETHER, normalise


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


def slips(word):
    """Every word that is one lost, added, changed or swapped letter away."""
    letters = "abcdefghijklmnopqrstuvwxyz"
    cuts = [(word[:cut], word[cut:]) for cut in range(len(word) + 1)]
    lost = {head + tail[1:] for head, tail in cuts if tail}
    added = {head + letter + tail for head, tail in cuts for letter in letters}
    changed = {head + letter + tail[1:] for head, tail in cuts if tail for letter in letters}
    swapped = {head + tail[1] + tail[0] + tail[2:] for head, tail in cuts if len(tail) > 1}
    return lost | added | changed | swapped


def test_words_of_english_that_look_like_others_are_listed_once_and_near_one():
    near = {slip for word in MENDED for slip in slips(word)}
    run_together = {head + word for head in RUN_TOGETHER for word in {*VOCABULARY, *FORMS}}
    assert not WORDS & {*VOCABULARY, *FORMS}
    assert {*WORDS} - near - run_together == set()


@pytest.mark.parametrize("word", sorted(WORDS))
def test_a_word_of_english_is_not_mended(word):
    assert normalise(f"a {word} circle", VOCABULARY) is None


@pytest.mark.parametrize(
    "sentence",
    [
        "There is a larger circle.",
        "Neither there is a circle, or else there is a square.",
        "There is a box with a lot blue.",
        "There are many circles.",
        "These are circles.",
        "There is a blank square.",
        "There are tour circles.",
        "There is none circle.",
    ],
)
def test_a_sentence_with_another_word_is_left_unread(sentence):
    assert parse(sentence) is None
