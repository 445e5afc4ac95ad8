from __future__ import annotations

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twinlens.core.escaping import escaped, shortened


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31mred\x07", r"\x1b[31mred\x07"),
        ("a\nb\tc\r\0", r"a\nb\tc\r\x00"),
        ("\x9b31m and \x7f", r"\x9b31m and \x7f"),  # C1 controls are escape sequences too
        ("photo\u202egnp.exe", r"photo\u202egnp.exe"),
        ("\u2066a\u2069\u200f\u061c", r"\u2066a\u2069\u200f\u061c"),
        ("two\u2028lines\ufeff", r"two\u2028lines\ufeff"),
        (os.fsdecode(b"caf\xe9.jpg"), r"caf\xe9.jpg"),
        ("\ud800 alone", r"\ud800 alone"),
    ],
)
def test_what_acts_or_hides_is_escaped(text, shown):
    assert escaped(text) == shown


@pytest.mark.parametrize("text", ["Käsefest in Zürich", "東京の夜", "كلب أحمر", "👩‍👧 ❤️", "a | b [c] 'd' \\ e", ""])
def test_words_of_every_script_stay(text):
    assert escaped(text) == text


def test_what_is_to_be_kept_stays():
    assert escaped("a\tb\n\x1b\udcff", keep="\t\n\udcff") == "a\tb\n\\x1b\udcff"


@given(st.text(st.characters(codec=None)))
def test_any_text_can_be_written_on_one_line(text):
    shown = escaped(text)
    assert len(shown.splitlines()) <= 1
    assert escaped(shown) == shown == shown.encode("utf-8").decode("utf-8")


@pytest.mark.parametrize(
    ("text", "limit", "shown"), [("abcdef", 6, "abcdef"), ("abcdefg", 6, "abcde…"), ("ab cd", 4, "ab…")]
)
def test_long_text_is_cut(text, limit, shown):
    assert shortened(text, limit) == shown
