"""Items from pixels: components of each colour, and the forms that fill them.

Reads NLVR's pictures and those that `shapes` draws, 400×100 pixels. It promises nothing about photographs: a picture
that is not of this world gives None.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from PIL import Image

from twinlens.reading.components import bounds, components
from twinlens.reading.templates import Mask, Template, templates
from twinlens.reading.world import BOX, BOXES, COLOURS, PITCH, Item

WIDTH, HEIGHT = 4 * BOX, BOX
BACKGROUND = (211, 211, 211)
"""Colour of the boxes."""
SEPARATOR = 128
"""Grey between the boxes, and right of the last."""
MISFIT = 0.03
"""Share of a form's pixels that may differ from its template, which antialiasing rounds otherwise."""
STRANGE = 48
"""Difference in a channel from which on a pixel of a box has no colour of this world and no mixture of two."""
MOST_STRANGE = 0.02
"""Share of such pixels from which on a picture is not of this world."""
MOST_ITEMS = 8
"""Most items in a box."""
Placement: TypeAlias = tuple[Template, int, int, Mask]
"""A template, the column and the row of its mask, and the pixels that it covers."""


def read_items(picture: Image.Image) -> tuple[tuple[Item, ...], ...] | None:
    """Read the items of three boxes, left to right, each sorted; None where the picture is not of this world."""
    if picture.size != (WIDTH, HEIGHT):
        return None
    pixels = np.asarray(picture.convert("RGB"), dtype=np.int32)
    outside = np.arange(WIDTH) % PITCH >= BOX
    if np.abs(pixels[:, outside] - SEPARATOR).max() > STRANGE:
        return None
    boxes = [_read_box(pixels[:, PITCH * place : PITCH * place + BOX]) for place in range(BOXES)]
    found = [box for box in boxes if box is not None]
    return tuple(found) if len(found) == BOXES else None


def _read_box(pixels: NDArray[np.int32]) -> tuple[Item, ...] | None:
    """Read the items of one box (100, 100, 3)."""
    nearest = _nearest_colour(pixels)
    if nearest is None:
        return None
    items: list[Item] = []
    for number, colour in enumerate(COLOURS, 1):
        hidden = (nearest != number) & (nearest != 0)
        for component in components(nearest == number):
            forms = _forms(component, hidden)
            if forms is None:
                return None
            items += [Item(t.shape, colour, t.size, x - t.left, y - t.upper) for t, x, y, _ in forms]
    return tuple(sorted(items)) if len(items) <= MOST_ITEMS else None


def _nearest_colour(pixels: NDArray[np.int32]) -> NDArray[np.int64] | None:
    """Number each pixel's nearest colour, 0 for the box itself; None where many pixels have a colour of no world."""
    palette = np.array([BACKGROUND, *COLOURS.values()], dtype=np.int32)
    difference = pixels[..., None, :] - palette
    nearest = np.square(difference).sum(axis=3).argmin(axis=2)
    far = np.abs(np.take_along_axis(difference, nearest[..., None, None], axis=2)).max(axis=(2, 3)) > STRANGE
    # Edges of items are mixtures; a strange pixel whose neighbours all are strange is no edge.
    inner = far[1:-1, 1:-1] & far[:-2, 1:-1] & far[2:, 1:-1] & far[1:-1, :-2] & far[1:-1, 2:]
    return None if inner.mean() > MOST_STRANGE else nearest


def _forms(component: Mask, hidden: Mask) -> list[Placement] | None:
    """Fit one form to a component or, where none fits, several that touch, overlap or are hidden in part."""
    rows, columns = bounds(component)
    part = component[rows, columns]
    for template in templates():
        if template.mask.shape == part.shape and (template.mask != part).sum() <= MISFIT * template.mask.sum():
            return [(template, columns.start, rows.start, component)]
    placements = list(_placements(component, hidden))
    return _cover(component, placements, MOST_ITEMS)


def _placements(component: Mask, hidden: Mask) -> Iterator[Placement]:
    """Yield the forms that lie within a component, or behind pixels of other colours, the largest first."""
    allowed = component | hidden
    for template in templates():
        size = int(template.mask.sum())
        windows = sliding_window_view(allowed, template.mask.shape)
        inside = np.einsum("yxhw,hw->yx", windows.view(np.uint8), template.mask.astype(np.int32), optimize=True)
        for y, x in np.argwhere(inside >= (1 - MISFIT) * size).tolist():
            cover = np.zeros_like(component)
            cover[y : y + template.mask.shape[0], x : x + template.mask.shape[1]] = template.mask
            if (cover & component).any():
                yield template, x, y, cover


def _cover(uncovered: Mask, placements: list[Placement], most: int) -> list[Placement] | None:
    """Find forms that cover a mask, the one that covers most of its first pixel's surroundings tried first."""
    if uncovered.sum() <= MISFIT * 100:
        return []
    if most == 0:
        return None
    first = np.unravel_index(int(np.argmax(uncovered)), uncovered.shape)
    fitting = [placed for placed in placements if placed[3][first]]
    for placed in sorted(fitting, key=lambda placed: -int((placed[3] & uncovered).sum())):
        rest = _cover(uncovered & ~placed[3], placements, most - 1)
        if rest is not None:
            return [placed, *rest]
    return None
