"""Squared distances computed directly, which decide among the candidates of an estimate."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from twinlens.indexes import Rows, Vectors

Squares = NDArray[np.float64]
"""Squared Euclidean distances."""
GATHERED_NUMBERS = 1 << 22
"""Numbers that one step may gather in float64: 32 MiB."""


def direct(vectors: Vectors, rows: Rows, query: Vectors) -> Squares:
    """Return squared distances (R,) of one query (D,) to some rows of vectors (N, D): Σ (x − q)² in float64.

    Unlike ‖x‖² − 2x·q, this loses nothing between near duplicates, and equal vectors get equal distances.
    """
    step = max(1, GATHERED_NUMBERS // vectors.shape[1])
    out = np.empty(len(rows))
    for start in range(0, len(rows), step):
        part = slice(start, start + step)
        out[part] = np.square(vectors[rows[part]].astype(np.float64) - query).sum(axis=1)
    return out


def best(vectors: Vectors, rows: Rows, query: Vectors, k: int) -> tuple[Rows, Squares]:
    """Return the k nearest of some rows, by their direct distance, then by row."""
    squares = direct(vectors, rows, query)
    order = np.lexsort((rows, squares))[:k]
    return rows[order], squares[order]
