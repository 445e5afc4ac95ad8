"""Conditions of items: attributes, edges, levels, and relations to other items of the box."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from twinlens.reading.meanings.base import Condition, Kind, Meaning
from twinlens.reading.world import BOX, NEAR, SIZES, Box, Thing, depth, gap, is_tower, level

ATTRIBUTES: dict[str, Callable[[Thing], str | int]] = {
    "colour": lambda item: item.colour,
    "shape": lambda item: item.shape,
    "size": lambda item: item.size,
}
"""Attribute → its value for an item; sizes are in pixels."""
EDGES = ("left", "right", "top", "bottom")
SIDES = {
    **{side: ((side,),) for side in EDGES},
    "edge": tuple((side,) for side in EDGES),
    "corner": tuple((upright, flat) for upright in ("top", "bottom") for flat in ("left", "right")),
    "bottom left corner": (("bottom", "left"),),
    "bottom right corner": (("bottom", "right"),),
    "top left corner": (("top", "left"),),
    "top right corner": (("top", "right"),),
}
"""Part of a box's border → the sets of edges of which an item there touches one whole set."""
PLACES: dict[str, Callable[[Thing, Box], bool]] = {
    "top": lambda item, box: depth(item, box) == 0,
    "base": lambda item, box: level(item, box) == 0,
    "second": lambda item, box: level(item, box) == 1,
    "third": lambda item, box: level(item, box) == 2,
    "below top": lambda item, box: depth(item, box) == 1,
    "between": lambda item, box: depth(item, box) > 0 and level(item, box) > 0,
}
"""Place of an item in its box's order from the lowest to the topmost → its test."""


@dataclass(frozen=True)
class Is(Condition):
    """An attribute ("colour", "shape" or "size") with one value: `Is("size", "small")`."""

    attribute: str
    value: str

    def admits(self, item: Thing, box: Box) -> bool:  # noqa: ARG002
        """Compare the attribute."""
        value = SIZES[self.value] if self.attribute == "size" else self.value
        return ATTRIBUTES[self.attribute](item) == value


@dataclass(frozen=True)
class IsBlock(Condition):
    """A block: an item of a tower."""

    def admits(self, item: Thing, box: Box) -> bool:  # noqa: ARG002
        """Test whether the item's box holds a tower."""
        return is_tower(box)


@dataclass(frozen=True)
class AtEdge(Condition):
    """An item that touches a part of its box's border, one of SIDES."""

    side: str = "edge"

    def admits(self, item: Thing, box: Box) -> bool:  # noqa: ARG002
        """Compare the item's edges with those of the box."""
        right, bottom = BOX - item.x - item.size, BOX - item.y - item.size
        distance = {"left": item.x, "right": right, "top": item.y, "bottom": bottom}
        return any(_touches([distance[edge] for edge in edges]) for edges in SIDES[self.side])


@dataclass(frozen=True)
class At(Condition):
    """An item at a place of its box's order from the lowest to the topmost, one of PLACES."""

    place: str

    def admits(self, item: Thing, box: Box) -> bool:
        """Test the place."""
        return PLACES[self.place](item, box)


@dataclass(frozen=True)
class Over(Condition):
    """An item above one of a kind, without overlap in height; `directly`: it stands on it."""

    kind: Kind
    directly: bool = False

    def admits(self, item: Thing, box: Box) -> bool:
        """Test whether some item of the kind lies below."""
        return any(is_over(item, other, self.directly) for other in self.kind.among(box))


@dataclass(frozen=True)
class Under(Condition):
    """An item below one of a kind, without overlap in height; `directly`: that one stands on it."""

    kind: Kind
    directly: bool = False

    def admits(self, item: Thing, box: Box) -> bool:
        """Test whether some item of the kind lies above."""
        return any(is_over(other, item, self.directly) for other in self.kind.among(box))


@dataclass(frozen=True)
class Touching(Condition):
    """An item that touches another one of a kind."""

    kind: Kind

    def admits(self, item: Thing, box: Box) -> bool:
        """Test whether another item of the kind is at most NEAR pixels away."""
        return any(max(gap(item, other)) <= NEAR for other in self.kind.among(box) if other is not item)


@dataclass(frozen=True)
class Between(Condition):
    """An item between one of a kind and one of another, directly above and below; `alike`: of one colour as well."""

    one: Kind
    other: Kind
    alike: bool = False

    def admits(self, item: Thing, box: Box) -> bool:
        """Test the items directly above and below."""
        upper = [thing for thing in box if is_over(thing, item, directly=True)]
        lower = [thing for thing in box if is_over(item, thing, directly=True)]
        return any(
            (a.colour == b.colour or not self.alike)
            and ((self.one.has(a, box) and self.other.has(b, box)) or (self.other.has(a, box) and self.one.has(b, box)))
            for a in upper
            for b in lower
        )


@dataclass(frozen=True)
class Within(Condition):
    """An item of a box of which a statement is true."""

    statement: Meaning

    def admits(self, item: Thing, box: Box) -> bool:  # noqa: ARG002
        """Test the statement on the item's box alone."""
        return self.statement.true_of((box,))


@dataclass(frozen=True)
class Not(Condition):
    """An item that does not meet a condition."""

    condition: Condition

    def admits(self, item: Thing, box: Box) -> bool:
        """Negate the condition."""
        return not self.condition.admits(item, box)


@dataclass(frozen=True)
class Either(Condition):
    """An item that meets at least one of several conditions."""

    conditions: tuple[Condition, ...]

    def admits(self, item: Thing, box: Box) -> bool:
        """Test one condition after the other."""
        return any(condition.admits(item, box) for condition in self.conditions)


def is_over(upper: Thing, lower: Thing, directly: bool) -> bool:
    """Test whether one item lies above another; `directly`: at most NEAR pixels above it, and overlapping along x."""
    across, along = gap(upper, lower)
    above = upper.y + upper.size <= lower.y
    return above and (not directly or (across < 0 and along <= NEAR))


def _touches(distances: list[int]) -> bool:
    """Test that an item touches one edge, and in a corner comes within NEAR pixels of the other."""
    return min(distances) <= 0 and max(distances) <= NEAR
