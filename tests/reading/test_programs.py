"""Meanings as rows of symbols."""

from __future__ import annotations

from hypothesis import given, settings

from tests.reading.meaning_strategies import meanings
from twinlens.reading.grammar.parse import parse
from twinlens.reading.programs import END, MEANING, MEANINGS, NUMBER, SLOTS, after, children, fits, meaning_of, symbols

SENTENCE = "There are exactly two towers with a blue top."
ROW = ["Boxes:tower", "Count", "At:top", "Is:colour:blue", "IsBlock", "end", "Number:1:", "Number:2:2"]


def test_a_row_is_the_sentence_from_its_outside_to_its_inside():
    assert symbols(parse(SENTENCE)) == ROW
    assert meaning_of(ROW) == parse(SENTENCE)


@settings(max_examples=200)
@given(meanings)
def test_rows_of_all_meanings_come_back_and_fill_their_slots(meaning):
    row, slots = symbols(meaning), (MEANING,)
    assert meaning_of(row) == meaning
    for symbol in row:
        assert [slot for slot in SLOTS if fits(symbol, slot)] and fits(symbol, slots[-1])
        slots = after(slots, symbol)
    assert slots == ()


def test_rows_that_do_not_end_once_are_no_meanings():
    assert meaning_of([]) is None
    assert meaning_of(ROW[:-1]) is None
    assert meaning_of([*ROW, "Number:2:2"]) is None
    assert meaning_of([*ROW, END]) is None


def test_slots_follow_from_the_fields():
    assert children("Boxes:tower") == (MEANING, NUMBER)
    assert children("And") == (MEANINGS,)
    assert after((MEANING,), "Boxes:box") == (NUMBER, MEANING)
    assert after((MEANINGS,), "Untrue") == (MEANINGS, MEANING)
    assert not fits("Number:2:2", MEANING) and not fits(END, MEANING) and not fits("Is:colour:blue", MEANING)
