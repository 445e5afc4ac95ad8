"""Reading whole sentences."""

from __future__ import annotations

from functools import partial
from typing import TypeAlias

from twinlens.reading.grammar.contents import exactly_that, lacking, none_is
from twinlens.reading.grammar.kinds import BLOCK, noun
from twinlens.reading.grammar.rules import rule, same
from twinlens.reading.grammar.towers import placed
from twinlens.reading.grammar.values import both, only
from twinlens.reading.meanings import (
    NONE,
    SOME,
    And,
    At,
    AtEdge,
    Boxes,
    Compare,
    Condition,
    Count,
    EachBox,
    Every,
    Is,
    Kind,
    Meaning,
    Not,
    Number,
    Or,
    Sharing,
    Untrue,
    Variety,
    exactly,
)

Thing: TypeAlias = tuple[str, Meaning | None]
"""A box or a tower, and what its name says already, such as the blocks of "three blocks tower"."""
ALL = exactly(3)


def _boxes(number: Number, thing: Thing, has: Meaning | None = None) -> Meaning:
    name, defined = thing
    parts = [part for part in (defined, has) if part is not None]
    return Boxes(name, parts[0] if len(parts) == 1 else both(*parts), number)


def _each(thing: Thing, has: Meaning) -> Meaning | None:
    """Read "each box has"; of "each three blocks tower" nothing is known."""
    name, defined = thing
    return EachBox(name, has) if defined is None else None


def _with_feature(number: Number, thing: Thing, feature: str) -> Meaning | None:
    name, defined = thing
    # "a tower with the same color": as what?
    return Sharing(name, feature, number) if defined is None and number.at_least != 1 else None


def _all_alike(thing: Thing, feature: str) -> Meaning | None:
    return _with_feature(ALL, thing, feature)


def _differing(number: Number, thing: Thing, feature: str) -> Meaning | None:
    """State that there are so many boxes or towers, and no two with the same feature."""
    name, defined = thing
    if defined is not None or feature == "colours":  # "towers with different colors" may be each of several colours
        return None
    return And((Boxes(name, And(()), number), Sharing(name, feature, NONE)))


def _heights(number: Number) -> Meaning:
    """State that so many towers are equally high."""
    return Sharing("tower", "height", number)


def _without(number: Number, thing: Thing, has: Meaning) -> Meaning | None:
    """Read "two boxes do not have a circle"."""
    without = lacking(has)
    return None if without is None else _boxes(number, thing, without)


def _not_each(thing: Thing, has: Meaning) -> Meaning | None:
    """Read "not all towers have"; there are some."""
    each = _each(thing, has)
    return None if each is None else And((Boxes(thing[0], And(()), SOME), Untrue(each)))


def _not_every(kind: Kind, are: Kind) -> Meaning:
    return And((Count(kind, SOME), Untrue(Every(kind, are))))


def _in_boxes(number: Number, thing: Thing, has: Meaning) -> Meaning | None:
    """Read "two circles in a box"; of "no circle in a box" it is open whether another box has one.

    "Two circles in two boxes" are two in each, or two in both together.
    """
    if isinstance(has, Count):
        each = has.number in (NONE, SOME, exactly(1)) or number == exactly(1)
        return _boxes(number, thing, has) if (has.number.at_least if number == SOME else each) else None
    return _boxes(number, thing, has)


def _among_them(number: Number, thing: Thing, has: Meaning, part: Number, also: Meaning) -> Meaning:
    """Read "two towers with blue blocks, and one of them has a black top"."""
    return And((_boxes(number, thing, has), _boxes(part, thing, both(has, also))))


_THINGS = [
    *rule("THING", "[grey] box", lambda: ("box", None)),
    *rule("THING", "grey square", lambda: ("box", None)),
    *rule("THING", "tower", lambda: ("tower", None)),
    *rule("THING", "TOWER", lambda defined: ("tower", defined)),
    *rule("THINGS", "[of] [the|it] [three] THING", same),
    *rule("WITH", "[,] with|has|of|where", lambda: 0),
    *rule("WITH", "[,] that|which|than|where|it|each [it] [is] has|of", lambda: 0),
    *rule("WITH", "[,] which", lambda: 0),
    *rule("WITH", "with has", lambda: 0),
    *rule("WITH", "with a", lambda: 0),
    *rule("WITH", "[that|which] where [there] [is]", lambda: 0),
    *rule("CONTENT", "~WITH EXACT NOUN that|which is [of] IS", exactly_that),
    *rule("CONTENT", "~WITH HAS [in it]", same),
    *rule("CONTENT", "~WITH HAS each", same),
    *rule("CONTENT", "LACKING", same),
    *rule("CONTENT", "whose END", same),
    *rule("CONTENT", "[that|which] [does] not has HAS", lacking),
    *rule("CONTENT", "[that|where|which] [is] END [and END]", lambda *ends: ends[0] if len(ends) == 1 else both(*ends)),
    *rule("CONTENT", "[,] and HAS", same),
]

