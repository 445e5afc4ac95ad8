"""The forms that fill a component: one that fits it, or several that touch, overlap or are hidden in part."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from twinlens.reading.components import bounds
from twinlens.reading.templates import Mask, Template, templates

MISFIT = 0.03
"""Share of a form's pixels that may differ from its template, which antialiasing rounds otherwise."""
LEFT_OVER = 3
"""Pixels of a component that forms may leave uncovered."""
MOST_ITEMS = 8
"""Most items in a box."""
TRIES = 100
"""Forms that are tried before a component counts as one that no forms fill."""


class Placement(NamedTuple):
    """A template, and the column and the row of its mask in the box."""

    template: Template
    x: int
    y: int

    def cover(self, shape: tuple[int, ...]) -> Mask:
        """Draw the mask in a box of this shape."""
        covered = np.zeros(shape, dtype=np.bool_)
        height, width = self.template.mask.shape
        covered[self.y : self.y + height, self.x : self.x + width] = self.template.mask
        return covered


def fit_forms(component: Mask, hidden: Mask) -> list[Placement] | None:
    """Fit forms to a component (H, W); None where none fill it.

    hidden: pixels of other colours, which may hide parts of the forms.
    """
    rows, columns = bounds(component)
    part = component[rows, columns]
    for template in templates():
        if template.mask.shape == part.shape and (template.mask != part).sum() <= MISFIT * template.mask.sum():
            return [Placement(template, columns.start, rows.start)]
    if component.sum() > MOST_ITEMS * max(template.mask.sum() for template in templates()):
        return None
    allowed = component | hidden
    possible = [(template, _possible(template, allowed)) for template in templates()]
    return _fill(component, possible, MOST_ITEMS, iter(range(TRIES)))


def _possible(template: Template, allowed: Mask) -> NDArray[np.bool_]:
    """Test for each place of the template's mask whether it lies within the allowed pixels."""
    windows = sliding_window_view(allowed, template.mask.shape).view(np.uint8)
    inside = np.einsum("yxhw,hw->yx", windows, template.mask.astype(np.int32), optimize=True)
    return np.asarray(inside >= (1 - MISFIT) * template.mask.sum())


def _fill(
    uncovered: Mask, possible: list[tuple[Template, NDArray[np.bool_]]], most: int, tries: Iterator[int]
) -> list[Placement] | None:
    """Cover a mask from its first pixel on, by what covers most of it, and step back where that leads nowhere."""
    if uncovered.sum() <= LEFT_OVER:
        return []
    y, x = divmod(int(np.argmax(uncovered)), uncovered.shape[1])
    placements = [placed for template, places in possible for placed in _around(template, places, x, y)]
    gains = [(int((placed.cover(uncovered.shape) & uncovered).sum()), placed) for placed in placements]
    for _, placed in sorted(gains, key=lambda gain: -gain[0]) if most else ():
        if next(tries, None) is None:
            return None
        rest = _fill(uncovered & ~placed.cover(uncovered.shape), possible, most - 1, tries)
        if rest is not None:
            return [placed, *rest]
    return None


def _around(template: Template, places: NDArray[np.bool_], x: int, y: int) -> Iterator[Placement]:
    """Yield the possible placements of a template that cover a pixel."""
    for row, column in np.argwhere(template.mask).tolist():
        upper, left = y - row, x - column
        if 0 <= upper < places.shape[0] and 0 <= left < places.shape[1] and places[upper, left]:
            yield Placement(template, left, upper)
