"""WordPiece: deterministic, and within its size."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from twinlens.core import wordpiece

TEXTS = ["make the yellow square blue", "make the black circle small", "remove the triangle", "add a square"]


def test_learning_twice_gives_the_same_vocabulary():
    assert len({wordpiece.learn(TEXTS, 80).to_str() for _ in range(4)}) == 1


@settings(max_examples=25, deadline=None)
@given(st.lists(st.text(max_size=20), max_size=6), st.integers(7, 60))
def test_ids_stay_below_the_size_whatever_the_texts(texts, size):
    tokenizer = wordpiece.learn(texts, size)
    for text in [*texts, "zebra ß 漢字"]:
        assert max(tokenizer.encode(text).ids) < size


def test_known_words_are_not_split_and_case_is_folded():
    tokenizer = wordpiece.learn(TEXTS * 5, 120)
    assert tokenizer.encode("Make the SQUARE blue").tokens == ["[CLS]", "make", "the", "square", "blue", "[SEP]"]