_SHARED = [
    *rule("FEATURE", "height", lambda: "height"),
    *rule("FEATURE", "number of block|item", lambda: "height"),
    *rule("FEATURE", "base [color]", lambda: "base"),
    *rule("FEATURE", "color at|of [the] base", lambda: "base"),
    *rule("FEATURE", "color in the second block", lambda: "second"),
    *rule("FEATURE", "top [color]", lambda: "top"),
    *rule("FEATURE", "color at|of [the] top", lambda: "top"),
    *rule("FEATURE", "second color", lambda: "second"),
    *rule("FEATURE", "color", lambda: "colours"),
    *rule("CLAUSE", "~THERE AMOUNT THING with|which|that|has [has] [exactly] [the] same FEATURE", _with_feature),
    *rule("CLAUSE", "AMOUNT THINGS has [the] same FEATURE", _with_feature),
    *rule(
        "CLAUSE",
        "all|the [three] THINGS has the same FEATURE",
        _all_alike,
    ),
    *rule("CLAUSE", "the|all [the] [three] tower is equally high", lambda: _heights(ALL)),
    *rule("CLAUSE", "AMOUNT of the tower is equally high", _heights),
    *rule("CLAUSE", "[there is] [all] [the] three THING with|has different FEATURE", partial(_differing, ALL)),
    *rule("CLAUSE", "all [the] THING has different FEATURE", partial(_differing, SOME)),
    *rule("CLAUSE", "all [the] THING differ in FEATURE", partial(_differing, SOME)),
    *rule("CLAUSE", "no two THING has [the] same FEATURE", partial(_differing, SOME)),
]

_THERE = [
    *rule("THERE", "[there|the] is", lambda: 0),
    *rule("THERE", "the picture shows", lambda: 0),
    *rule("CLAUSE", "~THERE HAS", same),
    *rule("CLAUSE", "~THERE AMOUNT THINGS", _boxes),
    *rule("CLAUSE", "[~THERE] AMOUNT THINGS CONTENT", _boxes),
    *rule("CLAUSE", "~THERE THING CONTENT", lambda thing, has: _boxes(SOME, thing, has)),
    *rule("CLAUSE", "the THING CONTENT", lambda thing, has: _boxes(SOME, thing, has)),
    *rule("ITEMS", "AMOUNT KIND", lambda number, kind: Count(kind, number)),
    *rule("ITEMS", "KIND", lambda kind: Count(kind, SOME)),
    *rule("CLAUSE", "~THERE no KIND in any THINGS", lambda kind, _: Count(kind, NONE)),
    *rule("CLAUSE", "~THERE ITEMS in each|every THING", lambda items, thing: _each(thing, items)),
    *rule("CLAUSE", "[~THERE] ITEMS [appear] in AMOUNT THINGS", lambda items, n, thing: _in_boxes(n, thing, items)),
    *rule("CLAUSE", "[~THERE] ITEMS [appear] in all THINGS", lambda items, thing: _in_boxes(ALL, thing, items)),
    *rule("CLAUSE", "each|every [of] [the] THING has HAS", _each),
    *rule("CLAUSE", "all THINGS has HAS", _each),
    *rule("CLAUSE", "not all|every|each [of] [the] THING has HAS", _not_each),
    *rule("CLAUSE", "AMOUNT THINGS does not has HAS", _without),
    *rule("CLAUSE", "~THERE not a|an|any THING", lambda thing: _boxes(NONE, thing)),
    *rule("CLAUSE", "~THERE not a|an|any THING CONTENT", lambda thing, has: _boxes(NONE, thing, has)),
    *rule("CLAUSE", "~THERE not a|an|any KIND", lambda kind: Count(kind, NONE)),
    *rule("CLAUSE", "in AMOUNT THINGS there is HAS", _in_boxes),
    *rule("CLAUSE", "none THINGS has HAS", lambda thing, has: _each(thing, Untrue(has))),
    *rule("CLAUSE", "not one THINGS has HAS", lambda thing, has: _each(thing, Untrue(has))),
    *rule(
        "CLAUSE",
        "~THERE AMOUNT THING CONTENT [,] and AMOUNT of them has HAS",
        _among_them,
    ),
]


def _together(kind: Kind) -> Meaning:
    """State that two items or more of a kind share a box, and no other box has one."""
    return And((Count(kind, Number(2)), Boxes("box", Count(kind, SOME), exactly(1))))


def _two_that(n: Number, quality: Condition, m: Number, kind: Kind, condition: Condition) -> Meaning:
    """Read "two yellow and one black item are touching the wall"."""
    return both(Count(noun(kind).that(quality, condition), n), Count(kind.that(condition), m))


def _two_exactly(n: int, quality: Condition, m: int, kind: Kind, condition: Condition) -> Meaning:
    return _two_that(exactly(n), quality, exactly(m), kind, condition)


def _colours(count: int, condition: Condition) -> Meaning:
    return Variety("colour", Kind((condition,)), exactly(count))


