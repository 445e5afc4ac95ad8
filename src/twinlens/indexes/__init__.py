"""Indexes: vectors → neighbours. One file per variant; this file holds what all of them promise."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Vectors: TypeAlias = NDArray[np.float32]
"""(N, D), one row per entry."""


class Index(ABC):
    """The constructor stores (keyword-only options), `fit` learns, `search` answers."""

    @abstractmethod
    def fit(self, vectors: Vectors, ids: Sequence[str]) -> None:
        """Take the gallery: vectors (N, D), and one id per row."""

    @abstractmethod
    def search(self, vectors: Vectors, k: int) -> tuple[list[list[str]], NDArray[np.float32]]:
        """The k nearest entries of each query (Q, D): ids and scores (Q, k'), best first, k' = min(k, N).

        A score is the cosine for unit vectors (1 − d²/2 of the Euclidean distance d, so both order alike); equal scores
        are ordered by row, the earlier first.
        """
