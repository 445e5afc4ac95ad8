"""What the indexes in memory share: checked vectors and ids, and distances recomputed directly."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from twinlens.core.types import TwinlensError
from twinlens.indexes import Index, Vectors

Rows = NDArray[np.intp]
Squares = NDArray[np.float64]
"""Squared Euclidean distances."""

GATHERED = 1 << 22
"""Numbers that one step may gather in float64: 32 MiB."""


class RowIndex(Index):
    """An index that keeps the gallery as rows of one matrix; a subclass says how it learns and how it finds rows."""

    def __init__(self) -> None:
        self.vectors: Vectors | None = None
        self.squares: Vectors = np.empty(0, dtype=np.float32)  # squared lengths (N,)
        self.ids: list[str] = []

    def fit(self, vectors: Vectors, ids: Sequence[str]) -> None:
        """Take the gallery: vectors (N, D), one id per row. Raises TwinlensError for other shapes, NaN or infinity."""
        vectors, self.squares = _measured(vectors)
        if len(ids) != len(vectors):
            raise TwinlensError(f"an index needs one id per vector, not {len(ids)} ids for {len(vectors)} vectors")
        self.vectors, self.ids = vectors, list(ids)
        if self.ids:
            self._learn(vectors)

    def search(self, vectors: Vectors, k: int) -> tuple[list[list[str]], NDArray[np.float32]]:
        """The k nearest entries of each query (Q, D): ids and scores (Q, k'), best first, k' = min(k, N).

        Raises TwinlensError before `fit`, for a k below 1, and for queries of another width or with NaN.
        """
        queries = checked(vectors)
        if self.vectors is None:
            raise TwinlensError("the index is empty: fit it before searching")
        if k < 1:
            raise TwinlensError(f"k must be at least 1, not {k}")
        if queries.shape[1] != self.vectors.shape[1]:
            raise TwinlensError(f"queries have {queries.shape[1]} dimensions, the index {self.vectors.shape[1]}")
        k = min(k, len(self.ids))
        if not len(queries) or not k:
            return [[] for _ in queries], np.empty((len(queries), k), dtype=np.float32)
        rows, squares = self._nearest(queries, k)
        return [[self.ids[row] for row in line] for line in rows], (1 - squares / 2).astype(np.float32)

    @abstractmethod
    def _learn(self, vectors: Vectors) -> None:
        """Prepare for searches in N ≥ 1 rows."""

    @abstractmethod
    def _nearest(self, queries: Vectors, k: int) -> tuple[Rows, Squares]:
        """Rows and squared distances (Q, k), 1 ≤ k ≤ N, ordered by distance, then by row."""


def checked(vectors: Vectors) -> Vectors:
    """The vectors as a C-ordered float32 matrix; raises TwinlensError unless it is (N, D) and every number finite."""
    return _measured(vectors)[0]


def _measured(vectors: Vectors) -> tuple[Vectors, Vectors]:
    """The checked matrix (N, D) and its rows' squared lengths (N,), in one pass over what may be on the disk."""
    matrix = np.ascontiguousarray(vectors, dtype=np.float32)
    if matrix.ndim != 2 or matrix.shape[1] == 0:
        raise TwinlensError(f"vectors must have the shape (N, D) with D at least 1, not {matrix.shape}")
    # A norm is finite only if all its numbers are, and it needs no copy of the matrix.
    squares: Vectors = np.einsum("nd,nd->n", matrix, matrix)
    wrong = np.flatnonzero(~np.isfinite(squares))
    if len(wrong):
        raise TwinlensError(f"vector {wrong[0]} holds NaN, infinity or numbers beyond 1e19: look at what made it")
    return matrix, squares


def direct(vectors: Vectors, rows: Rows, query: Vectors) -> Squares:
    """Squared distances (R,) of one query (D,) to some rows of vectors (N, D): Σ (x − q)² in float64.

    Unlike ‖x‖² − 2x·q, this loses nothing between near duplicates, and equal vectors get equal distances.
    """
    step = max(1, GATHERED // vectors.shape[1])
    out = np.empty(len(rows))
    for start in range(0, len(rows), step):
        part = slice(start, start + step)
        out[part] = np.square(vectors[rows[part]].astype(np.float64) - query).sum(axis=1)
    return out


def best(vectors: Vectors, rows: Rows, query: Vectors, k: int) -> tuple[Rows, Squares]:
    """The k nearest of some rows, by their direct distance, then by row."""
    squares = direct(vectors, rows, query)
    order = np.lexsort((rows, squares))[:k]
    return rows[order], squares[order]
