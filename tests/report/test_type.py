from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twinlens.core.escaping import ELLIPSIS, shortened_within
from twinlens.report._cards import Words, font_for, wrap

FONT = font_for("a", 16)


@given(st.text(max_size=200), st.integers(40, 300), st.integers(1, 5))
def test_lines_fit_and_are_not_too_many(text, width, most):
    text = text.encode("utf-8", "replace").decode("utf-8")
    lines = wrap(text, FONT, width, most=most)
    assert len(lines) <= most
    assert all(FONT.getlength(line) <= width for line in lines)


@given(st.lists(st.text("abc", min_size=1, max_size=30), max_size=20), st.integers(40, 300))
def test_nothing_is_lost_where_there_are_lines_enough(words, width):
    lines = wrap(" ".join(words), FONT, width, most=1000)
    assert "".join(lines).replace(" ", "") == "".join(words)


def test_words_stay_whole_where_they_fit():
    lines = wrap("a small black circle", FONT, 100, most=9)
    assert len(lines) > 1
    assert " ".join(lines) == "a small black circle"


def test_what_is_left_out_is_marked():
    line = wrap("word " * 50, FONT, 120, most=2)[-1]
    assert line.endswith(ELLIPSIS)


@pytest.mark.parametrize("text", ["plain", "Größe", "собака", "Ωμέγα"])
def test_letters_have_a_font(text):
    font = font_for(text, 16)
    missing = bytes(font.getmask("\U0010ffff"))
    assert all(bytes(font.getmask(letter)) != missing for letter in text)


def test_plain_words_keep_the_built_in_font():
    assert font_for("plain words, 3 of them", 16) is FONT
    assert font_for("собака", 16) is not FONT


@pytest.mark.parametrize("text", ["", "狗在沙滩上", "كلب 😀", "\x00\U0010ffff"])
def test_letters_that_no_font_has_are_no_error(text):
    assert font_for(text, 16).getlength(text) >= 0


@given(st.text(st.characters(codec="utf-8"), max_size=200), st.integers(1, 80))
def test_a_path_that_is_too_long_loses_its_middle(text, limit):
    short = shortened_within(text, limit)
    assert len(short) <= limit or short == text
    if short != text:
        end = (limit - 1) * 2 // 3
        start = limit - 1 - end
        assert short == text[:start] + ELLIPSIS + text[len(text) - end :]


def test_a_path_takes_one_line_of_its_width():
    words = Words("/home/someone/Pictures/2019/summer/at the lake/with everybody", 16, is_path=True)
    (line,) = words._lines(200)
    assert font_for(line, 16).getlength(line) <= 200 and line.startswith("/home") and line.endswith("everybody")
