"""Reading what the items of a box have in common: "only blue items", "items of two colors", "of the same shape"."""

from __future__ import annotations

from typing import TypeAlias

from twinlens.reading.grammar.kinds import BLOCK, ITEM, attributes, is_block
from twinlens.reading.grammar.rules import rule
from twinlens.reading.meanings import (
    NONE,
    SOME,
    Alike,
    And,
    At,
    Condition,
    Count,
    Every,
    Is,
    IsBlock,
    Kind,
    Meaning,
    Not,
    Number,
    Palette,
    Variety,
    Within,
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


def only(kind: Kind) -> Meaning:
    """State that all items are of a kind, and that there are some."""
    return Every(ITEM, kind)


def only_there(kind: Kind) -> Meaning | None:
    """Read "only circles touching the wall": what touches it is a circle; other items may lie elsewhere.

    "Only items touching the wall" and "only blue circles" are all items; of "only circles not touching the wall" and
    "only circles at the top" it is open what the others are.
    """
    named = [part for part in kind.conditions if attributes(part) or isinstance(part, IsBlock) or _is_no_value(part)]
    where = [part for part in kind.conditions if part not in named]
    if not where or Kind(tuple(named)) in (ITEM, BLOCK):
        return only(kind)
    if any(isinstance(part, Not | Within) or (isinstance(part, At) and not is_block(kind)) for part in where):
        return None
    blocks = BLOCK.conditions if is_block(kind) else ()
    return Every(Kind((*where, *blocks)), Kind(tuple(named)))


def _is_no_value(condition: Condition) -> bool:
    """Test for "not blue"."""
    return isinstance(condition, Not) and bool(attributes(condition.condition))


def _only_at_the_end(kind: Kind) -> Meaning | None:
    """Read "blue circles only"; of "circles touching the wall only" it is open what else they touch."""
    alone = only(kind)
    return alone if only_there(kind) == alone else None


def _alone_there(kind: Kind, condition: Condition) -> Meaning:
    """Read "only circles are touching the wall"."""
    return Every(Kind((condition,)), kind)


def at_most(most: int) -> Number:
    """Read "three items at most"."""
    return Number(0, most)


def _palette(kind: Kind, one: Is, other: Is) -> Meaning | None:
    """State that items have two values of an attribute, both of them, and no other."""
    same_attribute = one.attribute == other.attribute and one != other
    return Palette(one.attribute, (one.value, other.value), kind) if same_attribute else None


def _only_palette(kind: Kind, one: Is, other: Is) -> Meaning | None:
    """Read "only black and yellow circles", where no item has another shape."""
    colours = _palette(ITEM, one, other)
    return colours if colours is None or kind in (ITEM, BLOCK) else both(only(kind), colours)


def _counted_palette(number: Number, kind: Kind, one: Is, other: Is) -> Meaning | None:
    """State a count of items of two colours; of "no black and yellow items" it is open whether there are black ones."""
    colours = _palette(kind, one, other)
    several = number.at_most is None or number.at_most > 1
    return both(Count(kind, number), colours) if colours and several and number != SOME else None


def _variety(kind: Kind, values: Values) -> Meaning:
    attribute, number = values
    return Variety(attribute, kind, number)


def _varied(number: Number, kind: Kind, values: Values) -> Meaning | None:
    """State a count of items and the number of their colours; "two items of one colour" are two of perhaps more."""
    if values[1] == exactly(1):
        # "an item of the same color": as what?
        return Alike(values[0], kind, number) if number.at_least != 1 else None
    if number in (NONE, SOME) or values[1] == SOME:  # "an item of a different color": than which?
        return None
    return both(Count(kind, number), _variety(kind, values))


def _all_different(count: int, kind: Kind, attribute: str) -> Meaning | None:
    """Read "three items of different colors", each of its own; four items are of three colours at most."""
    return _varied(exactly(count), kind, (attribute, exactly(count))) if count in (2, 3) else None


def _all_same(number: Number, kind: Kind, attribute: str) -> Meaning | None:
    """Read "two items, all of the same color"."""
    return both(Count(kind, number), Variety(attribute, kind, exactly(1))) if number.at_least else None


_ONLY = [
    *rule("ONLY", "only|just KIND", only_there),
    *rule("ONLY", "nothing but KIND", only_there),
    *rule("ONLY", "only|just KIND is PREDICATE", _alone_there),
    *rule("HAS", "KIND only", _only_at_the_end),
    *rule("STATEMENT", "all [of] [the] KIND [is] ARE", Every),
    *rule("STATEMENT", "KIND , all of them IS", Every),
    *rule("STATEMENT", "all QUALITY NOUN", lambda quality, kind: only(kind.that(quality))),
    *rule(
        "STATEMENT",
        "AMOUNT KIND [,] [and] all [of them] [is] IS",
        lambda number, kind, are: both(Count(kind, number), Every(kind, are)),
    ),
    *rule("VALUES", "COLOUR and COLOUR [color]", lambda one, other: (one, other)),
    *rule("VALUES", "SHAPE and SHAPE [shape]", lambda one, other: (one, other)),
    *rule("VALUES", "SIZE and SIZE [size]", lambda one, other: (one, other)),
    *rule("STATEMENT", "only VALUES", lambda values: _palette(ITEM, *values)),
    *rule(
        "STATEMENT",
        "COLOUR NOUN and COLOUR NOUN only",
        lambda a, one, b, other: _only_palette(one, a, b) if one == other else None,
    ),
    *rule("STATEMENT", "only VALUES NOUN", lambda values, kind: _only_palette(kind, *values)),
    *rule("STATEMENT", "only NUM VALUES NOUN", lambda n, values, kind: _counted_palette(exactly(n), kind, *values)),
    *rule("STATEMENT", "AMOUNT VALUES NOUN", lambda n, values, kind: _counted_palette(n, kind, *values)),
    *rule("STATEMENT", "AMOUNT NOUN of|with [only] VALUES", lambda n, kind, values: _counted_palette(n, kind, *values)),
    *rule(
        "STATEMENT",
        "NUM NOUN at most of [only] VALUES",
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
    *rule("STATEMENT", "NUM NOUN at most of VARIETY", lambda n, kind, values: _varied(at_most(n), kind, values)),
    *rule(
        "STATEMENT",
        "NUM NOUN of different ATTRIBUTE",
        _all_different,
    ),
    *rule("STATEMENT", "NUM [the] same NOUN color", lambda count, kind: Alike("colour", kind, exactly(count))),
    *rule("STATEMENT", "AMOUNT KIND , all of the same ATTRIBUTE", _all_same),
    *rule("STATEMENT", "AMOUNT KIND , which share their ATTRIBUTE", _all_same),
]

RULES = [*_ONLY, *_VARIETY]
