"""WordPiece: deterministic, within its size, and of a fixed length."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from twinlens.core import wordpiece
from twinlens.core.types import TwinlensError

TEXTS = ["make the yellow square blue", "make the black circle small", "remove the triangle", "add a square"]


def test_learning_twice_gives_the_same_vocabulary():
    assert len({wordpiece.learn(TEXTS, 80).to_str() for _ in range(4)}) == 1


@settings(max_examples=25, deadline=None)
@given(st.lists(st.text(max_size=20), max_size=6), st.integers(7, 60))
def test_ids_stay_below_the_size_whatever_the_texts(texts, size):
    tokenizer = wordpiece.learn(texts, size)
    for text in [*texts, "zebra ß 漢字"]:
        arrays = wordpiece.encode(tokenizer, text, 8)
        assert arrays["words"].max() < size
        assert arrays["words"].shape == arrays["words_mask"].shape == (8,)


def test_known_words_are_not_split_and_case_is_folded():
    tokenizer = wordpiece.learn(TEXTS * 5, 120)
    assert tokenizer.encode("Make the SQUARE blue").tokens == ["[CLS]", "make", "the", "square", "blue", "[SEP]"]


def test_the_empty_text_is_cls_and_sep_alone():
    arrays = wordpiece.encode(wordpiece.learn(TEXTS, 80), "  ", 6)
    assert arrays["words"].tolist()[:2] == [2, 3]
    assert arrays["words_mask"].sum() == 2
    assert not arrays["text_present"]


def test_a_cut_sentence_still_ends_with_sep():
    arrays = wordpiece.encode(wordpiece.learn(TEXTS, 80), " ".join(TEXTS), 5)
    assert arrays["words_mask"].all()
    assert arrays["words"][-1] == 3


def test_a_saved_tokenizer_reads_back_and_a_missing_or_broken_one_is_told(tmp_path):
    with pytest.raises(TwinlensError, match=r"lacks tokenizer\.json"):
        wordpiece.load(tmp_path)
    tokenizer = wordpiece.learn(TEXTS, 80)
    wordpiece.save(tokenizer, tmp_path / wordpiece.FILE)
    tokenizer.save(str(tmp_path / "theirs.json"))
    assert (tmp_path / wordpiece.FILE).read_bytes() == (tmp_path / "theirs.json").read_bytes()
    assert wordpiece.load(tmp_path).encode("add a circle").ids == tokenizer.encode("add a circle").ids
    (tmp_path / wordpiece.FILE).write_text("{}")
    with pytest.raises(TwinlensError, match="not a tokenizer file"):
        wordpiece.load(tmp_path)


def test_a_full_disk_is_an_error_of_the_system(tmp_path):
    resource = pytest.importorskip("resource", reason="this system limits no files")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    tokenizer = wordpiece.learn(TEXTS, 80)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, hard))
    try:
        with pytest.raises(OSError, match="too large"):
            wordpiece.save(tokenizer, tmp_path / wordpiece.FILE)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
