"""Items from pixels: components of each colour, and the forms that fill them.

Reads NLVR's pictures and those that `shapes` draws, 400×100 pixels. It promises nothing about photographs: a picture
that is not of this world gives None.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from twinlens.reading.components import components
from twinlens.reading.forms import MOST_ITEMS, fit_forms
from twinlens.reading.world import BACKGROUND, BOX, BOXES, COLOURS, HEIGHT, PITCH, SEPARATOR, WIDTH, Item

STRANGE = 48
"""Difference in a channel from which on a pixel of a box has no colour of this world and no mixture of two."""
MOST_STRANGE = 0.02
"""Share of such pixels from which on a picture is not of this world."""


def read_items(picture: Image.Image) -> tuple[tuple[Item, ...], ...] | None:
    """Read the items of three boxes, left to right, each sorted; None where the picture is not of this world."""
    if picture.size != (WIDTH, HEIGHT):
        return None
    pixels = np.asarray(picture.convert("RGB"), dtype=np.int32)
    outside = np.arange(WIDTH) % PITCH >= BOX
    if np.abs(pixels[:, outside] - SEPARATOR).max() > STRANGE:
        return None
    boxes = [_read_box(pixels[:, PITCH * place : PITCH * place + BOX]) for place in range(len(BOXES))]
    found = [box for box in boxes if box is not None]
    return tuple(found) if len(found) == len(BOXES) else None


def _read_box(pixels: NDArray[np.int32]) -> tuple[Item, ...] | None:
    """Read the items of one box (100, 100, 3)."""
    nearest = _nearest_colour(pixels)
    if nearest is None:
        return None
    items: list[Item] = []
    for number, colour in enumerate(COLOURS, 1):
        hidden = (nearest != number) & (nearest != 0)
        for component in components(nearest == number):
            forms = fit_forms(component, hidden)
            if forms is None:
                return None
            items += [Item(t.shape, colour, t.size, x - t.left, y - t.upper) for t, x, y in forms]
    return tuple(sorted(items)) if len(items) <= MOST_ITEMS else None


def _nearest_colour(pixels: NDArray[np.int32]) -> NDArray[np.int64] | None:
    """Number each pixel's nearest colour, 0 for the box itself; None where many pixels have a colour of no world."""
    palette = np.array([(BACKGROUND,) * 3, *COLOURS.values()], dtype=np.float32)
    # Σ (p − c)² without Σ p², the same for all colours; whole numbers below 2²⁴ are exact in float32.
    nearest = (np.square(palette).sum(axis=1) - 2 * (pixels.astype(np.float32) @ palette.T)).argmin(axis=2)
    far = np.abs(pixels - palette.astype(np.int32)[nearest]).max(axis=2) > STRANGE
    # Edges of items are mixtures; a strange pixel whose neighbours all are strange is no edge.
    inner = far[1:-1, 1:-1] & far[:-2, 1:-1] & far[2:, 1:-1] & far[1:-1, :-2] & far[1:-1, 2:]
    return None if inner.mean() > MOST_STRANGE else nearest
