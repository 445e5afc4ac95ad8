"""Forms of meaning that the network is not taught: those of the held-out families of `shapes.sentences`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import Any

from twinlens.reading.drawing import BLOCK
from twinlens.reading.meanings import (
    NONE,
    SOME,
    And,
    At,
    AtEdge,
    Boxes,
    Count,
    EachBox,
    Every,
    Is,
    IsBlock,
    Kind,
    Meaning,
    Not,
    Untrue,
)

HELD_OUT = ("box_pair", "n_boxes", "no_box", "all_sized", "none_touching", "box_wall", "tower_height_and_end")
"""Families of `shapes.sentences` that the network never meets, nor any other sentence of their forms."""


def has_held_out_form(meaning: Meaning) -> bool:
    """Test whether a meaning, or a statement within it, has the form of a held-out family."""
    return any(_of_items(part) or _of_boxes(part) for part in _statements(meaning))


def _statements(value: Any) -> Iterator[Meaning]:
    """Yield a meaning and the statements that it is made of."""
    if isinstance(value, tuple):
        for one in value:
            yield from _statements(one)
        return
    if isinstance(value, Meaning):
        yield value
    for field in fields(value) if is_dataclass(value) else ():
        yield from _statements(getattr(value, field.name))


def _of_items(part: Meaning) -> bool:
    """Test for all_sized and none_touching, the latter also as "there is no circle touching the edge"."""
    if isinstance(part, Every):
        sized = any(isinstance(one, Is) and one.attribute == "size" for one in part.are.conditions)
        return sized or any(isinstance(one, Not) and isinstance(one.condition, AtEdge) for one in part.are.conditions)
    return isinstance(part, Count) and part.number == NONE and _at_edge(part.kind)


def _of_boxes(part: Meaning) -> bool:
    """Test for the families about boxes and towers."""
    if not isinstance(part, Boxes | EachBox):
        return False
    has = part.has.statement if isinstance(part.has, Untrue) else part.has
    if part.thing == "tower":
        return isinstance(has, And) and _height_and_place(has)
    if isinstance(has, And):
        return sum(isinstance(one, Count) and _is_plain(one.kind) for one in has.parts) > 1
    return isinstance(has, Count) and (_at_edge(has.kind) or (_is_plain(has.kind) and _is_counted(part, has)))


def _is_counted(part: Boxes | EachBox, has: Count) -> bool:
    """Test for n_boxes and no_box: anything but some boxes, or each box, with some items."""
    if isinstance(part, Boxes):
        return part.number != SOME
    return isinstance(part.has, Untrue) or has.number == NONE


def _height_and_place(has: And) -> bool:
    """Test for a height of a tower beside the colour of its base or top."""
    counts = [one.kind for one in has.parts if isinstance(one, Count)]
    return BLOCK in counts and any(isinstance(one, At) for kind in counts for one in kind.conditions)


def _at_edge(kind: Kind) -> bool:
    return any(isinstance(one, AtEdge) for one in kind.conditions)


def _is_plain(kind: Kind) -> bool:
    """Test for a kind by attributes alone, other than all items, which `box_size` counts."""
    return bool(kind.conditions) and all(isinstance(one, Is | IsBlock) for one in kind.conditions)
