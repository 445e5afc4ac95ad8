"""Measured items of a row of drawn panels, as one map of cells with the panels side by side in its channels."""

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
"""Width and height of a panel in pixels."""
GRID = (3, 3)
_LEAST_CONTRAST = 40  # of 255, in some channel, between an item and its panel
_LEAST_AREA = 12  # of an item, in pixels
_MEDIAN_STEP = 5  # the panel's own colour is the median over every fifth row and column

Pixels: TypeAlias = NDArray[np.uint8]


class Panels(Encoder):
    """Items of pictures that are a row of `count` equal panels with flat items, such as NLVR's: 3×3 cells.

    The picture is resized to `width` × 100 pixels; a panel begins every `pitch` pixels and is 100 pixels wide. An item
    is a connected region that differs from the panel's median colour. It adds 12 numbers to the cell of its middle: 1;
    red, green and blue, 0 to 1; its size (the longer side) as weights of the two `sizes` next to it; the filled share
    of its box as weights of the two `fills` next to it; its offset right and down from the cell's middle, −1 to 1. A
    cell of the map has the numbers of all panels at that place side by side; the vector is the mean of the cells.
    Nothing is learned.
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
        """Return cells (9, D) float32 and image_present ()."""
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
        """Return tokens (B, 9, D) on their 3×3 map; the vector is their mean."""
        tokens = batch["cells"]
        return Encoded(image=Features(tokens.mean(1), tokens, grid=GRID, present=batch["image_present"]))

    def _items(self, panel: Pixels) -> Iterator[tuple[int, NDArray[np.float64]]]:
        """Measure the items of a panel (100, 100, 3): the cell and the numbers of each."""
        background = np.median(panel[::_MEDIAN_STEP, ::_MEDIAN_STEP].reshape(-1, 3), axis=0)
        red, green, blue = cv2.split(cv2.absdiff(panel, (*background.tolist(), 0.0)))
        contrast = cv2.max(cv2.max(red, green), blue)  # (100, 100)
        mask = (contrast > _LEAST_CONTRAST).astype(np.uint8)
        count, labels, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
        for label in range(1, count):
            left, top, wide, high, area = stats[label].tolist()
            if area >= _LEAST_AREA:
                box = slice(top, top + high), slice(left, left + wide)
                inside = contrast[box] * (labels[box] == label)
                body = inside > inside.max() / 2  # without the softer half of an antialiased edge
                colour = panel[box].reshape(-1, 3)[inside.argmax()] / 255
                size, fill = max(wide, high), body.sum() / (wide * high)
                across, down = left + wide / 2, top + high / 2
                offset = (2 * (across * GRID[1] / PIXELS % 1) - 1, 2 * (down * GRID[0] / PIXELS % 1) - 1)
                shape = [*_interpolate(self.sizes, size), *_interpolate(self.fills, fill)]
                yield cell_of(across, down), np.array([1, *colour, *shape, *offset])


def cell_of(across: float, down: float) -> int:
    """Return the number of the cell that holds a point of a panel, in pixels."""
    column, row = (min(side - 1, int(at * side / PIXELS)) for side, at in zip(GRID[::-1], (across, down), strict=True))
    return row * GRID[1] + column


def _interpolate(values: Sequence[float], value: float) -> list[float]:
    """Return weights of ascending `values` for a value: 1 in sum, on the two next to it or the outer one beyond."""
    weights, above = [0.0] * len(values), bisect.bisect(values, value)
    if above in (0, len(values)):
        weights[min(above, len(values) - 1)] = 1.0
        return weights
    low, high = values[above - 1 : above + 1]
    weights[above] = (value - low) / (high - low)
    weights[above - 1] = 1 - weights[above]
    return weights
