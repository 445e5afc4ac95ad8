"""A gallery by an index over some of its entries: shortlists for these, and a scan of the others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from twinlens.collection.store import Block, Gallery, Rows, Vectors
from twinlens.indexes._scan import Squares, nearest, nearest_among
from twinlens.indexes._shortlist import ShortlistIndex, closest

OUTDATED = 0.2
"""Share of an index's entries that, gone or added, makes a new index worth it."""


@dataclass(frozen=True)
class IndexedRows:
    """An index, and the row of the store (N,) of each of its own. about: the facts that its file has."""

    index: ShortlistIndex
    rows: Rows
    about: Mapping[str, Any]


@dataclass(frozen=True)
class Cover:
    """The largest block of a gallery, as far as an index has its entries, and all that it has not.

    places: where in the block each row of the index lies, −1 for one that has gone; None where all lie in order.
    """

    indexed: IndexedRows
    block: Block
    places: NDArray[np.int64] | None
    covered: NDArray[np.int64]
    uncovered: NDArray[np.int64]
    others: tuple[Block, ...]

    @classmethod
    def of(cls, indexed: IndexedRows, gallery: Gallery) -> Cover | None:
        """Compare an index with a gallery; None where they have no entry in common."""
        blocks = sorted(gallery.blocks, key=len, reverse=True)
        if not blocks or not len(blocks[0]):
            return None
        block, rows = blocks[0], indexed.rows
        if np.array_equal(block.rows[: len(rows)], rows):
            covered, places = np.arange(len(rows)), None
        else:
            places = block.places(rows).astype(np.int64)
            covered = np.sort(places[places >= 0])
        uncovered = np.setdiff1d(np.arange(len(block)), covered) if len(covered) < len(block) else covered[:0]
        others = tuple(other for other in blocks[1:] if len(other))
        return cls(indexed, block, places, covered, uncovered, others) if len(covered) else None

    @property
    def is_outdated(self) -> bool:
        """Return True if so many entries came or went that a new index would be faster.

        Entries of other blocks do not count: a new index would lack them as well.
        """
        gone = len(self.indexed.rows) - len(self.covered)
        return gone + len(self.uncovered) > OUTDATED * len(self.indexed.rows)

    @property
    def is_complete(self) -> bool:
        """Return True if the index has every entry, each in its place, so that it alone answers."""
        return self.places is None and not len(self.uncovered) and not self.others

    def search(self, queries: Vectors, k: int) -> list[tuple[Rows, Squares]]:
        """Return rows and squared distances (Q, k'), nearest first: by shortlists, and of each part beside them."""
        block = self.block
        with np.errstate(over="ignore", invalid="ignore"):  # a damaged file may hold any numbers
            parts = [(block.rows[found], squares) for found, squares in [self._by_index(queries, k)]]
            if count := min(k, len(self.uncovered)):
                found, squares = nearest_among(block.vectors, block.squares, queries, count, self.uncovered)
                parts.append((block.rows[found], squares))
            for other in self.others:
                found, squares = nearest(other.vectors, other.squares, queries, min(k, len(other)))
                parts.append((other.rows[found], squares))
        return parts

    def _by_index(self, queries: Vectors, k: int) -> tuple[NDArray[np.int64], Squares]:
        """Return places in the block and squared distances (Q, k')."""
        block, gone = self.block, len(self.indexed.rows) - len(self.covered)
        k = min(k, len(self.covered))
        if self.is_complete:
            return self.indexed.index.nearest(block.vectors, block.squares, queries, k)
        lists = self.indexed.index.shortlist(queries, min(k + min(gone, k), len(self.indexed.rows)))
        found, squares = np.empty((len(queries), k), dtype=np.int64), np.empty((len(queries), k))
        for n, some in enumerate(lists):
            places = some if self.places is None else self.places[some]
            places = places[places >= 0]
            if len(places) >= k:
                found[n], squares[n] = closest(block.vectors, block.squares, places, queries[n], k)
            else:  # too few were found: all of them are scanned
                one, lengths = nearest_among(block.vectors, block.squares, queries[n : n + 1], k, self.covered)
                found[n], squares[n] = one[0], lengths[0]
        return found, squares
