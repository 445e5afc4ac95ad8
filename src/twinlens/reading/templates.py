"""Masks of the nine kinds of form: three shapes in three sizes."""

from __future__ import annotations

import functools
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from twinlens.reading.world import SHAPES, SIZES

Mask: TypeAlias = NDArray[np.bool_]
"""(height, width): True where a pixel belongs to a form."""
_SAMPLES = 4  # points per pixel and axis that decide whether a form covers half of it


class Template(NamedTuple):
    """A form's pixels without empty rows and columns; (left, upper) is their offset in its square of `size` pixels."""

    shape: str
    size: int
    left: int
    upper: int
    mask: Mask


@functools.cache
def templates() -> tuple[Template, ...]:
    """Return the templates of all forms, the largest first."""
    sizes = sorted(SIZES.values(), reverse=True)
    return tuple(_template(shape, size) for size in sizes for shape in SHAPES)


def _template(shape: str, size: int) -> Template:
    half_covered = coverage(shape, size) >= 0.5
    rows, columns = np.flatnonzero(half_covered.any(axis=1)), np.flatnonzero(half_covered.any(axis=0))
    upper, left = int(rows[0]), int(columns[0])
    trimmed = half_covered[upper : int(rows[-1]) + 1, left : int(columns[-1]) + 1]
    return Template(shape, size, left, upper, trimmed)


def coverage(shape: str, size: int) -> NDArray[np.float64]:
    """Compute the share of each pixel that a shape covers (size, size)."""
    points = (np.arange(size * _SAMPLES) + 0.5) / _SAMPLES
    x, y, middle = points[None, :], points[:, None], size / 2
    inside = {
        "square": np.ones((len(points), len(points)), dtype=np.bool_),
        "circle": (x - middle) ** 2 + (y - middle) ** 2 <= middle**2,
        "triangle": np.abs(x - middle) <= y / 2,  # the apex in the middle of the upper edge
    }[shape]
    covered: NDArray[np.float64] = inside.reshape(size, _SAMPLES, size, _SAMPLES).mean(axis=(1, 3))
    return covered
