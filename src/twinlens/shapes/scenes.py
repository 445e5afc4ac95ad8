"""Scenes: three boxes of flat items, as NLVR draws and annotates them (Suhr et al., ACL 2017)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b
from typing import NamedTuple, TypeAlias, TypeVar

import numpy as np

from twinlens.core.types import TwinlensError

SHAPES = ("square", "circle", "triangle")
COLOURS = {"yellow": (255, 255, 0), "black": (0, 0, 0), "blue": (0, 153, 255)}
"""Colour → RGB."""
SIZES = {"small": 10, "medium": 20, "large": 30}
"""Size → width and height in pixels."""
BOXES = ("left", "middle", "right")
BOX = 100
"""Width and height of a box in pixels."""
PITCH = 150
"""Pixels from the left edge of one box to that of the next; the separators between are PITCH − BOX wide."""
BLOCK = 20
"""Size of the squares that towers are made of."""
TOWER_X = 40
TOWER_Y = (80, 59, 38, 17)
"""Upper edge of each block of a tower, from its base: blocks stand one pixel apart."""
ITEMS = (1, 4)
"""Fewest and most items in a box; NLVR has up to 8."""
TOWER_SHARE = 0.3
"""How many of the scenes are towers: fewer than NLVR's 0.7, for there is more to say about scattered items."""
_SIZES = tuple(SIZES.values())
_COLOUR_NAMES = tuple(COLOURS)
_TRIES = 40
_T = TypeVar("_T")


class Item(NamedTuple):
    """A drawn thing: `size` pixels wide and high, its left upper corner at (x, y) pixels within its box."""

    shape: str
    colour: str
    size: int
    x: int
    y: int

    def keeps_off(self, other: Item) -> bool:
        """Whether at least one pixel of the box lies between the two."""
        return (
            self.x > other.x + other.size
            or other.x > self.x + self.size
            or self.y > other.y + other.size
            or other.y > self.y + self.size
        )


Box: TypeAlias = tuple[Item, ...]


@dataclass(frozen=True)
class Scene:
    """Three boxes, left to right. Items of a box have no order (they are kept sorted): equal scenes, equal pictures."""

    boxes: tuple[Box, Box, Box]

    def __post_init__(self) -> None:
        left, middle, right = self.boxes
        object.__setattr__(self, "boxes", (tuple(sorted(left)), tuple(sorted(middle)), tuple(sorted(right))))

    @cached_property
    def is_towers(self) -> bool:
        """Whether every box holds one tower: squares of 20 pixels in NLVR's places."""
        return all(box and set(box) == set(tower(colours(box))) for box in self.boxes)

    def items(self) -> Iterator[tuple[int, Item]]:
        """(number of the box, item) for every item, box by box."""
        return ((place, item) for place, box in enumerate(self.boxes) for item in box)

    def digest(self, *, ordered: bool = False) -> str:
        """A hash of the scene that ignores the order of its boxes, or, when `ordered`, that does not."""
        boxes = self.boxes if ordered else sorted(self.boxes)
        return blake2b(repr([[tuple(item) for item in box] for box in boxes]).encode(), digest_size=8).hexdigest()

    def reordered(self, order: Sequence[int]) -> Scene:
        """The scene with its boxes in another order: box `order[k]` comes to place k."""
        left, middle, right = (self.boxes[place] for place in order)
        return Scene((left, middle, right))

    def with_box(self, place: int, box: Iterable[Item]) -> Scene:
        """The scene with other items in one box."""
        boxes = list(self.boxes)
        boxes[place] = tuple(box)
        left, middle, right = boxes
        return Scene((left, middle, right))


def random_scene(
    rng: np.random.Generator, *, items: tuple[int, int] = ITEMS, tower_share: float = TOWER_SHARE
) -> Scene:
    """Draw a scene of towers (with probability `tower_share`), or one of scattered items.

    items: fewest and most items of a box of scattered items, from 1 to 8. Raises TwinlensError for other numbers.
    """
    return tower_scene(rng) if rng.random() < tower_share else scatter_scene(rng, items=items)


def tower_scene(rng: np.random.Generator) -> Scene:
    """Three towers of one to four blocks in random colours."""
    heights = rng.integers(1, len(TOWER_Y) + 1, 3).tolist()
    left, middle, right = (tower(pick(rng, _COLOUR_NAMES) for _ in range(height)) for height in heights)
    return Scene((left, middle, right))


def scatter_scene(rng: np.random.Generator, *, items: tuple[int, int] = ITEMS) -> Scene:
    """Boxes of `items` (fewest, most) random items that keep off each other. Raises TwinlensError: see random_scene."""
    fewest, most = items
    if not 1 <= fewest <= most <= 8:
        raise TwinlensError(f"a box holds 1 to 8 items, so items must be two such numbers in order, not {items}")
    left, middle, right = (_scatter(rng, count) for count in rng.integers(fewest, most + 1, 3).tolist())
    return Scene((left, middle, right))


def tower(colours: Iterable[str]) -> Box:
    """A tower of blocks, given from its base."""
    return tuple(Item("square", colour, BLOCK, TOWER_X, y) for colour, y in zip(colours, TOWER_Y, strict=False))


def colours(box: Iterable[Item]) -> list[str]:
    """The colours of a box from its lowest item up: of a tower, from its base."""
    return [item.colour for item in sorted(box, key=lambda item: -item.y)]


def fits(item: Item, others: Iterable[Item]) -> bool:
    """Whether the item lies within the box and keeps off the others."""
    inside = 0 <= item.x <= BOX - item.size and 0 <= item.y <= BOX - item.size
    return inside and all(item.keeps_off(other) for other in others)


def item_boxes(scene: Scene) -> list[tuple[str, int, int, int, int]]:
    """(label, left, upper, right, lower) of every item in pixels of the 400×100 picture; a label is "blue circle"."""
    return [
        (f"{item.colour} {item.shape}", left, item.y, left + item.size, item.y + item.size)
        for place, item in scene.items()
        for left in (PITCH * place + item.x,)
    ]


def random_item(rng: np.random.Generator) -> Item:
    """An item whose middle falls anywhere in a box, moved inward until it lies within: many touch an edge."""
    shape, colour, how_big, *middle = rng.random(5).tolist()
    size = _SIZES[int(how_big * len(_SIZES))]
    x, y = (min(max(int(share * (BOX + 1)) - size // 2, 0), BOX - size) for share in middle)
    return Item(SHAPES[int(shape * len(SHAPES))], _COLOUR_NAMES[int(colour * len(_COLOUR_NAMES))], size, x, y)


def pick(rng: np.random.Generator, options: Sequence[_T]) -> _T:
    """One of the options, each as likely as the others."""
    return options[int(rng.random() * len(options))]


def _scatter(rng: np.random.Generator, count: int) -> Box:
    """Random items one by one; a box that gets too full for the next one is begun anew."""
    box: list[Item] = []
    tries = 0
    while len(box) < count:
        item = random_item(rng)
        if fits(item, box):
            box.append(item)
        tries += 1
        if tries % _TRIES == 0:
            box.clear()
    return tuple(box)
