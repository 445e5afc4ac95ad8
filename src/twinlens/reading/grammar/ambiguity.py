"""Meanings that a sentence may or may not have: it is left unread."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import Any

from twinlens.reading.meanings import Alike, And, At, Kind, Meaning, Not, Variety

_ENDS = {"base", "top"}
"""Places in a tower that one block has, but in a tower of one."""


def is_open(meaning: Meaning) -> bool:
    """Test whether a meaning has a part that a sentence with its words need not have."""
    return any(_places_one_item_twice(part) or _mixes_alike_and_different(part) for part in _parts(meaning))


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
    """Test for "a yellow block at the base but not at the top": one block, or none of the tower at its top?"""
    if not isinstance(part, Kind):
        return False
    ends = {one.place for one in part.conditions if isinstance(one, At)} & _ENDS
    negated = {one.condition.place for one in part.conditions if isinstance(one, Not) and isinstance(one.condition, At)}
    return bool(ends and negated & _ENDS)


def _mixes_alike_and_different(part: Any) -> bool:
    """Test for "two items of the same color and two items of different colors": these are two others."""
    if not isinstance(part, And):
        return False
    alike = {(one.attribute, one.kind) for one in part.parts if isinstance(one, Alike)}
    return any(isinstance(one, Variety) and (one.attribute, one.kind) in alike for one in part.parts)
