"""Checks and filtering that the indexes in memory share."""

from __future__ import annotations

import math
from abc import abstractmethod

import numpy as np

from twinlens.core.arguments import as_count
from twinlens.core.types import TwinlensError
from twinlens.indexes import Index, Rows, Scores, Vectors
from twinlens.indexes._scan import Squares, nearest_among, squared_lengths


class RowIndex(Index):
    """An index that keeps the gallery as rows of one matrix; a subclass learns and finds rows."""

    def __init__(self) -> None:
        self.vectors: Vectors = np.empty((0, 0), dtype=np.float32)
        self.is_fitted = False
        self.squares: Vectors = np.empty(0, dtype=np.float32)  # squared lengths (N,)

    def fit(self, vectors: Vectors) -> None:
        """Take the gallery, vectors (N, D). Raises TwinlensError for other shapes, NaN or infinity."""
        matrix = as_matrix(vectors)
        self.squares = squared_lengths(matrix)
        check_finite(self.squares)
        self.vectors, self.is_fitted = matrix, True
        if len(matrix):
            self._learn(matrix)

    def search(self, queries: Vectors, k: int, *, rows: Rows | None = None) -> tuple[Rows, Scores]:
        """Return the k nearest rows of each query and their scores; see `Index.search`."""
        queries, k = self._checked(queries), as_count("k", k)
        k = min(k, len(self.vectors) if rows is None else len(rows))
        if not len(queries) or not k:
            return np.empty((len(queries), k), dtype=np.int64), np.empty((len(queries), k), dtype=np.float32)
        found, squares = self._nearest(queries, k) if rows is None else self._nearest_among(queries, k, rows)
        return found.astype(np.int64, copy=False), (1 - squares / 2).astype(np.float32)

    def _checked(self, queries: Vectors) -> Vectors:
        queries = as_matrix(queries)
        if not math.isfinite(np.vdot(queries, queries)):
            check_finite(squared_lengths(queries))
        if not self.is_fitted:
            raise TwinlensError("the index is empty: fit it before searching")
        if len(self.vectors) and queries.shape[1] != self.vectors.shape[1]:  # no rows have no width to misfit
            raise TwinlensError(f"queries have {queries.shape[1]} dimensions, the index {self.vectors.shape[1]}")
        return queries

    @abstractmethod
    def _learn(self, vectors: Vectors) -> None:
        """Prepare for searches in N ≥ 1 rows."""

    @abstractmethod
    def _nearest(self, queries: Vectors, k: int) -> tuple[Rows, Squares]:
        """Return rows and squared distances (Q, k), 1 ≤ k ≤ N, ordered by distance, then by row."""

    def _nearest_among(self, queries: Vectors, k: int, rows: Rows) -> tuple[Rows, Squares]:
        """Return the same among some rows (M,), 1 ≤ k ≤ M: an exact scan, whatever the index."""
        return nearest_among(self.vectors, self.squares, queries, k, rows)


def as_matrix(vectors: Vectors) -> Vectors:
    """Return vectors as a contiguous float32 matrix (N, D). Raises TwinlensError for another shape."""
    matrix = np.ascontiguousarray(vectors, dtype=np.float32)
    if matrix.ndim != 2 or matrix.shape[1] == 0:
        raise TwinlensError(f"vectors must have the shape (N, D) with D at least 1, not {matrix.shape}")
    return matrix


def check_finite(squares: Vectors) -> None:
    """Raise TwinlensError for a vector with NaN or infinity: its squared length is not finite either."""
    wrong = np.flatnonzero(~np.isfinite(squares))
    if len(wrong):
        raise TwinlensError(f"vector {wrong[0]} holds NaN, infinity or numbers beyond 1e19: look at what made it")
