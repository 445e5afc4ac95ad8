"""Words for numbers, kinds of item and their conditions: the other direction of amounts, kinds and conditions."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import partial

from twinlens.core.types import TwinlensError
from twinlens.reading.grammar.kinds import has_kind, is_between_blocks
from twinlens.reading.grammar.spelling import NUMBERS
from twinlens.reading.meanings import (
    NONE,
    SOME,
    At,
    AtEdge,
    Between,
    Condition,
    Either,
    Is,
    IsBlock,
    Kind,
    Meaning,
    Not,
    Number,
    Over,
    Touching,
    Under,
    Within,
    exactly,
)

PLACES = {
    "top": "at the top",
    "base": "at the base",
    "second": "in the second place from the base",
    "third": "in the third place from the base",
    "below top": "in the second place from the top",
    "between": "between the base and the top",
}
EDGES = ("left", "right", "top", "bottom")
WORDS = {"colour": "color", "shape": "shape", "size": "size"}
"""Attribute → its word in sentences, spelt as most of NLVR's are."""
Content = Callable[[Meaning], str]
"""Function from a condition on a box to the words for its content."""


def speechless(what: object) -> TwinlensError:
    """Return the error for what has no words."""
    return TwinlensError(f"the grammar has no words for {what}; add a rule as docs/reading.md shows")


def count_word(count: int) -> str:
    """Write a number as a word."""
    if not 0 <= count < len(NUMBERS):
        raise speechless(f"the number {count}")
    return NUMBERS[count]


def amount(number: Number) -> tuple[str, bool]:
    """Word a number, and tell whether a plural follows: ("at least two", True)."""
    low, high = number.at_least, number.at_most
    if number in (NONE, SOME, Number(0)):
        return {NONE: ("no", True), SOME: ("a", False), Number(0): ("any number of", True)}[number]
    if high is None:
        return f"at least {count_word(low)}", low > 1
    if number == exactly(low):
        return f"exactly {count_word(low)}", low > 1
    return (f"from {count_word(low)} to {count_word(high)}" if low else f"at most {count_word(high)}"), high > 1


def counted(number: Number, kind: Kind, content: Content) -> str:
    """Word a number of items: "at least two blue circles"."""
    words, plural = amount(number)
    named = name(kind, content, plural=plural)
    return _one(named) if words == "a" else f"{words} {named}"


def name(kind: Kind, content: Content, *, plural: bool = True, that: bool = False) -> str:
    """Word a kind: "small blue circles touching the edge"; `that`: "a circle that is not touching the edge"."""
    qualities = [part for part in kind.conditions if _is_quality(part)]
    nouns = [part for part in kind.conditions if _is_noun(part)]
    tails = [part for part in kind.conditions if part not in qualities and part not in nouns]
    before = [_quality(part) for part in sorted(qualities, key=_is_colour)]
    after = [_condition(part, content) for part in sorted(tails, key=_weight)]
    if that and after and re.match("not (?!of )", after[0]):
        after[0] = f"that is {after[0]}"
    return " ".join([*before, _noun(nouns, plural), *([" and ".join(after)] if after else [])])


def has_tail(kind: Kind) -> bool:
    """Test for a kind with words after its noun."""
    return any(not _is_quality(part) and not _is_noun(part) for part in kind.conditions)


def _noun(parts: Sequence[Condition], plural: bool) -> str:
    """Word the noun: "item", "circles", "block", "square blocks"."""
    shapes = [part.value for part in parts if isinstance(part, Is)]
    if len(shapes) > 1:
        raise speechless(f"an item of the shapes {' and '.join(shapes)}")
    words = [*shapes, *(["block"] if IsBlock() in parts else [])] or ["item"]
    return " ".join(words) + ("s" if plural else "")


def attribute_words(number: Number, attribute: str) -> str:
    """Word a number of values: "exactly two different colors"."""
    words, plural = ("at least one", False) if number == SOME else amount(number)
    return f"{words} different {WORDS[attribute]}s" if plural else f"{words} {WORDS[attribute]}"


def _condition(condition: Condition, content: Content) -> str:
    """Word a condition: "touching the edge", "not of blue color"."""
    match condition:
        case Is(attribute, value):
            return f"of {value} {WORDS[attribute]}"
        case AtEdge(side):
            return f"touching the {side}{' edge' if side in EDGES else ''}"
        case At(place):
            return PLACES[place]
        case Not(inner):
            # Not "that is not blue": "one item that is not blue" is read as one item alone, and that not blue.
            return f"not {_condition(inner, content)}"
        case Either((one, other)) if _is_colour(one) and _is_colour(other):
            return f"of {_quality(condition)} color"
        case Either((one, other)):
            return f"either {_condition(one, content)} or else {_condition(other, content)}"
    return _relation(condition, content)


def _relation(condition: Condition, content: Content) -> str:
    """Word a relation to other items, or to the content of the box."""
    named = partial(name, content=content)
    match condition:
        case Over(kind, directly) | Under(kind, directly):
            where = "above" if isinstance(condition, Over) else "below"
            return f"{'directly' if directly else 'somewhere'} {where} {_one(named(kind, plural=False, that=True))}"
        case Touching(kind):
            return f"touching {_one(named(kind, plural=False, that=True))}"
        case Between(one, other, alike) as between if one == other:
            return f"{_between(between)} two {named(one)}{' of the same color' if alike else ''}"
        case Between(one, other, False) as between:
            return f"{_between(between)} {_one(named(one, plural=False))} and {_one(named(other, plural=False))}"
        case Within(statement):
            words = content(statement)
            return f"in a box {words}" if words.startswith("without ") else f"in a box with {words}"
    raise speechless(condition)


def _between(condition: Between) -> str:
    return "between" if is_between_blocks(condition) else "vertically between"


def _quality(condition: Condition) -> str:
    """Word the adjectives before a noun: "small", "blue or black"."""
    parts = condition.conditions if isinstance(condition, Either) else (condition,)
    return " or ".join(part.value for part in parts if isinstance(part, Is))


def _is_quality(condition: Condition) -> bool:
    if isinstance(condition, Either):
        return len(condition.conditions) == 2 and all(_is_colour(part) for part in condition.conditions)
    return isinstance(condition, Is) and condition.attribute != "shape"


def _is_colour(condition: Condition) -> bool:
    return isinstance(condition, Either) or (isinstance(condition, Is) and condition.attribute == "colour")


def _is_noun(condition: Condition) -> bool:
    return isinstance(condition, IsBlock) or (isinstance(condition, Is) and condition.attribute == "shape")


def _weight(condition: Condition) -> int:
    """Order conditions so that those with a kind of their own, and then those with a content, come last."""
    inner = condition.condition if isinstance(condition, Not) else condition
    if isinstance(inner, Within):
        return 2
    return int(has_kind(inner) or (isinstance(inner, Either) and not _is_quality(inner)))


def _one(named: str) -> str:
    """Put the article before a name: "an item"."""
    return f"{'an' if named[0] in 'aeiou' else 'a'} {named}"
