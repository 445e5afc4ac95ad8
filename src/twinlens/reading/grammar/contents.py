"""Reading the content of a box or a tower (HAS), the words that follow "with": one or more STATEMENTS.

What is said of "only blue items" or of bare "blue items" could go on or end with the next noun: "only circles and blue
squares" is left unread.
"""

from __future__ import annotations

from typing import TypeAlias

from twinlens.reading.grammar.kinds import BLOCK, ITEM, attributes, has_kind, is_block, noun
from twinlens.reading.grammar.rules import rule, same
from twinlens.reading.grammar.values import both
from twinlens.reading.meanings import (
    NONE,
    SOME,
    And,
    At,
    AtEdge,
    Between,
    Compare,
    Condition,
    Count,
    Either,
    Every,
    IsBlock,
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
    Within,
    exactly,
)

Bare: TypeAlias = tuple[tuple[Number, tuple[Condition, ...]], ...]
"""Numbers and qualities whose noun follows: "one blue" in "one blue and two black circles"."""

_RELATIONS = (AtEdge, Between, Over, Touching, Under)
"""Conditions by an edge or by other items."""


def _part(have: Meaning, number: Number, part: Kind) -> Meaning | None:
    """State that a number of the items that were spoken of are of a kind as well; None where it is open of which."""
    parts = have.parts if isinstance(have, And) else (have,)
    spoken = {one.kind for one in parts if isinstance(one, Count | Palette)}
    return both(have, Count(spoken.pop().that(*part.conditions), number)) if len(spoken) == 1 else None


def _part_of(have: Meaning, number: Number, part: Kind) -> Meaning | None:
    """Read "three circles, two of which are blue"; "a circle and two of them" is none of it."""
    parts = have.parts if isinstance(have, And) else (have,)
    counts = [one.number for one in parts if isinstance(one, Count)]
    alone = any(one in (SOME, exactly(1)) for one in counts)
    too_few = any(one.at_most is not None and one.at_most < number.at_least for one in counts)
    return None if alone or too_few else _part(have, number, part)


def _both_are(have: Meaning, part: Kind) -> Meaning | None:
    """Read "two circles and both are blue"; of three circles it is open which two."""
    return _part(have, exactly(2), part) if isinstance(have, Count) and have.number == exactly(2) else None


def _it_is(have: Meaning, part: Kind) -> Meaning | None:
    """Read "one circle and it is blue"; of two circles it is open which is."""
    return _part(have, SOME, part) if isinstance(have, Count) and have.number in (SOME, exactly(1)) else None


def exactly_that(number: Number, kind: Kind, part: Kind) -> Meaning | None:
    """Read what a box or a tower has: in NLVR "exactly two items which are black" are all of its items."""
    return _part(Count(kind, number), number, part) if kind in (ITEM, BLOCK) else None


def none_is(kind: Kind, condition: Condition) -> Meaning:
    """State that there are items of a kind, and none of them meets a condition."""
    return Every(kind, Kind((Not(condition),)))


def _series(bare: Bare, number: Number, kind: Kind, tail: tuple[Condition, ...] = ()) -> Meaning:
    """Read "one blue and two black circles touching the wall": noun and tail are those of all."""
    counts = [Count(noun(kind).that(*qualities, *tail), n) for n, qualities in bare]
    return both(*counts, Count(kind.that(*tail), number))


def _joined(one: Meaning, plain: bool, other: Meaning) -> Meaning | None:
    """Join statements; None where "and" may join less.

    As in "a circle touching a square and a triangle", or "only circles and a black item"; or where what follows
    may be that of both, as in "a circle and a square touching the wall".
    """
    joined = both(one, other)
    if not plain:
        return joined
    return None if is_open(one) or is_only(both(one).parts[-1]) or may_share(one, other) else joined


def _joined_apart(one: Meaning, plain: bool, other: Meaning) -> Meaning | None:
    """Join "only circles" and a statement; after a plain "and" it may be that "only" is said of both."""
    return None if plain else both(one, other)


def _joined_loosely(one: Meaning, plain: bool, other: Meaning) -> Meaning | None:
    """Join a statement without a number; None for "no circles and blue squares", "blue circles and squares".

    There the number or the quality may be that of both.
    """
    counts = [part for part in both(one).parts if isinstance(part, Count)]
    loose = next(part.kind for part in both(other).parts if isinstance(part, Count))
    if plain and counts:
        in_place = any(not attributes(part) and not isinstance(part, IsBlock) for part in loose.conditions)
        if (counts[-1].number != SOME and not in_place) or _is_plain(loose) > _is_plain(counts[-1].kind):
            return None
    return _joined(one, plain, other)


