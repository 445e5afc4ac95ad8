"""Indexes: nearest rows of a matrix. One file per variant; this file states their contract."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Vectors: TypeAlias = NDArray[np.float32]
"""(N, D), one row per entry."""
Rows: TypeAlias = NDArray[np.int64]
"""Row numbers of the fitted matrix."""
Scores: TypeAlias = NDArray[np.float32]


class Index(ABC):
    """A structure over one matrix: the constructor stores keyword-only options, `fit` learns, `search` answers."""

    @abstractmethod
    def fit(self, vectors: Vectors) -> None:
        """Take the gallery, vectors (N, D). Raises TwinlensError for other shapes, NaN or infinity."""

    @abstractmethod
    def search(self, queries: Vectors, k: int, *, rows: Rows | None = None) -> tuple[Rows, Scores]:
        """Return the k nearest rows of each query (Q, D) and their scores, both (Q, k'), best first.

        k' = min(k, N). A score is the cosine for unit vectors (1 − d²/2 of the Euclidean distance d, so both order
        alike); equal scores are ordered by row, the lower first. rows: rank only these rows (M,), ascending; k' is then
        min(k, M). Raises TwinlensError before `fit`, for a k below 1, and for queries of another width or with NaN.
        """
