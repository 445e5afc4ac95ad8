"""Reading the content of a box or a tower (HAS), the words that follow "with": one or more STATEMENTS.

What is said of "only blue items" or of bare "blue items" could go on or end with the next noun: "only circles and blue
squares" is left unread.
"""

from __future__ import annotations

from twinlens.reading.grammar.kinds import ITEM
from twinlens.reading.grammar.rules import rule, same
from twinlens.reading.grammar.values import at_most, both, only
from twinlens.reading.meanings import (
    SOME,
    And,
    Compare,
    Condition,
    Count,
    Every,
    Kind,
    Meaning,
    Not,
    Number,
    Or,
    Over,
    Touching,
    Under,
    Untrue,
    exactly,
)


def _part(have: Meaning, number: Number, part: Kind) -> Meaning:
    """State that a number of the items that were spoken of are of a kind as well."""
    spoken = next((one for one in (have.parts if isinstance(have, And) else (have,)) if isinstance(one, Count)), None)
    return both(have, Count((spoken.kind if spoken else ITEM).that(*part.conditions), number))


def none_is(kind: Kind, condition: Condition) -> Meaning:
    """State that there are items of a kind, and none of them meets a condition."""
    return Every(kind, Kind((Not(condition),)))


_COUNTS = [
    *rule(
        "STATEMENT",
        "EXACT NOUN that|which|and [it|the] [color] is [of] IS",
        lambda number, kind, part: _part(Count(kind, number), number, part),
    ),
    *rule("STATEMENT", "AMOUNT KIND", lambda number, kind: Count(kind, number)),
    *rule("STATEMENT", "both KIND and KIND", lambda one, other: both(Count(one, SOME), Count(other, SOME))),
    *rule("LOOSE", "KIND", lambda kind: Count(kind, SOME)),
    *rule("STATEMENT", "AMOUNT KIND at most", lambda number, kind: Count(kind, at_most(number))),
    *rule("STATEMENT", "none of the NAME is PREDICATE", none_is),
    *rule("STATEMENT", "more KIND than KIND", Compare),
    *rule("STATEMENT", "more QUALITY than QUALITY NOUN", lambda a, b, kind: Compare(kind.that(a), kind.that(b))),
]

_PARTS = [
    *rule("JOIN", "[,] and|with [has]", lambda: 0),
    *rule("JOIN", "[,] and there is", lambda: 0),
    *rule("JOIN", "[,] and it has", lambda: 0),
    *rule("JOIN", "[,] including|has", lambda: 0),
    *rule("JOIN", "in which", lambda: 0),
    *rule("JOIN", ",", lambda: 0),
    *rule("IS", "[a|an] KIND", same),
    *rule("IS", "PREDICATE", lambda condition: Kind((condition,))),
    *rule("PART", "[,] [and] one of which|them [is]", lambda: SOME),
    *rule("PART", "[,] [and] AMOUNT of which|them [is]", same),
    *rule("PART", "and it is", lambda: exactly(1)),
    *rule("PART", "[,] of which AMOUNT [item] [is]", same),
    *rule("PART", "and [the] AMOUNT [item] is", same),
    *rule("PART", "and they is both", lambda: exactly(2)),
    *rule("PART", "[,] and both [of them] is", lambda: exactly(2)),
]

_JOINED = [
    *rule(
        "HAS",
        "AMOUNT QUALITY SHAPE and SHAPE",
        lambda n, quality, one, other: both(Count(Kind((quality, one)), n), Count(Kind((quality, other)), n)),
    ),
    *rule("DEFINITE", "STATEMENT", same),
    *rule("DEFINITE", "ONLY", same),
    *rule("DEFINITE", "STATEMENT ~JOIN DEFINITE", both),
    *rule("DEFINITE", "ONLY ~JOIN DEFINITE", both),
    *rule("HAS", "STATEMENT", same),
    *rule("HAS", "LOOSE", same),
    *rule("HAS", "ONLY", same),
    *rule("HAS", "KIND only", only),
    *rule("HAS", "STATEMENT ~JOIN HAS", both),
    *rule("HAS", "LOOSE ~JOIN HAS", both),
    *rule("HAS", "ONLY ~JOIN DEFINITE", both),
    *rule("HAS", "STATEMENT [that] where [all] [the] HAS", both),
    *rule("HAS", "STATEMENT PART IS", _part),
    *rule(
        "HAS",
        "AMOUNT QUALITY and AMOUNT NAME TAIL",
        lambda n, quality, m, kind, tail: both(Count(Kind((quality, *tail)), n), Count(kind.that(*tail), m)),
    ),
    *rule("HAS", "AMOUNT QUALITY ~JOIN HAS", lambda n, quality, rest: both(Count(Kind((quality,)), n), rest)),
    *rule("HAS", "AMOUNT QUALITY", lambda number, quality: Count(Kind((quality,)), number)),
    *rule(
        "HAS",
        "STATEMENT and [the] KIND is PREDICATE",
        lambda have, kind, that: both(have, Count(kind.that(that), SOME)),
    ),
    *rule("HAS", "without HAS", Untrue),
    *rule("HAS", "either HAS or else HAS", lambda one, other: Or((one, other))),
]


def _above(low: Kind, number: Number, high: Kind, directly: bool) -> Meaning | None:
    """Read "a circle with two items on top of it"; of "no item on top of it" it is left open whose."""
    return Count(high.that(Over(low, directly)), number) if number.at_least else None


def _beneath(high: Kind, number: Number, low: Kind, directly: bool) -> Meaning | None:
    return Count(low.that(Under(high, directly)), number) if number.at_least else None


_PRONOUNS = [
    *rule("IT", "it|that|this [all]", lambda: 0),
    *rule(
        "STATEMENT",
        "AMOUNT KIND with|and AMOUNT NAME OVER ~IT",
        lambda _, low, number, high, directly: _above(low, number, high, directly),
    ),
    *rule(
        "STATEMENT",
        "AMOUNT KIND with|and AMOUNT NAME UNDER ~IT",
        lambda _, high, number, low, directly: _beneath(high, number, low, directly),
    ),
    *rule("COMPANY", "touching each other", lambda: Touching),
    *rule("COMPANY", "not touching each other", lambda: lambda kind: Not(Touching(kind))),
    *rule("STATEMENT", "NUM KIND COMPANY", lambda n, kind, with_others: Count(kind.that(with_others(kind)), Number(n))),
]

RULES = [*_PRONOUNS, *_COUNTS, *_PARTS, *_JOINED]
