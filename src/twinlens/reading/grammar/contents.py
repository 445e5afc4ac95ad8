"""Reading the content of a box or a tower (HAS), the words that follow "with": one or more STATEMENTS."""

from __future__ import annotations

from typing import TypeAlias

from twinlens.reading.grammar.kinds import ITEM
from twinlens.reading.grammar.rules import rule, same
from twinlens.reading.meanings import (
    SOME,
    Alike,
    And,
    Compare,
    Count,
    Every,
    Is,
    Kind,
    Meaning,
    Not,
    Number,
    Or,
    Over,
    Palette,
    Touching,
    Under,
    Untrue,
    Variety,
    exactly,
)

Values: TypeAlias = tuple[str, Number]
"""An attribute, and the number of different values that it has."""


def both(*parts: Meaning) -> And:
    """Join statements, those of a conjunction one by one."""
    flat: list[Meaning] = []
    for part in parts:
        flat += part.parts if isinstance(part, And) else (part,)
    return And(tuple(flat))


def at_most(number: Number) -> Number:
    """Read "three items at most"."""
    return Number(0, number.at_least)


def _only(kind: Kind) -> Meaning:
    return Every(ITEM, kind)


def _palette(kind: Kind, one: Is, other: Is) -> Meaning | None:
    """State that items have two values of an attribute, both of them, and no other."""
    same_attribute = one.attribute == other.attribute and one != other
    return Palette(one.attribute, (one.value, other.value), kind) if same_attribute else None


def _counted_palette(number: Number, kind: Kind, one: Is, other: Is) -> Meaning | None:
    colours = _palette(kind, one, other)
    return None if colours is None else both(Count(kind, number), colours)


def _variety(kind: Kind, values: Values) -> Meaning:
    attribute, number = values
    return Variety(attribute, kind, number)


def _varied(number: Number, kind: Kind, values: Values) -> Meaning:
    """State a count of items and the number of their colours; "two items of one colour" are two of perhaps more."""
    if values[1] == exactly(1):
        return Alike(values[0], kind, number)
    return both(Count(kind, number), _variety(kind, values))


_COUNTS = [
    *rule(
        "STATEMENT",
        "EXACT NOUN [that|which|and] [it|the] [color] is [of] IS",
        lambda number, kind, part: both(Count(kind, number), Count(part, number)),
    ),
    *rule("STATEMENT", "AMOUNT KIND", lambda number, kind: Count(kind, number)),
    *rule("STATEMENT", "KIND", lambda kind: Count(kind, SOME)),
    *rule("STATEMENT", "AMOUNT KIND at most", lambda number, kind: Count(kind, at_most(number))),
    *rule("STATEMENT", "none of the NAME [is] COND", lambda kind, condition: Every(kind, Kind((Not(condition),)))),
    *rule("STATEMENT", "more KIND than KIND", Compare),
    *rule("STATEMENT", "more QUALITY than QUALITY NOUN", lambda a, b, kind: Compare(kind.that(a), kind.that(b))),
]

_ONLY = [
    *rule("STATEMENT", "only|just KIND", _only),
    *rule("STATEMENT", "nothing but KIND", _only),
    *rule("STATEMENT", "KIND only", _only),
    *rule("STATEMENT", "all [of] [the] KIND [is] IS", Every),
    *rule("STATEMENT", "KIND , all of them IS", Every),
    *rule("STATEMENT", "all QUALITY NOUN", lambda quality, kind: _only(kind.that(quality))),
    *rule(
        "STATEMENT",
        "AMOUNT KIND [,] [and] all [of them] [is] IS",
        lambda number, kind, are: both(Count(kind, number), Every(kind, are)),
    ),
    *rule("VALUES", "COLOUR and COLOUR [color]", lambda one, other: (one, other)),
    *rule("VALUES", "SHAPE and SHAPE [shape]", lambda one, other: (one, other)),
    *rule("VALUES", "SIZE and SIZE [size]", lambda one, other: (one, other)),
    *rule("STATEMENT", "only VALUES", lambda values: _palette(ITEM, *values)),
    *rule("STATEMENT", "only VALUES NOUN", lambda values, kind: _palette(kind, *values)),
    *rule("STATEMENT", "only NUM VALUES NOUN", lambda n, values, kind: _counted_palette(exactly(n), kind, *values)),
    *rule("STATEMENT", "AMOUNT VALUES NOUN", lambda n, values, kind: _counted_palette(n, kind, *values)),
    *rule("STATEMENT", "AMOUNT NOUN of|with [only] VALUES", lambda n, kind, values: _counted_palette(n, kind, *values)),
    *rule(
        "STATEMENT",
        "AMOUNT NOUN at most of [only] VALUES",
        lambda n, kind, values: _counted_palette(at_most(n), kind, *values),
    ),
    *rule("STATEMENT", "KIND of [only] VALUES", lambda kind, values: _palette(kind, *values)),
]

