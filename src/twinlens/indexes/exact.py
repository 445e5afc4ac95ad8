"""Exact nearest neighbours by linear scan."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from twinlens.core.types import TwinlensError
from twinlens.indexes import Vectors
from twinlens.indexes._rows import RowIndex, Rows, Squares, checked
from twinlens.indexes._scan import nearest


class Exact(RowIndex):
    """Linear scan with the Euclidean distance (Sarker & Milanova, equation 3) in blocks of matrix products.

    Vectors may have any length, the gallery may be memory-mapped, memory beside it stays bounded, and entries at one
    distance come in the order of their rows.
    """

    def add(self, vectors: Vectors, ids: Sequence[str]) -> None:
        """Append entries (M, D) after those that are there. Raises TwinlensError like `fit`."""
        if self.vectors is None:
            self.fit(vectors, ids)
        else:
            new = checked(vectors)
            if new.shape[1] != self.vectors.shape[1]:
                raise TwinlensError(f"new vectors have {new.shape[1]} dimensions, the index {self.vectors.shape[1]}")
            self.fit(np.concatenate([self.vectors, new]), [*self.ids, *ids])

    def remove(self, ids: Sequence[str]) -> None:
        """Drop entries; raises TwinlensError, and drops none, if one of them is not there."""
        gone = set(ids)
        if unknown := gone.difference(self.ids):
            raise TwinlensError(f"cannot remove {min(unknown)!r}: the index has no such entry")
        if self.vectors is not None:
            kept = [row for row, entry in enumerate(self.ids) if entry not in gone]
            self.fit(self.vectors[kept], [self.ids[row] for row in kept])

    def _learn(self, vectors: Vectors) -> None:
        """A scan needs the squared lengths alone, which `fit` has found already."""

    def _nearest(self, queries: Vectors, k: int) -> tuple[Rows, Squares]:
        assert self.vectors is not None
        return nearest(self.vectors, self.squares, queries, k)
