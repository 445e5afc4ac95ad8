"""Connected components of a mask."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from twinlens.reading.templates import Mask


def components(mask: Mask) -> Iterator[Mask]:
    """Yield the 4-connected components of a mask (H, W), each as a mask of the same shape."""
    left = mask.copy()
    while left.any():
        component = _grown(left, int(np.argmax(left)))
        left &= ~component
        yield component


def bounds(mask: Mask) -> tuple[slice, slice]:
    """Return the rows and the columns that a mask takes up."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)


def _grown(mask: Mask, seed: int) -> Mask:
    """Fill the component of one pixel, a row of neighbours at a time."""
    width = mask.shape[1]
    free = mask.ravel().tolist()
    component = np.zeros(mask.size, dtype=np.bool_)
    stack = [seed]
    free[seed] = False
    while stack:
        place = stack.pop()
        component[place] = True
        column = place % width
        near = [place - width, place + width]
        near += [place - 1] if column else []
        near += [place + 1] if column < width - 1 else []
        for other in near:
            if 0 <= other < len(free) and free[other]:
                free[other] = False
                stack.append(other)
    return component.reshape(mask.shape)