def _is_plain(kind: Kind) -> bool:
    """Test whether a kind tells a shape at most."""
    return not any(attributes(part) - {"shape"} for part in kind.conditions)


def is_only(meaning: Meaning) -> bool:
    """Test for a statement about all items: "only blue circles"."""
    return isinstance(meaning, Every) and meaning.kind == ITEM


def is_open(meaning: Meaning) -> bool:
    """Test whether a statement ends with items that a relation or a comparison is to: "a circle touching a square"."""
    if isinstance(meaning, Compare):
        return True
    kinds = [value for value in vars(meaning).values() if isinstance(value, Kind)]
    return any(has_kind(condition) for kind in kinds for condition in kind.conditions)


def may_share(one: Meaning, other: Meaning) -> bool:
    """Test whether "and" may join items alone: "no circle and a square", "a circle and a square touching the wall".

    There the number or the wall may be that of both, and of "a circle touching the wall and a square" the circle may
    touch the square.
    """
    counts = [part for part in both(one).parts if isinstance(part, Count)]
    following = [part for part in both(other).parts if isinstance(part, Count)]
    if not counts or not following:
        return False
    first, second = counts[-1], following[0]
    if second.number == SOME and not _has(second.kind, (*_RELATIONS, At, Within)):
        return first.number == NONE or _has(first.kind, _RELATIONS)
    named = first.kind not in (ITEM, BLOCK) and not _has(first.kind, (*_RELATIONS, At))
    # One block of a tower has its base or top, but two items may be "at the top".
    shared = _RELATIONS if is_block(second.kind) else (*_RELATIONS, At)
    return bool(first.number.at_least) and named and _has(second.kind, shared)


def _has(kind: Kind, classes: tuple[type[Condition], ...]) -> bool:
    """Test for a condition of these classes, its negation or an alternative of it."""
    inner = [part.condition if isinstance(part, Not) else part for part in kind.conditions]
    parts = [one for part in inner for one in (part.conditions if isinstance(part, Either) else (part,))]
    return any(isinstance(part, classes) for part in parts)


def lacking(has: Meaning) -> Meaning | None:
    """Negate a statement; of "without a circle and a square" it is open whether both are missing."""
    return None if isinstance(has, And) else Untrue(has)


_COUNTS = [
    *rule(
        "STATEMENT",
        "EXACT NOUN and [it|the] [color] is [of] IS",
        lambda number, kind, part: _part(Count(kind, number), number, part),
    ),
    *rule("QUALITIES", "QUALITY", lambda quality: (quality,)),
    *rule("QUALITIES", "QUALITY QUALITIES", lambda quality, qualities: (quality, *qualities)),
    *rule("BARES", "AMOUNT QUALITIES", lambda number, qualities: ((number, qualities),)),
    *rule("BARES", "AMOUNT QUALITIES ~AND BARES", lambda number, qualities, rest: ((number, qualities), *rest)),
    *rule("AND", "[,] and", lambda: 0),
    *rule("AND", ",", lambda: 0),
    *rule("STATEMENT", "BARES ~AND AMOUNT NAME [TAIL]", _series),
    *rule("STATEMENT", "AMOUNT KIND", lambda number, kind: Count(kind, number)),
    *rule("STATEMENT", "both KIND and KIND", lambda one, other: both(Count(one, SOME), Count(other, SOME))),
    *rule("LOOSE", "KIND", lambda kind: Count(kind, SOME)),
    *rule("STATEMENT", "NUM KIND at most", lambda most, kind: Count(kind, Number(0, most))),
    *rule("STATEMENT", "none of the NAME is PREDICATE", none_is),
    *rule("STATEMENT", "more KIND than [there is] KIND", Compare),
    *rule("STATEMENT", "more QUALITY than QUALITY NOUN", lambda a, b, kind: Compare(kind.that(a), kind.that(b))),
]

_PARTS = [
    *rule("JOIN", "[,] and|with", lambda: True),
    *rule("JOIN", "[,] and|with has", lambda: False),
    *rule("JOIN", "[,] and there is", lambda: False),
    *rule("JOIN", "[,] and it has", lambda: False),
    *rule("JOIN", "[,] and in it", lambda: False),
    *rule("JOIN", "[,] including", lambda: False),
    *rule("JOIN", "[,] has", lambda: False),
    *rule("JOIN", "in which", lambda: True),
    *rule("JOIN", ",", lambda: True),
    *rule("IS", "[a|an] KIND", same),
    *rule("IS", "PREDICATE", lambda condition: Kind((condition,))),
    *rule("ARE", "[a|an] KIND", same),
    *rule("ARE", "PREDICATE", lambda quality: None if isinstance(quality, Not) else Kind((quality,))),
    *rule("PART", "[,] [and] one of which|them [is]", lambda: SOME),
    *rule("PART", "[,] [and] AMOUNT of which|them [is]", same),
    *rule("PART", "[,] of which AMOUNT [item] [is]", same),
    *rule("PART", "and [the] AMOUNT [item] is", same),
    *rule("BOTH", "and they is both", lambda: 0),
    *rule("BOTH", "[,] and both [of them] is", lambda: 0),
]

