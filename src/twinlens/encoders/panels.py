"""A row of panels with flat items, each measured, laid upon each other as one map."""

from __future__ import annotations

import bisect
from collections.abc import Iterator, Sequence
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from twinlens.core.types import Arrays, Batch, Encoded, Features, Sample
from twinlens.encoders import Encoder
from twinlens.media import images

PIXELS = 100
"""Width and height at which a panel is seen."""
GRID = (3, 3)
_APART = 40  # of 255 in some channel: how far an item's colour is from that of the panel
_LEAST = 12  # pixels of an item
_SPARSE = 5  # every fifth pixel of a row or a column tells the panel's own colour

Pixels: TypeAlias = NDArray[np.uint8]


class Panels(Encoder):
    """For pictures that are a row of `count` like panels with items of one colour each, as NLVR's: 3×3 cells.

    A panel begins every `pitch` pixels and is 100 pixels wide and high, in a picture resized to 100 pixels of height
    (and `width` pixels of width). An item is a connected region that differs from the panel's median colour;
    where its middle is, the cell gets its 12 numbers, those of several added: 1; red, green and blue, 0 to 1; its size
    (the longer side) beside the `sizes`, and how much of its box it fills beside the `fills`, each as weights of the
    two neighbours that the value lies between; how far right and down of the cell's middle it is, −1 to 1. A cell of
    the map has the numbers of all panels at that place side by side; the vector is the mean of the cells. Nothing is
    learned.
    """

    reads = frozenset({"image"})

    def __init__(
        self,
        *,
        count: int = 3,
        pitch: int = 150,
        width: int = 400,
        sizes: Sequence[float] = (10, 20, 30),
        fills: Sequence[float] = (0.5, 0.785, 1.0),
    ) -> None:
        super().__init__()
        if pitch * (count - 1) + PIXELS > width:
            raise ValueError(f"{count} panels do not fit into {width} pixels")
        self.count, self.pitch, self.width, self.cells = count, pitch, width, GRID[0] * GRID[1]
        self.sizes, self.fills = tuple(sizes), tuple(fills)
        self.dim = count * (6 + len(sizes) + len(fills))

    def prepare(self, sample: Sample) -> Arrays:
        """cells (9, D) float32 and image_present ()."""
        cells = np.zeros((self.cells, self.count, self.dim // self.count), dtype=np.float32)
        if sample.image is not None:
            picture = images.load(sample.image)
            size = (self.width, PIXELS)
            pixels = np.asarray(picture if picture.size == size else picture.resize(size))
            for place in range(self.count):
                for cell, numbers in self._items(pixels[:, place * self.pitch : place * self.pitch + PIXELS]):
                    cells[cell, place] += numbers
        present = np.asarray(sample.image is not None)
        return {"cells": cells.reshape(self.cells, self.dim), "image_present": present}

    def forward(self, batch: Batch) -> Encoded:
        """Tokens (B, 9, D) on their 3×3 map; the vector is their mean."""
        tokens = batch["cells"]
        return Encoded(image=Features(tokens.mean(1), tokens, grid=GRID, present=batch["image_present"]))

    def _items(self, panel: Pixels) -> Iterator[tuple[int, NDArray[np.float64]]]:
        """The cell and the numbers of each item of a panel (100, 100, 3)."""
        ground = np.median(panel[::_SPARSE, ::_SPARSE].reshape(-1, 3), axis=0)
        red, green, blue = cv2.split(cv2.absdiff(panel, (*ground.tolist(), 0.0)))
        apart = cv2.max(cv2.max(red, green), blue)  # (100, 100)
        found, labels, stats, _ = cv2.connectedComponentsWithStats((apart > _APART).astype(np.uint8), connectivity=8)
        for label in range(1, found):
            left, top, wide, high, area = stats[label].tolist()
            if area >= _LEAST:
                box = slice(top, top + high), slice(left, left + wide)
                inside = apart[box] * (labels[box] == label)
                body = inside > inside.max() / 2  # without the softer half of an antialiased edge
                colour = panel[box].reshape(-1, 3)[inside.argmax()] / 255
                told = [*_beside(self.sizes, max(wide, high)), *_beside(self.fills, body.sum() / (wide * high))]
                across, down = left + wide / 2, top + high / 2
                offset = (2 * (across * GRID[1] / PIXELS % 1) - 1, 2 * (down * GRID[0] / PIXELS % 1) - 1)
                yield cell_of(across, down), np.array([1, *colour, *told, *offset])


def cell_of(across: float, down: float) -> int:
    """The cell of the map that holds a point of a panel, in pixels."""
    column, row = (min(side - 1, int(at * side / PIXELS)) for side, at in zip(GRID[::-1], (across, down), strict=True))
    return row * GRID[1] + column


def _beside(values: Sequence[float], value: float) -> list[float]:
    """Weights, 1 together, of the two `values` (ascending) that a value lies between; of an outer one beyond them."""
    weights, above = [0.0] * len(values), bisect.bisect(values, value)
    if above in (0, len(values)):
        weights[min(above, len(values) - 1)] = 1.0
        return weights
    low, high = values[above - 1 : above + 1]
    weights[above] = (value - low) / (high - low)
    weights[above - 1] = 1 - weights[above]
    return weights
