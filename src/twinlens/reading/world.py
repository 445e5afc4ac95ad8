"""The closed world that is read: three grey boxes of yellow, black and blue squares, circles and triangles (NLVR)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol, TypeAlias

SHAPES = ("square", "circle", "triangle")
COLOURS = {"yellow": (255, 255, 0), "black": (0, 0, 0), "blue": (0, 153, 255)}
"""Colour → RGB."""
SIZES = {"small": 10, "medium": 20, "large": 30}
"""Size → width and height in pixels."""
BOXES = ("left", "middle", "right")
BOX = 100
"""Width and height of a box in pixels."""
PITCH = 150
"""Pixels from the left edge of one box to that of the next; separators are PITCH − BOX wide."""
WIDTH, HEIGHT = 4 * BOX, BOX
"""Of a picture in pixels."""
BACKGROUND = 211
"""Grey of the boxes."""
SEPARATOR = 128
"""Grey between the boxes, and right of the last."""
BLOCK = 20
"""Size of a tower's squares in pixels; blocks are one pixel apart."""
TOWER_X = 40
TOWER_Y = (80, 59, 38, 17)
"""Upper edges of a tower's blocks in pixels, from the base."""
NEAR = 1
"""Pixels between items that count as touching; NLVR draws none nearer."""


class Thing(Protocol):
    """The attributes of an item that meanings look at; items of `shapes` have them as well."""

    @property
    def shape(self) -> str:
        """Return "square", "circle" or "triangle"."""

    @property
    def colour(self) -> str:
        """Return "yellow", "black" or "blue"."""

    @property
    def size(self) -> int:
        """Return width and height in pixels."""

    @property
    def x(self) -> int:
        """Return the left edge in pixels of its box."""

    @property
    def y(self) -> int:
        """Return the upper edge in pixels of its box, counted downwards."""


class Item(NamedTuple):
    """An item as read from pixels: `size` pixels wide and high, its left upper corner at (x, y) within its box."""

    shape: str
    colour: str
    size: int
    x: int
    y: int

    def keeps_off(self, other: Item) -> bool:
        """Test that at least one pixel of the box lies between the two."""
        return (
            self.x > other.x + other.size
            or other.x > self.x + self.size
            or self.y > other.y + other.size
            or other.y > self.y + self.size
        )


Box: TypeAlias = Sequence[Thing]
Scene: TypeAlias = Sequence[Box]
"""Boxes from left to right."""


def is_tower(box: Box) -> bool:
    """Test whether a box holds one tower: squares of 20 pixels in one column, stacked from the bottom of the box."""
    if not all(i.shape == "square" and i.size == BLOCK and i.x == TOWER_X for i in box):
        return False
    heights = sorted((BOX - i.y for i in box), reverse=True)
    return bool(box) and heights == [BLOCK + (BLOCK + 1) * level for level in reversed(range(len(box)))]


def level(item: Thing, box: Box) -> int:
    """Count the items of a box that end lower than this one: 0 for the lowest, of a tower for its base."""
    return sum(other.y + other.size > item.y + item.size for other in box)


def depth(item: Thing, box: Box) -> int:
    """Count the items of a box that begin higher than this one: 0 for the topmost."""
    return sum(other.y < item.y for other in box)


def gap(one: Thing, other: Thing) -> tuple[int, int]:
    """Return the pixels between two items along x and along y, negative where they overlap along it."""
    return (
        max(one.x, other.x) - min(one.x + one.size, other.x + other.size),
        max(one.y, other.y) - min(one.y + one.size, other.y + other.size),
    )