_ITEMS = [
    *rule("CLAUSE", "none of the NAME is PREDICATE", none_is),
    *rule("CLAUSE", "none of the NAME COND", none_is),
    *rule("CLAUSE", "none of the NAME is [a|an] NAME", lambda kind, other: Count(kind.that(*other.conditions), NONE)),
    *rule("CLAUSE", "AMOUNT KIND is PREDICATE", lambda number, kind, condition: Count(kind.that(condition), number)),
    *rule("CLAUSE", "[the] KIND is PREDICATE", lambda kind, condition: Count(kind.that(condition), SOME)),
    *rule("CLAUSE", "KIND", lambda kind: Count(kind, SOME)),
    *rule("CLAUSE", "all|every|each [of] [the] KIND [is] ARE", Every),
    *rule("CLAUSE", "not all|every|each [of] [the] KIND [is] ARE", _not_every),
    *rule("CLAUSE", "only KIND is PREDICATE", lambda kind, condition: Every(Kind((condition,)), kind)),
    *rule("CLAUSE", "only NAME COND", lambda kind, condition: Every(Kind((condition,)), kind)),
    *rule(
        "CLAUSE",
        "~THERE AMOUNT KIND in a|one THING PART IS",
        lambda n, kind, thing, m, part: _boxes(SOME, thing, both(Count(kind, n), Count(part, m))),
    ),
    *rule("CLAUSE", "all KIND keep off the edge", lambda kind: Every(kind, Kind((Not(AtEdge()),)))),
    *rule("CLAUSE", "~THERE fewer KIND than KIND", lambda less, more: Compare(more, less)),
    *rule("CLAUSE", "all [the] KIND is in the same box", _together),
    *rule("CLAUSE", "[all] the KIND is all together in one box", _together),
    *rule("CLAUSE", "there is two or more KIND , all in one box", _together),
    *rule("CLAUSE", "only NUM QUALITY and NUM KIND is PREDICATE", _two_exactly),
    *rule("CLAUSE", "AMOUNT QUALITY and AMOUNT KIND is PREDICATE", _two_that),
    *rule("CLAUSE", "~THERE [only|exactly] NUM [different] color COND", _colours),
    *rule("CLAUSE", "[[all] the item of] all NUM [different] color is PREDICATE", _colours),
]


def _two_heights(one: int, other: int) -> Meaning:
    return And(tuple(Boxes("tower", Count(BLOCK, exactly(count)), SOME) for count in (one, other)))


def _ends(place: At, count: int, thing: Thing, colour: Is) -> Meaning:
    """Read "the base of the two towers is blue"."""
    return _boxes(exactly(count), thing, placed(colour, place))


def _end(place: At, thing: Thing, colour: Is) -> Meaning:
    """Read "the base of the tower is blue", of which there may be more."""
    return _boxes(SOME, thing, placed(colour, place))


def _each_end(place: At, thing: Thing, colour: Is) -> Meaning | None:
    return _each(thing, placed(colour, place))


def _painted(number: Number, colour: Is) -> Meaning:
    return Boxes("tower", only(Kind((colour,))), number)


def _two_bases(place: At, n: int, one: Is, m: int, other: Is) -> Meaning:
    return And((Boxes("tower", placed(one, place), exactly(n)), Boxes("tower", placed(other, place), exactly(m))))


_TOWERS = [
    *rule("CLAUSE", "the PLACE of a|the THING [from the base] is COLOUR", _end),
    *rule("CLAUSE", "the PLACE of [the] NUM THING is COLOUR", _ends),
    *rule("CLAUSE", "the PLACE [block] of each|every THING is COLOUR", _each_end),
    *rule("CLAUSE", "the PLACE [block] of all [the] THING is COLOUR", _each_end),
    *rule(
        "CLAUSE",
        "the TOWER is COLOUR",
        lambda defined, colour: Boxes("tower", both(defined, only(Kind((colour,)))), SOME),
    ),
    *rule("CLAUSE", "the PLACE of the three tower is NUM COLOUR ~OF_TOWERS and NUM COLOUR ~OF_TOWERS", _two_bases),
    *rule("OF_TOWERS", "[item|block]", lambda: 0),
    *rule("CLAUSE", "of the three tower AMOUNT is COLOUR", _painted),
    *rule("CLAUSE", "AMOUNT of the three tower is COLOUR", _painted),
    *rule("CLAUSE", "of the three tower AMOUNT has HAS", lambda n, has: Boxes("tower", has, n)),
    *rule(
        "CLAUSE",
        "~THERE a|an COLOUR block as|at the PLACE of AMOUNT tower",
        lambda colour, place, number: Boxes("tower", placed(colour, place), number),
    ),
    *rule("CLAUSE", "~THERE two tower with|which has NUM and NUM block [each]", _two_heights),
]

_JOINED = [
    *rule("SENTENCE", "CLAUSE", same),
    *rule("SENTENCE", "CLAUSE , and also SENTENCE", both),
    *rule("SENTENCE", "either CLAUSE , or else SENTENCE", lambda one, other: Or((one, other))),
    *rule("CLAUSE", "it is not true that CLAUSE", Untrue),
    *rule("SENTENCE", "it is not the case that SENTENCE", Untrue),
]

RULES = [*_THINGS, *_SHARED, *_THERE, *_ITEMS, *_TOWERS, *_JOINED]
