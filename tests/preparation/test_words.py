"""Texts as ids of a fixed length, by a tokenizer that is saved and read again."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twinlens.core import wordpiece
from twinlens.core.types import Sample, TwinlensError
from twinlens.preparation.words import TOKENIZER, Words, load_tokenizer, save_tokenizer

TEXTS = ["make the yellow square blue", "make the black circle small", "remove the triangle", "add a square"]
LEARNED = wordpiece.learn(TEXTS, 80)


@given(st.text(max_size=40), st.integers(2, 9))
def test_arrays_have_the_length_whatever_the_text(text, length):
    words = Words(LEARNED, length)
    arrays = words.prepare(Sample("", None, text))
    assert arrays["words"].shape == arrays["words_mask"].shape == (length,)
    assert words.cuts(text) == (len(LEARNED.encode(text).ids) > length)
    assert bool(arrays["text_present"]) == bool(text.strip())


def test_texts_are_put_as_the_settings_say():
    plain = Words(LEARNED, 9, lower=True, spaces=True, punctuation=False)._plain("Make,  the\nSQUARE!")
    assert plain == "make the square"


def test_a_padding_of_its_own_is_taken():
    assert Words(LEARNED, 6, 1).prepare(Sample("", None, "add"))["words"].tolist()[-1] == 1


def test_the_empty_text_is_cls_and_sep_alone():
    arrays = Words(wordpiece.learn(TEXTS, 80), 6).prepare(Sample("", None, "  "))
    assert arrays["words"].tolist()[:2] == [2, 3]
    assert arrays["words_mask"].sum() == 2
    assert not arrays["text_present"]


def test_a_cut_sentence_still_ends_with_sep():
    arrays = Words(wordpiece.learn(TEXTS, 80), 5).prepare(Sample("", None, " ".join(TEXTS)))
    assert arrays["words_mask"].all()
    assert arrays["words"][-1] == 3


def test_a_saved_tokenizer_reads_back_and_a_missing_or_broken_one_is_told(tmp_path):
    with pytest.raises(TwinlensError, match=r"lacks tokenizer\.json"):
        load_tokenizer(tmp_path)
    tokenizer = wordpiece.learn(TEXTS, 80)
    save_tokenizer(tokenizer, tmp_path / TOKENIZER)
    tokenizer.save(str(tmp_path / "theirs.json"))
    assert (tmp_path / TOKENIZER).read_bytes() == (tmp_path / "theirs.json").read_bytes()
    assert load_tokenizer(tmp_path).encode("add a circle").ids == tokenizer.encode("add a circle").ids
    (tmp_path / TOKENIZER).write_text("{}")
    with pytest.raises(TwinlensError, match="not a tokenizer file"):
        load_tokenizer(tmp_path)


def test_a_full_disk_is_an_error_of_the_system(tmp_path):
    resource = pytest.importorskip("resource", reason="this system limits no files")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    tokenizer = wordpiece.learn(TEXTS, 80)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, hard))
    try:
        with pytest.raises(OSError, match="too large"):
            save_tokenizer(tokenizer, tmp_path / TOKENIZER)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
