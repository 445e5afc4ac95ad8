"""Reading numbers: "exactly two", "at least one", "no", "a". A bare number is exact: so NLVR's writers meant it."""

from __future__ import annotations

from twinlens.reading.grammar.rules import Rule, rule, same
from twinlens.reading.grammar.spelling import NUMBERS
from twinlens.reading.meanings import NONE, SOME, Number, exactly

ANY = Number(0)


def _number(count: int, word: str) -> list[Rule]:
    return rule("NUM", word, lambda: count)


RULES = [
    *(one for count, word in enumerate(NUMBERS) for one in _number(count, word)),
    *_number(1, "single"),
    *rule("EXACT", "exactly|only|just NUM", exactly),
    *rule("AMOUNT", "EXACT", same),
    *rule("AMOUNT", "at least NUM", Number),
    *rule("AMOUNT", "at least a", lambda: SOME),
    *rule("AMOUNT", "NUM or more", Number),
    *rule("AMOUNT", "NUM or less|fewer", lambda most: Number(0, most)),
    *rule("AMOUNT", "at most NUM", lambda most: Number(0, most)),
    *rule("AMOUNT", "no|not more than NUM", lambda most: Number(0, most)),
    *rule("AMOUNT", "no|not less|fewer than NUM", Number),
    *rule("AMOUNT", "from NUM to NUM", lambda low, high: Number(low, high) if low <= high else None),
    *rule("AMOUNT", "any number of", lambda: ANY),
    *rule("AMOUNT", "more than NUM", lambda count: Number(count + 1)),
    *rule("AMOUNT", "less|fewer than NUM", lambda count: Number(0, count - 1) if count else None),
    *rule("AMOUNT", "no", lambda: NONE),
    *rule("AMOUNT", "a|an|as single", lambda: exactly(1)),
    *rule("AMOUNT", "a|an|as", lambda: SOME),  # "as" is a slip that stands in the corpus
    *rule("AMOUNT", "some", lambda: SOME),
    *rule("AMOUNT", "multiple", lambda: Number(2)),
    *rule("AMOUNT", "NUM", exactly),
]
