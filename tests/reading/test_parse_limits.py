"""Sentences of any length: each is read or left unread in a bounded time, and none raises."""

from __future__ import annotations

import inspect
import sys
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from twinlens.reading.grammar.parse import VOCABULARY, parse
from twinlens.reading.meanings import Meaning

MOST_SECONDS = 10
"""Bound of one sentence; without limits these take minutes. A busy machine needs well below a second."""
MOST_FRAMES = 300
"""Frames of Python's stack that a sentence may take; a caller has some 700 of 1,000 for itself."""
CHAINS = [
    "touching a circle",
    "in a box with a circle",
    "circle and",
    "not",
    "without",
    "either",
    "small",
    "one blue and",
]
signs = st.sampled_from(["🙂", "0", "12", "²", "٣", "\0", "½", "ﬁ", "'", "-", ",", ".", "İ", "\n", "ß"])
words = st.one_of(st.sampled_from(sorted(VOCABULARY)), signs, st.text(max_size=12))
READABLE = "there is a circle blue square and , with box two touching over not of one block tower"
readable = st.sampled_from(READABLE.split())


@pytest.mark.parametrize("chain", CHAINS)
@pytest.mark.parametrize("beginning", ["There is a circle", "There is a box with"])
@pytest.mark.parametrize("times", [12, 30, 2000])
def test_a_chain_is_read_or_left_unread_at_once(beginning, chain, times):
    started = time.perf_counter()
    parse(" ".join([beginning, *([chain] * times), "circle"]))
    assert time.perf_counter() - started < MOST_SECONDS


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("a" * 100_000, id="letters"),
        pytest.param(" " * 100_000 + "x", id="spaces"),
        pytest.param("x" + "!" * 100_000 + "x", id="signs"),
        pytest.param("There is a circle " + "touching a circle " * 12, id="nested"),
        pytest.param("There is a box with " + "a blue circle and " * 200 + "a square", id="joined"),
    ],
)
def test_what_is_too_long_is_left_unread_at_once(text):
    started = time.perf_counter()
    assert parse(text) is None
    assert time.perf_counter() - started < MOST_SECONDS


def test_spaces_between_words_do_not_count():
    assert parse("There is" + " \n" * 5000 + "a circle.") == parse("There is a circle.")


@pytest.mark.parametrize("chain", CHAINS)
def test_a_chain_leaves_room_on_the_stack(chain):
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(len(inspect.stack(0)) + MOST_FRAMES)
    try:
        parse(" ".join(["There is a circle", *([chain] * 30), "circle"]))
    finally:
        sys.setrecursionlimit(limit)


@settings(max_examples=300, deadline=MOST_SECONDS * 1000)
@given(st.one_of(st.lists(words, max_size=60), st.lists(readable, max_size=60)))
def test_any_words_are_read_or_left_unread(salad):
    for text in (" ".join(salad), "There is a " + " ".join(salad)):
        assert isinstance(parse(text), Meaning | None)
