"""Connected components of a mask."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from twinlens.core.components import Components
from twinlens.reading.templates import Mask

Places: TypeAlias = NDArray[np.int64]
"""(R,): places in a mask, row by row, with a free place at the end of each row."""


def components(mask: Mask) -> Iterator[Mask]:
    """Yield the 4-connected components of a mask (H, W), each as a mask of the same shape, by their first pixels."""
    begins, ends = _runs(mask)
    roots = _joined(begins, ends, mask.shape[1] + 1)
    for root in np.unique(roots):
        component = np.zeros((mask.shape[0], mask.shape[1] + 1), dtype=np.bool_)
        flat = component.reshape(-1)
        for run in np.flatnonzero(roots == root):
            flat[begins[run] : ends[run]] = True
        yield component[:, :-1]


def bounds(mask: Mask) -> tuple[slice, slice]:
    """Return the rows and the columns that a mask takes up."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)


def _runs(mask: Mask) -> tuple[Places, Places]:
    """Return where runs of pixels within a row begin, and the places after their ends."""
    apart = np.pad(mask, ((0, 0), (0, 1))).reshape(-1)
    changes = np.flatnonzero(np.diff(apart, prepend=False))
    return changes[::2], changes[1::2]


def _joined(begins: Places, ends: Places, stride: int) -> Places:
    """Return for each run the first of those that are connected with it."""
    first = np.searchsorted(ends, begins - stride, side="right").tolist()
    last = np.searchsorted(begins, ends - stride, side="left").tolist()
    joined = Components(len(first))
    for run, above in enumerate(map(range, first, last)):
        for other in above:
            joined.join(run, other)
    return np.array([joined.root(run) for run in range(len(first))], dtype=np.int64)
