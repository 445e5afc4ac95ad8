"""Meanings drawn at random, of the kinds that people write about such pictures.

All of them have words, but for some of `two_statements` whose parts are two statements themselves.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias, TypeVar

import numpy as np

from twinlens.reading.meanings import (
    SOME,
    Alike,
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
    IsBlock,
    Kind,
    Meaning,
    Not,
    Number,
    Or,
    Over,
    Palette,
    Sharing,
    Touching,
    Under,
    Untrue,
    Variety,
    Within,
    exactly,
)
from twinlens.reading.meanings.statements import FEATURES
from twinlens.reading.world import COLOURS, SHAPES, SIZES

VALUES: dict[str, tuple[str, ...]] = {"colour": tuple(COLOURS), "shape": SHAPES, "size": tuple(SIZES)}
"""Attribute → its values."""
SIDES = ("edge", "edge", "edge", "corner", "top", "bottom", "left", "right")
"""Parts of a box's border as often as sentences have them."""
BLOCK = Kind((IsBlock(),))
Draw: TypeAlias = Callable[["Drawer"], Meaning]
_T = TypeVar("_T")


class Drawer:
    """A source of random parts of meanings."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.rng = rng

    def pick(self, options: Sequence[_T]) -> _T:
        """Draw one of the options."""
        return options[int(self.rng.random() * len(options))]

    def chance(self, share: float) -> bool:
        """Say yes with a probability."""
        return self.rng.random() < share

    def colour(self) -> Condition:
        """Draw a colour."""
        return Is("colour", self.pick(VALUES["colour"]))

    def kind(self) -> Kind:
        """Draw a kind by colour, shape or both, sometimes by size."""
        parts = self.pick(("colour", "colour", "shape", "shape", "colour shape", "colour shape", "colour shape", ""))
        names = [*parts.split(), *(["size"] if self.chance(0.15) else [])]
        return Kind(tuple(Is(name, self.pick(VALUES[name])) for name in names))

    def block(self) -> Kind:
        """Draw blocks of towers, mostly of one colour."""
        return BLOCK.that(self.colour()) if self.chance(0.85) else BLOCK

    def stacked_block(self) -> Kind:
        """Draw blocks over or under others, mostly directly."""
        other, directly = self.block(), self.chance(0.85)
        return self.block().that(Over(other, directly) if self.chance(0.6) else Under(other, directly))

    def number(self, most: int = 4) -> Number:
        """Draw an amount: at least one above all, or exactly, at least or at most some."""
        count = int(self.rng.integers(1, most + 1))
        return self.pick((SOME, SOME, exactly(count), exactly(count), Number(count), Number(0, count)))

    def count(self, options: Sequence[int]) -> Number:
        """Draw one of these counts, exactly or at least."""
        count = self.pick(options)
        return exactly(count) if self.chance(0.5) else Number(count)

    def boxes(self) -> Number:
        """Draw a number of boxes."""
        return self.pick((SOME, SOME, SOME, exactly(1), exactly(2), Number(2), exactly(3)))

    def place(self) -> At:
        """Draw a place in a tower."""
        return At(self.pick(("top", "top", "base", "base", "second", "third")))


def random_meaning(rng: np.random.Generator) -> Meaning:
    """Draw a meaning of a random family."""
    drawer = Drawer(rng)
    return FAMILIES[drawer.pick(_WEIGHTED)](drawer)


def _count(draw: Drawer) -> Meaning:
    return Count(draw.kind(), draw.number(6))


def _edge(draw: Drawer) -> Meaning:
    edge: Condition = AtEdge(draw.pick(SIDES))
    return Count(draw.kind().that(Not(edge) if draw.chance(0.25) else edge), draw.number())


def _touching(draw: Drawer) -> Meaning:
    return Count(draw.kind().that(Touching(draw.kind())), draw.number(2))


def _boxes_with(content: Draw, thing: str = "box") -> Draw:
    def meaning(draw: Drawer) -> Meaning:
        has = content(draw)
        if draw.chance(0.12):
            return EachBox(thing, Untrue(has) if draw.chance(0.3) else has)
        return Boxes(thing, has, draw.boxes())

    return meaning


def _size_and_item(draw: Drawer) -> Meaning:
    """Draw the content of a box by its size and something in it: exactly four items, one of which is blue."""
    every = Count(Kind(), draw.count(range(1, 8)))
    return And((every, draw.pick((_count, _count, _edge, _palette, _variety, _alike, _only))(draw)))


def _size(draw: Drawer) -> Meaning:
    return Count(Kind(), draw.count(range(1, 8)))


def _two_kinds(draw: Drawer) -> Meaning:
    return And((_count(draw), _count(draw)))


def _only(draw: Drawer) -> Meaning:
    return Every(Kind(), draw.kind())


def _every(draw: Drawer) -> Meaning:
    edge = AtEdge(draw.pick(SIDES))
    are = draw.kind() if draw.chance(0.5) else Kind((Not(edge) if draw.chance(0.3) else edge,))
    return Every(draw.kind(), are)


def _variety(draw: Drawer) -> Meaning:
    kind = draw.kind().that(AtEdge()) if draw.chance(0.1) else Kind()
    return Variety(draw.pick(("colour", "colour", "shape", "size")), kind, exactly(int(draw.rng.integers(1, 4))))


def _palette(draw: Drawer) -> Meaning:
    attribute = draw.pick(("colour", "colour", "shape"))
    return Palette(attribute, tuple(draw.rng.permutation(VALUES[attribute])[:2].tolist()), Kind())


def _alike(draw: Drawer) -> Meaning:
    return Alike(draw.pick(("colour", "colour", "shape")), Kind(), draw.count((2, 3, 4)))


def _compare(draw: Drawer) -> Meaning:
    return Compare(draw.kind(), draw.kind())


def _height(draw: Drawer) -> Meaning:
    return Count(BLOCK, draw.count(range(1, 5)))


def _placed(draw: Drawer) -> Meaning:
    return Count(BLOCK.that(draw.colour(), draw.place()), SOME)


def _blocks(draw: Drawer) -> Meaning:
    return Count(draw.block(), draw.number(3))


def _stacked(draw: Drawer) -> Meaning:
    return Count(draw.stacked_block(), SOME)


def _height_and_more(draw: Drawer) -> Meaning:
    return And((_height(draw), draw.pick((_placed, _placed, _blocks, _stacked, _tower_colours))(draw)))


def _two_of_a_tower(draw: Drawer) -> Meaning:
    return And((_placed(draw), draw.pick((_placed, _blocks, _stacked))(draw)))


def _tower_colours(draw: Drawer) -> Meaning:
    return draw.pick((_variety, _palette, _alike, _only))(draw)


def _placed_blocks(draw: Drawer) -> Meaning:
    within = Within(_height(draw))
    kind = BLOCK.that(draw.colour(), draw.place())
    return Count(kind.that(within) if draw.chance(0.6) else kind, draw.boxes())


def _stacked_blocks(draw: Drawer) -> Meaning:
    return Count(draw.stacked_block(), draw.number(2))


def _sharing(draw: Drawer) -> Meaning:
    return Sharing("tower", draw.pick(tuple(FEATURES)), draw.count((2, 3)))


def _two_statements(draw: Drawer) -> Meaning:
    parts = (random_meaning(draw.rng), random_meaning(draw.rng))
    return And(parts) if draw.chance(0.7) else Or(parts)


FAMILIES: dict[str, Draw] = {
    "count": _count,
    "edge": _edge,
    "touching": _touching,
    "box_with": _boxes_with(_count),
    "box_size": _boxes_with(_size),
    "box_size_and_item": _boxes_with(_size_and_item),
    "box_two_kinds": _boxes_with(_two_kinds),
    "box_only": _boxes_with(_only),
    "box_edge": _boxes_with(_edge),
    "box_variety": _boxes_with(_variety),
    "box_palette": _boxes_with(_palette),
    "box_alike": _boxes_with(_alike),
    "box_every": _boxes_with(_every),
    "every": _every,
    "compare": _compare,
    "tower_height": _boxes_with(_height, "tower"),
    "tower_placed": _boxes_with(_placed, "tower"),
    "tower_blocks": _boxes_with(_blocks, "tower"),
    "tower_stacked": _boxes_with(_stacked, "tower"),
    "tower_height_and_more": _boxes_with(_height_and_more, "tower"),
    "tower_two": _boxes_with(_two_of_a_tower, "tower"),
    "tower_colours": _boxes_with(_tower_colours, "tower"),
    "blocks": _blocks,
    "placed_blocks": _placed_blocks,
    "stacked_blocks": _stacked_blocks,
    "sharing": _sharing,
    "two_statements": _two_statements,
}
"""Families of meanings by name."""
_WEIGHTED = (*FAMILIES, *("edge", "box_with", "box_size_and_item", "tower_height_and_more", "tower_placed") * 3)
