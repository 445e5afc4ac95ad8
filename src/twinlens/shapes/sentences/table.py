"""Scenes as arrays: a sentence executes on thousands of scenes at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from twinlens.shapes.scenes import BLOCK, BOX, BOXES, COLOURS, SHAPES, TOWER_X, TOWER_Y, Scene

Mask: TypeAlias = NDArray[np.bool_]
Counts: TypeAlias = NDArray[np.int64]

COLOUR_CODES = {colour: code for code, colour in enumerate(COLOURS)}
SHAPE_CODES = {shape: code for code, shape in enumerate(SHAPES)}


@dataclass(frozen=True)
class Table:
    """N scenes of 3 boxes with room for M items each; arrays are (N, 3, M), −1 where there is no item."""

    shape: NDArray[np.int16]
    colour: NDArray[np.int16]
    size: NDArray[np.int16]
    x: NDArray[np.int16]
    y: NDArray[np.int16]

    @classmethod
    def of(cls, scenes: Sequence[Scene]) -> Table:
        """Build the table of scenes, in their order."""
        room = max((len(box) for scene in scenes for box in scene.boxes), default=0)
        cells = [
            (row * len(BOXES) + place) * room + number
            for row, scene in enumerate(scenes)
            for place, box in enumerate(scene.boxes)
            for number in range(len(box))
        ]
        values = [
            (SHAPE_CODES[item.shape], COLOUR_CODES[item.colour], item.size, item.x, item.y)
            for scene in scenes
            for box in scene.boxes
            for item in box
        ]
        table = np.full((5, len(scenes) * len(BOXES) * room), -1, dtype=np.int16)
        table[:, cells] = np.array(values, dtype=np.int16).reshape(-1, 5).T
        return cls(*table.reshape(5, len(scenes), len(BOXES), room))

    def part(self, rows: slice) -> Table:
        """Return some of the scenes."""
        return Table(self.shape[rows], self.colour[rows], self.size[rows], self.x[rows], self.y[rows])

    @cached_property
    def occupied(self) -> Mask:
        """The mask of places with an item (N, 3, M)."""
        return self.size > 0

    @cached_property
    def touching(self) -> dict[str, Mask]:
        """Edge of the box → mask of the items that touch it (N, 3, M)."""
        return {
            "left": self.x == 0,
            "right": self.x + self.size == BOX,
            "top": self.y == 0,
            "bottom": self.y + self.size == BOX,
        }

    @cached_property
    def at_edge(self) -> Mask:
        """The mask of items that touch an edge of their box (N, 3, M)."""
        sides = self.touching
        return sides["left"] | sides["right"] | sides["top"] | sides["bottom"]

    @cached_property
    def in_corner(self) -> Mask:
        """The mask of items that touch two adjacent edges of their box (N, 3, M)."""
        sides = self.touching
        return (sides["left"] | sides["right"]) & (sides["top"] | sides["bottom"])

    @cached_property
    def above(self) -> Mask:
        """[n, b, i, j]: True if all of item i lies above all of item j of the same box (N, 3, M, M)."""
        lower_edge = (self.y + self.size)[..., :, None]
        both = self.occupied[..., :, None] & self.occupied[..., None, :]
        return (lower_edge <= self.y[..., None, :]) & both

    @cached_property
    def height(self) -> Counts:
        """The number of blocks of a box's tower (N, 3); 0 if there is no tower, or more than a tower."""
        count = self.occupied.sum(2)
        block = (self.shape == SHAPE_CODES["square"]) & (self.size == BLOCK) & (self.x == TOWER_X)
        rungs = [(block & (self.y == y)).sum(2) == (level < count) for level, y in enumerate(TOWER_Y)]
        return np.where(np.all(rungs, axis=0) & (block.sum(2) == count), count, 0)

    @cached_property
    def level(self) -> Counts:
        """The level of a block in its tower (N, 3, M), 1 at the base; 0 for other items."""
        step = TOWER_Y[0] - TOWER_Y[1]
        return np.where(self.occupied & (self.height > 0)[..., None], (TOWER_Y[0] - self.y) // step + 1, 0)

    @cached_property
    def stacked(self) -> Mask:
        """[n, b, i, j]: True if block i stands directly on block j of the same tower (N, 3, M, M)."""
        on_top = self.level[..., :, None] == self.level[..., None, :] + 1
        return np.asarray(on_top & (self.level > 0)[..., None, :])


def some(mask: Mask, *axes: int) -> Mask:
    """Test whether anything along the axes is true."""
    return np.asarray(mask.any(axes))


def number(mask: Mask, *axes: int) -> Counts:
    """Count the True along the axes."""
    return np.asarray(mask.sum(axes))
