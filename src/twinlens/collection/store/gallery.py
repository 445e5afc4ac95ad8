"""The vectors of one state of a store, in memory or mapped from the matrix file."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from twinlens.collection.store.reading import Reading, Rows, State, Vectors
from twinlens.collection.store.rows import Generation
from twinlens.indexes._scan import Scan, squared_lengths

Checks = NDArray[np.uint32]


def checksums(vectors: Vectors) -> Checks:
    """Compute the CRC-32 (N,) of each of some vectors (N, D), little-endian."""
    little = np.ascontiguousarray(vectors, dtype="<f4")
    return np.fromiter((zlib.crc32(vector.data) for vector in little), dtype=np.uint32, count=len(little))


@dataclass(frozen=True)
class Block:
    """Entries that lie together: their rows (N,), vectors (N, D), squared lengths (N,) and CRC-32 (N,)."""

    rows: Rows
    vectors: Vectors
    squares: Vectors
    checks: Checks

    @classmethod
    def of(cls, rows: Rows, vectors: Vectors) -> Block:
        """Compute the squared lengths and checksums of vectors that are in memory.

        A vector with NaN or infinity gets an infinite length: it is never an answer.
        """
        squares = squared_lengths(vectors)
        squares[~np.isfinite(squares)] = np.inf
        return cls(rows, vectors, squares, checksums(vectors))

    def __len__(self) -> int:
        return len(self.rows)

    def take(self, places: NDArray[np.intp]) -> Block:
        """Copy the entries at some places."""
        return Block(self.rows[places], self.vectors[places], self.squares[places], self.checks[places])

    def places(self, rows: Rows) -> NDArray[np.intp]:
        """Return the places (M,) of some rows in here; −1 for a row that does not."""
        if not len(self):
            return np.full(len(rows), -1, dtype=np.intp)
        if self._is_run:
            places = rows - self.rows[0]
            return np.where((places >= 0) & (places < len(self)), places, -1)
        ascending = self.rows if self._order is None else self.rows[self._order]
        at = np.minimum(np.searchsorted(ascending, rows), len(self) - 1)
        places = at if self._order is None else self._order[at]
        return np.where(self.rows[places] == rows, places, -1)

    @cached_property
    def scan(self) -> Scan:
        """Return the scan of the vectors, which keeps what was prepared for it as long as the block stays."""
        return Scan(self.vectors, self.squares)

    def is_above_zero(self, coordinate: int) -> bool:
        """Return True if some vector is above 0 at a coordinate; each coordinate is looked through once."""
        if coordinate not in self._above_zero:
            self._above_zero[coordinate] = bool((self.vectors[:, coordinate] > 0).any())
        return self._above_zero[coordinate]

    @cached_property
    def _above_zero(self) -> dict[int, bool]:
        return {}

    @cached_property
    def _is_run(self) -> bool:
        """Return True if the rows ascend one by one, as they do where no entry ever left."""
        return self._order is None and int(self.rows[-1]) - int(self.rows[0]) == len(self) - 1

    @cached_property
    def _order(self) -> NDArray[np.intp] | None:
        """The order in which the rows ascend; None where they do already, which is usual."""
        return None if (self.rows[1:] > self.rows[:-1]).all() else np.argsort(self.rows, kind="stable")


@dataclass(frozen=True)
class Gallery:
    """All vectors that queries are compared with, as blocks, as of `state`.

    filed: how many leading entries are in the matrix file, in this order.
    """

    state: State
    blocks: tuple[Block, ...]
    filed: int = 0

    def __len__(self) -> int:
        return sum(map(len, self.blocks))

    @property
    def rows(self) -> Rows:
        """Return all rows (N,), in the order of the blocks."""
        if len(self.blocks) == 1:
            return self.blocks[0].rows
        return np.concatenate([np.empty(0, dtype=np.int64), *(block.rows for block in self.blocks)])

    def vectors(self, rows: Rows) -> Vectors:
        """Copy the vectors (M, D) of some rows in their order, 0 for a row that is not in here."""
        dim = self.blocks[0].vectors.shape[1] if self.blocks else 0
        out = np.zeros((len(rows), dim), dtype=np.float32)
        for block in self.blocks:
            places = block.places(rows)
            here = places >= 0
            if here.all():  # as usual, where the file has everything: one copy, not two
                return block.vectors[places]
            out[here] = block.vectors[places[here]]
        return out

    def are_whole(self, rows: Rows, vectors: Vectors) -> NDArray[np.bool_]:
        """Tell of vectors (M, D) of some rows which of them have their checksum (M,)."""
        checks, found = np.zeros(len(rows), dtype=np.uint32), checksums(vectors)
        for block in self.blocks:
            places = block.places(rows)
            here = places >= 0
            checks[here] = block.checks[places[here]]
        return np.equal(checks, found)

    def column(self, rows: Rows, coordinate: int) -> NDArray[np.float32]:
        """Copy one coordinate (M,) of the vectors of some rows."""
        out = np.empty(len(rows), dtype=np.float32)
        for block in self.blocks:
            places = block.places(rows)
            here = places >= 0
            out[here] = block.vectors[places[here], coordinate]
        return out

    def only(self, rows: Rows) -> Gallery:
        """Return the same without entries of other rows; copies what remains of a block that loses some."""
        blocks = []
        for block in self.blocks:
            kept = np.isin(block.rows, rows)
            blocks.append(block if kept.all() else block.take(np.flatnonzero(kept)))
        return Gallery(self.state, tuple(blocks))


def gallery(store: Reading, held: Gallery | None) -> Gallery:
    """Return the store's vectors now; entries that `held` has are taken from there, and only the others are read."""
    with store.snapshot():
        state, generation = store.state(), store.serving()
        if generation is None:
            return Gallery(state, ())
        if held is not None and held.state == state and _continues(held, state, generation):
            return held
        if held is None or not _continues(held, state, generation):
            rows = store.all_rows(generation.number)
            return Gallery(state, (Block.of(rows, store.vectors(generation, rows)),))
        kept = held
        if held.state.epoch != state.epoch:
            current = store.rows(generation.number)
            kept = held if np.isin(held.rows, current).all() else held.only(current)
            fresh = np.setdiff1d(current, kept.rows, assume_unique=True)
        else:
            fresh = store.rows(generation.number, after=held.state.last)
        return Gallery(state, _joined(kept, Block.of(fresh, store.vectors(generation, fresh))), kept.filed)


def _continues(held: Gallery, state: State, generation: Generation) -> bool:
    """Return True if a gallery is an earlier one of this state's collection and model."""
    is_wide = all(block.vectors.shape[1] == generation.dim for block in held.blocks)
    return held.state[:2] == state[:2] and held.state.last <= state.last and is_wide


def _joined(kept: Gallery, fresh: Block) -> tuple[Block, ...]:
    """Leave the filed block untouched, and join all others and the fresh one."""
    if not len(fresh):
        return kept.blocks
    first = 1 if kept.filed else 0
    late = (*kept.blocks[first:], fresh)
    tail = Block(
        *(np.concatenate([getattr(b, name) for b in late]) for name in ("rows", "vectors", "squares", "checks"))
    )
    return (*kept.blocks[:first], tail)
