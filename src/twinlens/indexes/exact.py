"""Exact nearest neighbours by linear scan."""

from __future__ import annotations

from twinlens.indexes import Rows, Vectors
from twinlens.indexes._rows import RowIndex
from twinlens.indexes._scan import Squares, nearest


class Exact(RowIndex):
    """Linear scan with the Euclidean distance (Sarker & Milanova, equation 3) in blocks of matrix products.

    Vectors may have any length, the gallery may be memory-mapped, memory beside it stays bounded, and entries at one
    distance come in the order of their rows.
    """

    def _learn(self, vectors: Vectors) -> None:
        """A scan needs the squared lengths alone, which `fit` has computed."""

    def _nearest(self, queries: Vectors, k: int) -> tuple[Rows, Squares]:
        return nearest(self.vectors, self.squares, queries, k)
