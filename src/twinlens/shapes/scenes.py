"""Scenes: three boxes of flat items, as in NLVR (Suhr et al., ACL 2017)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b
from typing import TypeAlias, TypeVar

import numpy as np

from twinlens.core.types import TwinlensError
from twinlens.reading.world import BLOCK, BOX, COLOURS, PITCH, SHAPES, SIZES, TOWER_X, TOWER_Y, Item

ITEMS = (1, 4)
"""Fewest and most items in a box, unless asked for more."""
TOWER_SHARE = 0.3
"""Share of scenes with towers: less than NLVR's, as sentences about scattered items are more varied."""
NLVR_ITEMS = (1, 7)
"""Fewest and most items in a box of NLVR, but for a few of eight."""
NLVR_TOWER_SHARE = 0.7
"""Share of NLVR's scenes with towers."""
_SIZES = tuple(SIZES.values())
_COLOUR_NAMES = tuple(COLOURS)
_TRIES = 40
_T = TypeVar("_T")

Box: TypeAlias = tuple[Item, ...]


@dataclass(frozen=True)
class Scene:
    """Three boxes, left to right; a box's items are sorted, so that scenes are equal when their pictures are."""

    boxes: tuple[Box, Box, Box]

    def __post_init__(self) -> None:
        left, middle, right = self.boxes
        object.__setattr__(self, "boxes", (tuple(sorted(left)), tuple(sorted(middle)), tuple(sorted(right))))

    @cached_property
    def is_towers(self) -> bool:
        """True if every box holds one tower: squares of 20 pixels at NLVR's positions."""
        return all(box and set(box) == set(tower(colours(box))) for box in self.boxes)

    def __iter__(self) -> Iterator[Box]:
        """Yield the boxes, left to right."""
        return iter(self.boxes)

    def items(self) -> Iterator[tuple[int, Item]]:
        """Yield (number of the box, item) for every item, box by box."""
        return ((place, item) for place, box in enumerate(self.boxes) for item in box)

    def digest(self, *, ordered: bool = False) -> str:
        """Hash the scene, ignoring the order of its boxes unless `ordered`."""
        boxes = self.boxes if ordered else sorted(self.boxes)
        return blake2b(repr([[tuple(item) for item in box] for box in boxes]).encode(), digest_size=8).hexdigest()

    def items_digest(self) -> str:
        """Hash the items of all boxes together: their shapes, colours and sizes, wherever they stand."""
        items = sorted((item.shape, item.colour, item.size) for _, item in self.items())
        return blake2b(repr(items).encode(), digest_size=8).hexdigest()

    def reordered(self, order: Sequence[int]) -> Scene:
        """Return the scene with its boxes in another order: box `order[k]` at place k."""
        left, middle, right = (self.boxes[place] for place in order)
        return Scene((left, middle, right))

    def with_box(self, place: int, box: Iterable[Item]) -> Scene:
        """Return the scene with other items in one box."""
        boxes = list(self.boxes)
        boxes[place] = tuple(box)
        left, middle, right = boxes
        return Scene((left, middle, right))


def random_scene(
    rng: np.random.Generator, *, items: tuple[int, int] = ITEMS, tower_share: float = TOWER_SHARE
) -> Scene:
    """Draw a scene of towers, with probability `tower_share`, or else of scattered items.

    items: fewest and most items of a box of scattered items, from 1 to 8. Raises TwinlensError for other numbers.
    """
    return tower_scene(rng) if rng.random() < tower_share else scatter_scene(rng, items=items)


def tower_scene(rng: np.random.Generator) -> Scene:
    """Draw three towers of one to four blocks in random colours."""
    heights = rng.integers(1, len(TOWER_Y) + 1, 3).tolist()
    left, middle, right = (tower(pick(rng, _COLOUR_NAMES) for _ in range(height)) for height in heights)
    return Scene((left, middle, right))


def scatter_scene(rng: np.random.Generator, *, items: tuple[int, int] = ITEMS) -> Scene:
    """Draw boxes of random items that keep off each other; `items` and errors are those of `random_scene`."""
    fewest, most = items
    if not 1 <= fewest <= most <= 8:
        raise TwinlensError(f"a box holds 1 to 8 items, so items must be two such numbers in order, not {items}")
    left, middle, right = (_scatter(rng, count) for count in rng.integers(fewest, most + 1, 3).tolist())
    return Scene((left, middle, right))


def tower(colours: Iterable[str]) -> Box:
    """Stack blocks of these colours into a tower, from its base."""
    return tuple(Item("square", colour, BLOCK, TOWER_X, y) for colour, y in zip(colours, TOWER_Y, strict=False))


def colours(box: Iterable[Item]) -> list[str]:
    """List the colours of a box from its lowest item up: of a tower, from its base."""
    return [item.colour for item in sorted(box, key=lambda item: -item.y)]


def fits(item: Item, others: Iterable[Item]) -> bool:
    """Test that the item lies within the box and keeps off the others."""
    inside = 0 <= item.x <= BOX - item.size and 0 <= item.y <= BOX - item.size
    return inside and all(item.keeps_off(other) for other in others)


def item_boxes(scene: Scene) -> list[tuple[str, int, int, int, int]]:
    """List (label, left, upper, right, lower) of every item in pixels of the picture; a label is "blue circle"."""
    boxes = []
    for place, item in scene.items():
        left = PITCH * place + item.x
        boxes.append((f"{item.colour} {item.shape}", left, item.y, left + item.size, item.y + item.size))
    return boxes


def random_item(rng: np.random.Generator) -> Item:
    """Draw an item with its middle anywhere in a box, then move it inside the box: many touch an edge."""
    shape, colour, size_share, *middle = rng.random(5).tolist()
    size = _SIZES[int(size_share * len(_SIZES))]
    x, y = (min(max(int(share * (BOX + 1)) - size // 2, 0), BOX - size) for share in middle)
    return Item(SHAPES[int(shape * len(SHAPES))], _COLOUR_NAMES[int(colour * len(_COLOUR_NAMES))], size, x, y)


def pick(rng: np.random.Generator, options: Sequence[_T]) -> _T:
    """Draw one of the options uniformly."""
    return options[int(rng.random() * len(options))]


def _scatter(rng: np.random.Generator, count: int) -> Box:
    """Draw items one by one; after _TRIES in vain the box is too full, and starts again."""
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
