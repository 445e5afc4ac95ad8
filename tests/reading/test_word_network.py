"""The network that guesses meanings."""

from __future__ import annotations

import numpy as np
import pytest

from twinlens.reading.meanings import Meaning
from twinlens.reading.words import FIRST_WORD, START, STOP, UNKNOWN, Sizes, WordNetwork, words

SIZES = Sizes(vocabulary=4, symbols=6, embedding=3, hidden=2)
SYMBOLS = ("Count", "Is:colour:blue", "Number:1:", "Untrue", "end")


def network(seed: int, *, scale: float = 1.0) -> WordNetwork:
    rng = np.random.default_rng(seed)
    weights = {name: scale * rng.standard_normal(shape).astype(np.float32) for name, shape in SIZES.shapes().items()}
    return WordNetwork(("blue", "circle", "there"), SYMBOLS, weights)


def test_words_stand_in_the_form_of_the_grammar_and_others_in_the_singular():
    assert words("2 blue Circles, touching purple things!") == ["two", "blue", "circle", "touching", "purple", "thing"]
    assert words("Every circle touches a box") == ["every", "circle", "touch", "a", "box"]


def test_words_have_numbers_between_a_start_and_a_stop():
    assert network(0).numbers(["blue", "dog", "there"]) == [START, FIRST_WORD, UNKNOWN, FIRST_WORD + 2, STOP]


@pytest.mark.parametrize("seed", range(12))
def test_whatever_the_weights_are_a_guess_is_a_meaning_or_none(seed):
    guess = network(seed, scale=3.0)("there is a blue circle")
    assert guess is None or isinstance(guess, Meaning)


def test_meanings_are_guessed_by_some_weights():
    assert sum(network(seed)("there is a blue circle") is not None for seed in range(12)) > 3


def test_a_sentence_without_known_words_has_no_meaning():
    assert network(1)("two dogs") is None
    assert network(1)("") is None
