"""Nouns that a sentence leaves out: "two blue circles and one black", "and a black one".

A noun stands in for the one that is left out where the sentence has no other; "a circle over a square and a black one"
is left unread. Nouns that follow, as in "one blue and two black circles", are read by the grammar (BARES in
`contents.py`).
"""

from __future__ import annotations

from collections.abc import Sequence, Set

from twinlens.reading.grammar.spelling import NUMBERS
from twinlens.reading.world import COLOURS, SHAPES, SIZES

_NOUNS = frozenset({"item", "block", *SHAPES})
_PLACES = frozenset({"base", "top", "tower"})
_QUALITIES = frozenset({*COLOURS, *SIZES})
_AMOUNTS = frozenset({*NUMBERS, "a", "an", "as", "no", "some", "more", "less", "fewer", "single", "multiple"})


def complete(words: Sequence[str]) -> list[str] | None:
    """Put in the nouns that are left out; None where it is open which they are."""
    nouns = [place for place in range(len(words)) if _is_noun(words, place)]
    completed: list[str] = []
    for place, word in enumerate(words):
        before = {words[noun] for noun in nouns if noun < place}
        after = {words[noun] for noun in nouns if noun > place}
        if _is_noun_one(words, place):
            noun = _only(before) if before or after else "item"
        elif _is_bare(words, place):
            completed.append(word)
            noun = _left_out(before, after)
        else:
            noun = word
        if noun is None:
            return None
        completed.append(noun)
    return [word for word in completed if word]


def _left_out(before: Set[str], after: Set[str]) -> str | None:
    """Choose the noun after bare qualities; "" leaves one that follows to the grammar."""
    if after:
        return "" if before <= after and len(after) == 1 else None
    return _only(before) if before else "item"


def _only(nouns: Set[str]) -> str | None:
    return next(iter(nouns)) if len(nouns) == 1 and nouns <= _NOUNS else None


def _is_noun(words: Sequence[str], place: int) -> bool:
    """Test for a noun; after a quality "base", "top" and "tower" are what "one" may stand for."""
    before = words[place - 1] if place else ""
    return (words[place] in _NOUNS and before != "grey") or (words[place] in _PLACES and before in _QUALITIES)


def _is_noun_one(words: Sequence[str], place: int) -> bool:
    """Test whether a word is the noun "one": "a black one", and not the number, as in "black one block towers"."""
    follows = words[place + 1] if place + 1 < len(words) else ""
    return words[place] == "one" and place > 0 and words[place - 1] in _QUALITIES and follows not in _NOUNS


def _is_bare(words: Sequence[str], place: int) -> bool:
    """Test whether a number and qualities end here without a noun: "two blue", before "and", a comma or the end."""
    start = place
    while start >= 0 and words[start] in _QUALITIES:
        start -= 1
    if start in (place, -1) or words[start] not in _AMOUNTS:
        return False
    first, second = (*words[place + 1 : place + 3], "", "")[:2]
    return first in {"", ","} or (first == "and" and second not in _QUALITIES)