_VARIETY = [
    *rule("VARIETY", "[only|exactly|all] [the] NUM [different] ATTRIBUTE", lambda n, what: (what, exactly(n))),
    *rule("VARIETY", "NUM kind of ATTRIBUTE", lambda count, what: (what, exactly(count))),
    *rule("VARIETY", "AMOUNT [different] ATTRIBUTE", lambda number, what: (what, number)),
    *rule("VARIETY", "[the] same ATTRIBUTE [only]", lambda what: (what, exactly(1))),
    *rule("VARIETY", "NUM [different] ATTRIBUTE at most", lambda count, what: (what, Number(0, count))),
    *rule("STATEMENT", "[only] VARIETY", lambda values: _variety(ITEM, values)),
    *rule("STATEMENT", "[all] KIND [all] of|with VARIETY", _variety),
    *rule("STATEMENT", "NOUN of VARIETY TAIL", lambda kind, values, tail: _variety(kind.that(*tail), values)),
    *rule("STATEMENT", "[all] [the] KIND is of VARIETY", _variety),
    *rule("STATEMENT", "AMOUNT KIND [all] of|with VARIETY", _varied),
    *rule("STATEMENT", "AMOUNT NOUN at most of VARIETY", lambda n, kind, values: _varied(at_most(n), kind, values)),
    *rule(
        "STATEMENT",
        "NUM NOUN of different ATTRIBUTE",
        lambda count, kind, what: _varied(exactly(count), kind, (what, exactly(count))),
    ),
    *rule("STATEMENT", "NUM [the] same NOUN color", lambda count, kind: Alike("colour", kind, exactly(count))),
    *rule(
        "STATEMENT",
        "AMOUNT KIND , all of the same ATTRIBUTE",
        lambda n, kind, what: both(Count(kind, n), Variety(what, kind, exactly(1))),
    ),
    *rule(
        "STATEMENT",
        "AMOUNT KIND , which share their ATTRIBUTE",
        lambda n, kind, what: both(Count(kind, n), Variety(what, kind, exactly(1))),
    ),
]

_PARTS = [
    *rule("JOIN", "[,] and|with [has]", lambda: 0),
    *rule("JOIN", "[,] and there is", lambda: 0),
    *rule("JOIN", "[,] and it has", lambda: 0),
    *rule("JOIN", "[,] including|has", lambda: 0),
    *rule("JOIN", "in which", lambda: 0),
    *rule("JOIN", ",", lambda: 0),
    *rule("IS", "[a|an] KIND", same),
    *rule("IS", "QUALITY [in color]", lambda quality: Kind((quality,))),
    *rule("IS", "COND", lambda condition: Kind((condition,))),
    *rule("PART", "[,] [and] one of which|them [is]", lambda: SOME),
    *rule("PART", "[,] [and] AMOUNT of which|them [is]", same),
    *rule("PART", "and it is", lambda: exactly(1)),
    *rule("PART", "[,] of which AMOUNT [item] [is]", same),
    *rule("PART", "and [the] AMOUNT [item] is", same),
    *rule("PART", "and they is both", lambda: exactly(2)),
]

_JOINED = [
    *rule(
        "HAS",
        "AMOUNT QUALITY SHAPE and SHAPE",
        lambda n, quality, one, other: both(Count(Kind((quality, one)), n), Count(Kind((quality, other)), n)),
    ),
    *rule("HAS", "STATEMENT", same),
    *rule("HAS", "STATEMENT ~JOIN HAS", both),
    *rule("HAS", "STATEMENT [that] where [all] [the] HAS", both),
    *rule("HAS", "STATEMENT PART IS", lambda have, number, kind: both(have, Count(kind, number))),
    *rule(
        "HAS",
        "AMOUNT QUALITY and AMOUNT NAME TAIL",
        lambda n, quality, m, kind, tail: both(Count(Kind((quality, *tail)), n), Count(kind.that(*tail), m)),
    ),
    *rule("HAS", "AMOUNT QUALITY ~JOIN HAS", lambda n, quality, rest: both(Count(Kind((quality,)), n), rest)),
    *rule("HAS", "AMOUNT QUALITY", lambda number, quality: Count(Kind((quality,)), number)),
    *rule("HAS", "STATEMENT and [the] KIND is COND", lambda have, kind, cond: both(have, Count(kind.that(cond), SOME))),
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

RULES = [*_PRONOUNS, *_COUNTS, *_ONLY, *_VARIETY, *_PARTS, *_JOINED]
