"""Scenes as arrays: a statement executes on thousands of scenes at once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from twinlens.reading.world import BLOCK, BOX, BOXES, COLOURS, NEAR, SHAPES, TOWER_X, TOWER_Y, Thing

Mask: TypeAlias = NDArray[np.bool_]
Counts: TypeAlias = NDArray[np.int64]

COLOUR_CODES = {colour: code for code, colour in enumerate(COLOURS)}
SHAPE_CODES = {shape: code for code, shape in enumerate(SHAPES)}


@dataclass(frozen=True)
class Table:
    """N scenes of B boxes with room for M items each; arrays are (N, B, M), −1 where there is no item."""

    shape: NDArray[np.int16]
    colour: NDArray[np.int16]
    size: NDArray[np.int16]
    x: NDArray[np.int16]
    y: NDArray[np.int16]

    @classmethod
    def of(cls, scenes: Iterable[Iterable[Iterable[Thing]]]) -> Table:
        """Build the table of scenes with equally many boxes, in their order."""
        rows = [[tuple(box) for box in scene] for scene in scenes]
        boxes = len(rows[0]) if rows else len(BOXES)
        room = max((len(box) for row in rows for box in row), default=0)
        every_box = [box for row in rows for box in row]
        cells = [number * room + place for number, box in enumerate(every_box) for place in range(len(box))]
        values = [
            (SHAPE_CODES[item.shape], COLOUR_CODES[item.colour], item.size, item.x, item.y)
            for box in every_box
            for item in box
        ]
        table = np.full((5, len(every_box) * room), -1, dtype=np.int16)
        table[:, cells] = np.array(values, dtype=np.int16).reshape(-1, 5).T
        return cls(*table.reshape(5, len(rows), boxes, room))

    @classmethod
    def from_arrays(cls, items: NDArray[np.integer[Any]]) -> Table:
        """Build the table of items (N, B, M, 5) as `arrays` gives them."""
        return cls(*np.moveaxis(items.astype(np.int16), -1, 0))

    @cached_property
    def arrays(self) -> NDArray[np.int16]:
        """The items (N, B, M, 5): codes of shape and colour, size, x, y; −1 where there is no item."""
        return np.stack([self.shape, self.colour, self.size, self.x, self.y], axis=-1)

    @cached_property
    def boxes_alone(self) -> Table:
        """The same boxes as N·B scenes of one box each."""
        columns = (self.shape, self.colour, self.size, self.x, self.y)
        return Table(*(column.reshape(-1, 1, column.shape[-1]) for column in columns))

    def part(self, rows: slice) -> Table:
        """Return some of the scenes."""
        return Table(self.shape[rows], self.colour[rows], self.size[rows], self.x[rows], self.y[rows])

    @cached_property
    def occupied(self) -> Mask:
        """The mask of places with an item (N, B, M)."""
        return self.size > 0

    @cached_property
    def touching(self) -> dict[str, Mask]:
        """Edge of the box → mask of the items that touch it (N, B, M)."""
        return {
            "left": self.x == 0,
            "right": self.x + self.size == BOX,
            "top": self.y == 0,
            "bottom": self.y + self.size == BOX,
        }

    @cached_property
    def at_edge(self) -> Mask:
        """The mask of items that touch an edge of their box (N, B, M)."""
        sides = self.touching
        return sides["left"] | sides["right"] | sides["top"] | sides["bottom"]

    @cached_property
    def in_corner(self) -> Mask:
        """The mask of items that touch two adjacent edges of their box (N, B, M)."""
        sides = self.touching
        return (sides["left"] | sides["right"]) & (sides["top"] | sides["bottom"])

    @cached_property
    def pairs(self) -> Mask:
        """[n, b, i, j]: True where both items exist and are not the same (N, B, M, M)."""
        different = ~np.eye(self.occupied.shape[-1], dtype=np.bool_)
        return self.occupied[..., :, None] & self.occupied[..., None, :] & different

    @cached_property
    def gaps(self) -> tuple[NDArray[np.int16], NDArray[np.int16]]:
        """[n, b, i, j]: pixels between two items along x and along y, negative where they overlap (N, B, M, M)."""
        across, along = (
            np.maximum(corner[..., :, None], corner[..., None, :])
            - np.minimum((corner + self.size)[..., :, None], (corner + self.size)[..., None, :])
            for corner in (self.x, self.y)
        )
        return across, along

    @cached_property
    def above(self) -> Mask:
        """[n, b, i, j]: True if all of item i lies above all of item j of the same box (N, B, M, M)."""
        lower_edge = (self.y + self.size)[..., :, None]
        return np.asarray((lower_edge <= self.y[..., None, :]) & self.pairs)

    @cached_property
    def directly_above(self) -> Mask:
        """[n, b, i, j]: True if item i stands on item j: at most a pixel above it, overlapping along x (N, B, M, M)."""
        across, along = self.gaps
        return self.above & (across < 0) & (along <= NEAR)

    @cached_property
    def items_below(self) -> Counts:
        """The number of items of the box that end lower than this one (N, B, M)."""
        lower_edge = self.y + self.size
        return number((lower_edge[..., None, :] > lower_edge[..., :, None]) & self.pairs, 3)

    @cached_property
    def items_above(self) -> Counts:
        """The number of items of the box that begin higher than this one (N, B, M)."""
        return number((self.y[..., None, :] < self.y[..., :, None]) & self.pairs, 3)

    @cached_property
    def height(self) -> Counts:
        """The number of blocks of a box's tower (N, B); 0 if there is no tower, or more than a tower."""
        count = self.occupied.sum(2)
        block = (self.shape == SHAPE_CODES["square"]) & (self.size == BLOCK) & (self.x == TOWER_X)
        rungs = [(block & (self.y == y)).sum(2) == (level < count) for level, y in enumerate(TOWER_Y)]
        return np.where(np.all(rungs, axis=0) & (block.sum(2) == count), count, 0)

    @cached_property
    def level(self) -> Counts:
        """The level of a block in its tower (N, B, M), 1 at the base; 0 for other items."""
        step = TOWER_Y[0] - TOWER_Y[1]
        return np.where(self.occupied & (self.height > 0)[..., None], (TOWER_Y[0] - self.y) // step + 1, 0)

    @cached_property
    def stacked(self) -> Mask:
        """[n, b, i, j]: True if block i stands directly on block j of the same tower (N, B, M, M)."""
        on_top = self.level[..., :, None] == self.level[..., None, :] + 1
        return np.asarray(on_top & (self.level > 0)[..., None, :])


def some(mask: Mask, *axes: int) -> Mask:
    """Test whether anything along the axes is true."""
    return np.asarray(mask.any(axes))


def number(mask: Mask, *axes: int) -> Counts:
    """Count the True along the axes."""
    return np.asarray(mask.sum(axes))
