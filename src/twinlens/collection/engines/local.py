"""The engine in this process: the matrix file mapped into memory, and rows newer than it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from functools import partial
from threading import Thread
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from twinlens.calibration import lowest_by_hash
from twinlens.collection.engines import Engine
from twinlens.collection.store import Block, Gallery, Matrix, Rows, State, Store, Vectors, gallery, writing
from twinlens.core import system
from twinlens.core.types import TwinlensError
from twinlens.indexes import Scores
from twinlens.indexes._scan import Scan, Squares, nearest_among

if TYPE_CHECKING:
    from twinlens.collection.search.filters import Node

TAIL_ROWS = 4096
"""Vectors that a search reads from the store itself before it tries to extend the matrix file."""
FIRST = 4096
"""Entries whose order by hash is kept: enough for most samples."""


PREPARING_SHARE = 0.05
"""Share of the time that may go into codes of rows which change again and again."""


class LocalEngine(Engine):
    """Scans everything exactly, at the speed of the memory; a filter is taken as rows.

    After `warm_up` single queries read the rows of the matrix file as 8-bit codes first, where that is faster.
    """

    def __init__(self) -> None:
        self._gallery: Gallery | None = None
        self._preparing: Thread | None = None
        self._prepare_from: float | None = None  # by the monotonic clock; None: not asked for
        self._first_by_hash = np.empty(0, dtype=np.int64)

    def sync(self, store: Store) -> State:
        """Map the matrix file the first time; later read only what is new in the store."""
        self.store = store
        held = self._gallery or Matrix(store.folder).read()
        now = gallery(store, held)
        if len(now) - now.filed > TAIL_ROWS:
            now = _filed(store, now)
        if self._gallery is not now:
            self._gallery, self._first_by_hash = now, now.rows[lowest_by_hash(now.rows, FIRST)]
            self._prepare()
        return now.state

    def warm_up(self) -> None:
        """Code the rows in a thread, now and again when they have changed, but not all the time."""
        from twinlens.indexes import _first_pass, _gpu  # noqa: F401 - whoever searches once needs neither

        if self._prepare_from is None:
            self._prepare_from = time.monotonic()
            self._prepare()

    def _prepare(self) -> None:
        """Start to code the largest block, if that is wanted, and no other was coded a short while ago."""
        if self._prepare_from is None or time.monotonic() < self._prepare_from:
            return
        if self._gallery is None or not self._gallery.blocks or (self._preparing and self._preparing.is_alive()):
            return
        scan = max(self._gallery.blocks, key=len).scan
        if scan.is_tried:
            return
        self._preparing = Thread(target=self._prepare_scan, args=(scan,), name="codes", daemon=True)
        self._preparing.start()

    def _prepare_scan(self, scan: Scan) -> None:
        begun = time.monotonic()
        with system.computing():
            scan.prepare()
        ended = time.monotonic()
        self._prepare_from = ended + (ended - begun) / PREPARING_SHARE

    def search(
        self,
        queries: Vectors,
        k: int,
        *,
        where: Node | None = None,  # noqa: ARG002
        rows: Rows | None = None,
    ) -> tuple[Rows, Scores]:
        """Scan the blocks and merge their answers."""
        found = [_nearest(block, queries, k, rows) for block in self._synced.blocks if len(block)]
        return merged(found, len(queries), k)

    def sample(self, count: int, *, having: int | None = None) -> tuple[Rows, Vectors]:
        """Return the entries that a hash of their rows puts first."""
        chosen = self._by_hash(count)[:count] if having is None else self._having(having, count)
        vectors = self._synced.vectors(chosen)
        whole = self._synced.are_whole(chosen, vectors)
        return (chosen, vectors) if whole.all() else self._whole_sample(chosen, vectors, whole)

    def _whole_sample(self, rows: Rows, vectors: Vectors, whole: NDArray[np.bool_]) -> tuple[Rows, Vectors]:
        """Read those vectors of a sample from the store that are damaged in the file."""
        serving = self.store.serving()
        if serving is None:
            return rows[whole], vectors[whole]
        there, good = self.store.vectors_there(serving, rows[~whole])
        kept = whole | np.isin(rows, there)
        vectors[np.isin(rows, there) & ~whole] = good
        return rows[kept], vectors[kept]

    def _having(self, coordinate: int, count: int) -> Rows:
        """Return the first `count` by hash whose vector is 0 at a coordinate."""
        looked_at = 4 * count  # enough where one in four has the block; each look may read a page from the disk
        while True:
            first = self._by_hash(looked_at)[:looked_at]
            having: Rows = first[self._synced.column(first, coordinate) == 0]
            if len(having) >= count or looked_at >= self.count():
                return having[:count]
            looked_at *= 4

    def _by_hash(self, count: int) -> Rows:
        """Return at least the first `count` rows in the order of their hashes."""
        if count <= FIRST:
            return self._first_by_hash
        rows = self._synced.rows
        return rows[lowest_by_hash(rows, count)]

    @property
    def recall(self) -> float | None:
        """Return None: all of the best entries are found."""
        return None

    def close(self) -> None:
        """Let go of the matrix file and the codes of its rows."""
        self._gallery, self._prepare_from = None, None

    def may_be_set(self, flag: int) -> bool:
        """Look the flag up in all entries."""
        return any(block.is_above_zero(flag) for block in self._synced.blocks)

    def vectors(self, rows: Rows) -> Vectors:
        """Copy the vectors of some rows."""
        return self._synced.vectors(rows)

    def count(self) -> int:
        """Return the number of entries."""
        return len(self._synced)

    @property
    def _synced(self) -> Gallery:
        if self._gallery is None:
            raise RuntimeError("sync the engine before asking it")
        return self._gallery


def merged(found: Sequence[tuple[Rows, Squares]], queries: int, k: int) -> tuple[Rows, Scores]:
    """Merge rows and squared distances (Q, k') of several parts to rows and cosines (Q, k) of the nearest.

    By distance, then by row: ordered by cosines of fewer digits, the first of many answers would not be those of few.
    """
    if not found:
        return np.empty((queries, 0), dtype=np.int64), np.empty((queries, 0), dtype=np.float32)
    every, squares = (np.concatenate(parts, axis=1) for parts in zip(*found, strict=True))
    order = np.lexsort((every, squares), axis=1)[:, :k]
    cosines = 1 - np.take_along_axis(squares, order, axis=1) / 2
    return np.take_along_axis(every, order, axis=1), cosines.astype(np.float32)


def _filed(store: Store, now: Gallery) -> Gallery:
    """Return the gallery from an up-to-date matrix file; as it is while another process writes, or without room."""
    matrix = Matrix(store.folder)
    if matrix.count() > now.filed:  # by another process
        now = gallery(store, matrix.read() or now)
        if len(now) - now.filed <= TAIL_ROWS:
            return now
    try:
        with writing(store.folder):
            matrix.write(now)
    except (TwinlensError, OSError):  # only speed is lost
        return now
    return gallery(store, matrix.read())


def _nearest(block: Block, queries: Vectors, k: int, rows: Rows | None) -> tuple[Rows, Squares]:
    """Return rows and squared distances (Q, k') of the nearest of a block, among some rows where these are given."""
    if rows is None:
        search, k = block.scan.nearest, min(k, len(block))
    else:
        places = block.places(rows)
        places = np.sort(places[places >= 0])
        search = partial(nearest_among, block.vectors, block.squares, rows=places)
        k = min(k, len(places))
    if not k:
        return np.empty((len(queries), 0), dtype=np.int64), np.empty((len(queries), 0))
    with np.errstate(over="ignore", invalid="ignore"):  # a damaged file may hold any numbers
        found, squares = search(queries, k)
        return block.rows[found], squares
