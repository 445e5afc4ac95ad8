"""Reading a sentence: its words in one form, then the first reading of all of them."""

from __future__ import annotations

from typing import NamedTuple

from twinlens.reading.grammar import amounts, conditions, contents, kinds, sentences, towers, values
from twinlens.reading.grammar.ambiguity import has_open_wording, is_open
from twinlens.reading.grammar.elision import complete
from twinlens.reading.grammar.rules import Chart, collect
from twinlens.reading.grammar.spelling import normalise
from twinlens.reading.meanings import Meaning

PARTS = (amounts, kinds, conditions, contents, values, towers, sentences)
RULES = collect(*(part.RULES for part in PARTS))
"""Rules by symbol. Of several readings the one of the earliest rule counts."""
VOCABULARY = frozenset(
    word
    for rules in RULES.values()
    for rule in rules
    for step in rule.steps
    if isinstance(step, frozenset)
    for word in step
)
"""The words that rules have in their patterns."""

MOST_WORDS = 200
"""Most words of a sentence that is read; those of NLVR have 24 at most."""


class Reading(NamedTuple):
    """The meaning of a sentence, if it is read; is_open: it is left unread because it may be meant in two ways."""

    meaning: Meaning | None
    is_open: bool = False


def parse(sentence: str) -> Meaning | None:
    """Read a sentence as a meaning; None where the rules do not read all of it, or it is open what it says."""
    return read(sentence).meaning


def read(sentence: str) -> Reading:
    """Read a sentence, and tell one that is left unread as it is open from one that the rules do not know."""
    plain = normalise(sentence, VOCABULARY)
    words = complete(plain) if plain else None
    if not words or len(words) > MOST_WORDS:
        return Reading(None)
    if has_open_wording(words):
        return Reading(None, is_open=True)
    chart = Chart(RULES, words)
    spans = chart.spans("SENTENCE", 0)
    if chart.exhausted:
        return Reading(None)
    meaning = next((meaning for meaning, end in spans if end == len(words)), None)
    return Reading(None, is_open=True) if meaning is not None and is_open(meaning) else Reading(meaning)
