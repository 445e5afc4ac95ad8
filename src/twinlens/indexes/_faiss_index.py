"""Base of the indexes by faiss: candidates of its structure, compared by their vectors."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import numpy as np

from twinlens.indexes import Rows, Vectors, _scan
from twinlens.indexes import _faiss as parts
from twinlens.indexes._scan import Squares
from twinlens.indexes._shortlist import ShortlistIndex


class FaissIndex(ShortlistIndex):
    """An index by a structure of faiss, whose best candidates are ordered by float32 distances to their vectors."""

    structure: Any = None

    @abstractmethod
    def _parameters(self, count: int) -> Any:
        """Return faiss's parameters of a search for so many answers."""

    def shortlist(self, queries: Vectors, count: int) -> list[Rows]:
        """Return the best rows that the structure finds."""
        return parts.shortlists(self.structure, queries, count, self._parameters(count), len(self.vectors))

    def nearest(self, vectors: Vectors, norms: Vectors, queries: Vectors, k: int) -> tuple[Rows, Squares]:
        """Return rows and squared distances (Q, k), as its base does, but for all queries at once."""
        rows, squares = parts.nearest(self.structure, vectors, queries, k, self._parameters(k))
        found = squares.astype(np.float64)
        if min(rows[:, -1].tolist(), default=0) < 0:  # too few were found: all rows are scanned
            for n in np.flatnonzero(rows[:, -1] < 0):
                rows[n], found[n] = (one[0] for one in _scan.nearest(vectors, norms, queries[n : n + 1], k))
        return rows, found
