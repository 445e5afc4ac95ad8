"""Meanings that a sentence may or may not have: it is left unread."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import fields, is_dataclass
from typing import Any

from twinlens.reading.grammar.spelling import NUMBERS
from twinlens.reading.meanings import (
    Alike,
    And,
    At,
    Boxes,
    Count,
    EachBox,
    IsBlock,
    Kind,
    Meaning,
    Not,
    Number,
    Over,
    Under,
    Variety,
    Within,
)
from twinlens.reading.world import COLOURS, SHAPES, SIZES

_ENDS = {"base", "top"}
"""Places in a tower that one block has, but in a tower of one."""

_QUALITY = "|".join((*COLOURS, *SIZES))
_SHAPE = "|".join(SHAPES)
_NOUN = f"(?:{_SHAPE}|item|block)"
_NAME = f"(?:(?:{_QUALITY}|or) )*{_NOUN}"
_SEVERAL = f"(?:{'|'.join(NUMBERS[2:])}|multiple|more|fewer|less)"
_OVER = "over|above|below|under|beneath|underneath|on (?:the )?top of|on (?:an?|the|another)"
_NUMBER = "|".join(NUMBERS)
_BARE = "|".join(NUMBERS[2:])
_COUNTED = f"{'|'.join(NUMBERS)}|no|none|not an?|not any|only|exactly|single|{_SEVERAL}"
_THING = "(?:of )?(?:the )?(?:three )?(?:grey )?(?:box|tower|grey square)"
_ITEM = f"(?:(?:{_QUALITY}) )*(?:item|{_SHAPE})(?! block)"
_ITEM_NOUN = rf"(?<!grey )\b{_NOUN}\b(?! (?:and \w+ )?shape)"
_APART = "also|else|box|tower|than|there"
_LIST = rf"(?:(?!\b(?:{_APART})\b).)*"
_LIST_OF_ONE_HAS = rf"(?:(?!\b(?:{_APART}|has)\b).)*"
# No noun stands in between, so that a long row of nouns is looked through once.
_TO_NEXT_NOUN = rf"(?:(?!\b(?:{_APART})\b|{_ITEM_NOUN}).)*"
_TWO_NOUNS = rf"{_ITEM_NOUN}{_TO_NEXT_NOUN}(?:\b(?:and|with)|,){_TO_NEXT_NOUN}{_ITEM_NOUN}"
_WHERE = (
    f"closely|nearly|touching|attached|not|at|as|away|between|somewhere|right|directly|higher|lower|either|{_OVER}|"
    "in (?:the|its) (?!(?:three )?(?:grey )?box)\\w+"
)
_BESIDE = f"{_OVER}|touching|attached (?:to|with)|higher than|lower than"
_ALL_THOSE = rf"all\b(?! (?:{_THING}|(?:the )?(?:{_BARE})|(?:of )?(?:the )?{_NAME}\b(?:(?!there)[^,])* is)\b)"
_OPEN_WORDS = [
    # "a circle and a square that are blue": is the circle blue?
    rf"(?:{_SHAPE}|(?:{_QUALITY}) {_NOUN}) (?:, )?and (?:\w+ ){{0,3}}{_NAME} (?:, )?(?:that|which) (?:is|where)\b",
    # "two blue blocks above a black block": which of the two stands on it?
    rf"{_SEVERAL} (?:(?:{_QUALITY}) )*block (?:(?:that|which) is )?(?:{_OVER})\b",
    # "two towers of the same color": as each other, or each of one color?
    r"(?:tower|box) (?:that|which)? ?(?:is )?of (?:the )?same\b",
    # "two boxes with items of the same shape": as those of the other box?
    rf"{_SEVERAL} (?:box|tower) (?:with|has) (?:item|block|{_SHAPE}) of (?:the )?same (?:color|shape|size)$",
    # "three squares and a circle and two of them": of which?
    rf"(?<!grey )\b{_NOUN} .*\b{_NOUN} .*(?:(?<!all )of them|of which|and both)\b",
    # "each box has items of a different color": than the other boxes', or each its own?
    r"\b(?:of|with|has) (?:(?:an?|as|some|another) different|an?|another) (?:color|shape|size)\b",
    # "exactly one box with a circle and it is blue": may another box have a circle?
    rf"\b(?:{_COUNTED}) {_THING} .*\bit (?:is|has)\b",
    rf"\b(?:{_COUNTED}) {_THING} .*\b(?:it|the) color is\b",
    # "a box with a circle and a square and it is blue": which of them?
    rf"(?<!grey )\b{_NOUN} .*\b{_NOUN} .*\band it is\b",
    # "no box has two items of the same color": may a box have three?
    rf"\b(?:no|none|not|without) .*(?<!exactly )(?<!least )(?<!most )(?<!to )(?<!between )(?:{_BARE}) {_NAME} "
    r"of (?:the )?same\b",
    # "no box has items of the same color": all of them, or any two?
    rf"\b(?:no|none|not an?|not any) {_THING} (?:(?:that|which) )?(?:with|has) {_NAME} of (?:the )?same \w+\b(?! only)",
    # "a blue block at the top of a tower and a yellow block at the base": of that tower?
    r"\b(?:top|base) of (?:a|the) tower (?:, )?and .*\b(?:at|as|on) (?:the|its) (?:top|base)$",
    # "a circle in the middle": of the box, or between others?
    rf"\b(?:an?|one|the|as) {_ITEM} (?:(?:(?:that|which) )?is )?in (?:the|its) middle\b",
    # "a circle on top of a square": on it, or anywhere above?
    rf"(?<!right )(?<!directly )\bon (?:the )?top of (?:an?|the|another|one) {_ITEM}\b",
    # "two circles and three squares, all blue": the squares, or the circles too?
    rf"{_TWO_NOUNS}{_LIST}\b(?<!of )(?:{_ALL_THOSE}|which share\b)",
    # "a circle touching a square but not touching the wall": which of them does not?
    rf"{_ITEM_NOUN}.*{_ITEM_NOUN}.*(?<!nothing )\bbut\b",
    rf"\b(?:{_BESIDE}) (?:(?:an?|the|another|other|any) )?{_NAME} (?:not (?!of\b)|, (?:{_WHERE})\b)",
    # "at least one blue and one black item", "fewer than two circles and one square": may there be more black ones?
    rf"\b(?:at least (?:{_NUMBER})(?: (?:{_QUALITY}))+|(?:at most|than|to) (?:{_NUMBER}) (?:{_QUALITY}|{_NOUN})\b"
    rf"{_LIST_OF_ONE_HAS}) ?(?:\band|,) (?:and )?(?:{_NUMBER}) (?!{_NOUN} is\b)(?:{_QUALITY}|{_NOUN})\b",
    # "all circles are not blue": none, or not all of them?
    rf"\b(?:all|every|each) {_NAME}(?: (?!(?:that|which|than|but)\b)\w+)* is not\b",
    # "more circles than squares touching the wall": does the wall tell the circles as well?
    rf"\b(?:more|fewer) {_NAME} than {_NAME} (?:{_WHERE})\b",
    # "a circle and two squares of the same color": as the circle's?
    rf"{_ITEM_NOUN}{_LIST_OF_ONE_HAS}(?:\band|,) (?:\w+ )?{_NAME} (?:all )?of (?:the )?(?:same|different)\b",
    # "an item that is not a circle touching the wall": does it touch the wall?
    rf"\b(?:that|which|than|but) is not an? {_NAME} (?:{_WHERE})\b",
]
"""Wordings that may be meant in two ways, in the form of `spelling`, whatever the rules make of them."""


def has_open_wording(words: Sequence[str]) -> bool:
    """Test whether words stand in an order of which it is open what it joins or counts."""
    text = " ".join(words)
    return any(re.search(pattern, text) for pattern in _OPEN_WORDS)


def is_open(meaning: Meaning) -> bool:
    """Test whether a meaning has a part that a sentence with its words need not have."""
    return any(
        _places_one_item_twice(part)
        or _is_beyond_an_end(part)
        or _mixes_alike_and_different(part)
        or _has_several_at_one_place(part)
        for part in _parts(meaning)
    )


def _parts(value: Any) -> Iterator[Any]:
    """Yield a meaning and all that it is made of."""
    if isinstance(value, tuple):
        for one in value:
            yield from _parts(one)
    elif is_dataclass(value):
        yield value
        for field in fields(value):
            yield from _parts(getattr(value, field.name))


def _places_one_item_twice(part: Any) -> bool:
    """Test for "a yellow block at the base but not at the top": one block, or none of the tower at its top?

    "A yellow block at the top and at the base" are one block, or two.
    """
    if not isinstance(part, Kind):
        return False
    places = {one.place for one in part.conditions if isinstance(one, At)}
    negated = {one.condition.place for one in part.conditions if isinstance(one, Not) and isinstance(one.condition, At)}
    return len(places) > 1 or bool(places & _ENDS and negated & _ENDS)


def _is_beyond_an_end(part: Any) -> bool:
    """Test for "a black block over a blue block at the top": no block is above that, so the black one is at the top."""
    return (isinstance(part, Over) and At("top") in part.kind.conditions) or (
        isinstance(part, Under) and At("base") in part.kind.conditions
    )


def _has_several_at_one_place(part: Any) -> bool:
    """Test for "a tower with two blue blocks at the base", where it has one: the lowest two, or none?"""
    if not isinstance(part, Boxes | EachBox | Within):
        return False
    is_tower = isinstance(part, Boxes | EachBox) and part.thing == "tower"
    counts = [one for one in _parts(part) if isinstance(one, Count) and _counts_several(one.number)]
    return any(_is_at_one_place(count.kind, is_tower) for count in counts)


def _is_at_one_place(kind: Kind, in_tower: bool) -> bool:
    """Test for a kind of which a tower has one at most, by its place."""
    places = {one.place for one in kind.conditions if isinstance(one, At)} - {"between"}
    return bool(places) and (in_tower or IsBlock() in kind.conditions)


def _counts_several(number: Number) -> bool:
    """Test for a number other than "a", "no", "one" and "at most one"."""
    return number.at_least > 1 or (number.at_most or 0) > 1 or number == Number(0)


def _mixes_alike_and_different(part: Any) -> bool:
    """Test for "two items of the same color and two items of different colors": these are two others."""
    if not isinstance(part, And):
        return False
    alike = {(one.attribute, one.kind) for one in part.parts if isinstance(one, Alike)}
    return any(isinstance(one, Variety) and (one.attribute, one.kind) in alike for one in part.parts)