_JOINED = [
    *rule("DEFINITE", "STATEMENT", same),
    *rule("DEFINITE", "ONLY", same),
    *rule("DEFINITE", "STATEMENT JOIN DEFINITE", _joined),
    *rule("DEFINITE", "ONLY JOIN DEFINITE", _joined_apart),
    *rule("MORE", "STATEMENT", same),
    *rule("MORE", "ONLY", same),
    *rule("MORE", "STATEMENT JOIN MORE", _joined),
    *rule("MORE", "STATEMENT JOIN LOOSELY", _joined_loosely),
    *rule("LOOSELY", "LOOSE", same),
    *rule("LOOSELY", "LOOSE JOIN MORE", _joined),
    *rule("LOOSELY", "LOOSE JOIN LOOSELY", _joined_loosely),
    *rule("MORE", "ONLY JOIN DEFINITE", _joined_apart),
    *rule("MORE", "STATEMENT [that] where [all] [the] HAS", both),
    *rule("MORE", "STATEMENT PART IS", _part_of),
    *rule("MORE", "STATEMENT ~BOTH IS", _both_are),
    *rule("MORE", "STATEMENT and it is IS", _it_is),
    *rule(
        "MORE",
        "STATEMENT and [the] KIND is PREDICATE",
        lambda have, kind, that: both(have, Count(kind.that(that), SOME)),
    ),
    *rule("HAS", "MORE", same),
    *rule("HAS", "LOOSELY", same),
    *rule("HAS", "LACKING", same),
    *rule("HAS", "either HAS or else HAS", lambda one, other: Or((one, other))),
    *rule("LACKING", "without both HAS", lambda has: Untrue(has) if isinstance(has, And) else None),
    *rule("LACKING", "without HAS", lacking),
]


def _with_above(number: Number, low: Kind, others: Number, high: Kind, directly: bool) -> Meaning | None:
    """Read "two circles with a square above it"."""
    return _accompanied(number, low, others, Under(high, directly or is_block(low)))


def _with_below(number: Number, high: Kind, others: Number, low: Kind, directly: bool) -> Meaning | None:
    return _accompanied(number, high, others, Over(low, directly or is_block(high)))


def _accompanied(number: Number, kind: Kind, others: Number, company: Condition) -> Meaning | None:
    """Count the items of a kind that have others above or below; conditions say "some" or "none" of these alone."""
    if others not in (NONE, SOME):
        return None
    return Count(kind.that(company if others == SOME else Not(company)), number)


def _and_above(number: Number, low: Kind, others: Number, high: Kind, directly: bool) -> Meaning | None:
    """Read "a circle and a square on top of it"; with other numbers it is open whose number they are."""
    if number != SOME or others != SOME:
        return None
    return Count(high.that(Over(low, directly or is_block(low))), SOME)


def _and_below(number: Number, high: Kind, others: Number, low: Kind, directly: bool) -> Meaning | None:
    if number != SOME or others != SOME:
        return None
    return Count(low.that(Under(high, directly or is_block(high))), SOME)


_PRONOUNS = [
    *rule("IT", "it|that|this [all]", lambda: 0),
    *rule("STATEMENT", "AMOUNT KIND and AMOUNT NAME OVER ~IT", _and_above),
    *rule("STATEMENT", "AMOUNT KIND and AMOUNT NAME UNDER ~IT", _and_below),
    *rule("STATEMENT", "AMOUNT KIND with AMOUNT NAME OVER ~IT", _with_above),
    *rule("STATEMENT", "AMOUNT KIND with AMOUNT NAME UNDER ~IT", _with_below),
    *rule("COMPANY", "touching each other", lambda: Touching),
    *rule("COMPANY", "not touching each other", lambda: lambda kind: Not(Touching(kind))),
    *rule("STATEMENT", "two KIND COMPANY", lambda kind, with_others: Count(kind.that(with_others(kind)), Number(2))),
]

RULES = [*_PRONOUNS, *_COUNTS, *_PARTS, *_JOINED]
