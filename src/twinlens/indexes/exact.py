"""Exact nearest neighbours by linear scan."""

from __future__ import annotations

from twinlens.core.arguments import as_switch
from twinlens.indexes import Rows, Vectors
from twinlens.indexes._rows import RowIndex
from twinlens.indexes._scan import Scan, Squares


class Exact(RowIndex):
    """Linear scan with the Euclidean distance (Sarker & Milanova, equation 3) in blocks of matrix products.

    Vectors may have any length, the gallery may be memory-mapped, memory beside it stays bounded, and entries at one
    distance come in the order of their rows. first_pass: keep the rows as 8-bit codes too where a trial shows that
    single queries are faster so; the answers stay the same (see `_first_pass`).
    """

    def __init__(self, *, first_pass: bool = False) -> None:
        super().__init__()
        self.first_pass = as_switch("first_pass", first_pass)
        self.scan: Scan | None = None

    def _learn(self, vectors: Vectors) -> None:
        self.scan = Scan(vectors, self.squares)
        if self.first_pass:
            self.scan.prepare()

    def _nearest(self, queries: Vectors, k: int) -> tuple[Rows, Squares]:
        assert self.scan is not None  # k ≥ 1 rows were learned
        return self.scan.nearest(queries, k)
