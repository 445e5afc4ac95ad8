"""The part that all engines on servers share: they are filled by `push`, and verified against the store."""

from __future__ import annotations

import time
from abc import abstractmethod
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from shlex import quote
from typing import ClassVar

import numpy as np

from twinlens.calibration import lowest_by_hash
from twinlens.collection.engines import Engine
from twinlens.collection.engines._address import Address
from twinlens.collection.engines._mirror import Listing, Mark, PushReport, batches, table_of
from twinlens.collection.search.filters import Node
from twinlens.collection.store import Generation, Rows, State, Store, Vectors
from twinlens.core.progress import Bar, bar
from twinlens.core.types import TwinlensError
from twinlens.indexes import Scores

SCAN_ROWS = 8192
"""Vectors that are read from the store at once."""
ROUNDS = 5
"""Passes over a collection that changes while it is pushed, before we ask for a quieter moment."""
WAITS = (0.0, 1.0, 4.0, 15.0, 40.0)
"""Seconds before each attempt to set a mark."""


class ServerEngine(Engine):
    """Answers from a server that holds each row's number, the checksum of its vector, and the vector.

    What holds a collection is named by its random id and its generation. A mark beside it names the state that is
    mirrored completely: it is taken away before the first change and comes back once count and digest agree.

    credentials: a file with the password or the token. read_only: `sync` compares states and fills nothing.
    """

    schemes: ClassVar[tuple[str, ...]] = ()
    """Beginnings of this server's URLs."""
    exact_beside: ClassVar[bool] = False
    """True where an exact search works too on what was pushed for another index."""
    batch_rows: int = 2000
    """Rows that are written and confirmed together: 4 MB of vectors of 512 numbers."""

    def __init__(self, *, url: str, credentials: Path | None = None, read_only: bool = False) -> None:
        self.address = Address.parse(url)
        self.credentials, self.read_only = credentials, read_only
        self.exact = not self.address.is_approximate
        self._table = ""
        self._mark: Mark | None = None
        self._cached_rows: tuple[State, Rows] | None = None

    def sync(self, store: Store) -> State:
        """Push what differs; with `read_only`, raise TwinlensError where the server mirrors another state."""
        self.store = store
        state, self.generation = store.state(), store.serving()
        self._table = table_of(state)
        with self._told():
            mark = self._read_mark(state.collection)
            if not self._fits(mark, state):
                mark = self._read_mark(state.collection, fresh=True)
        if mark is None or not self._fits(mark, state):
            if self.read_only:
                raise TwinlensError(self._lag(mark, state))
            self.push(store)
            return self._synced.state
        if mark != self._mark:
            with self._told():
                self._catch_up()
            self._mark = mark
        return state

    def _fits(self, mark: Mark | None, state: State) -> bool:
        """Return True if what a mark names can be searched for a state, in the way of the address."""
        if mark is None or mark.state != state:
            return False
        return mark.index == self.address.index or (self.exact and self.exact_beside)

    def push(self, store: Store, *, progress: bool = False) -> PushReport:
        """Make the server hold exactly the store's rows; an interrupted run is resumed by the next.

        Every batch is read back before it counts; at the end the rows and checksums of both sides are compared.
        Raises TwinlensError for a server that fails or answers otherwise, and for a vector that is damaged.
        """
        self.store, started, written, removed = store, time.perf_counter(), 0, 0
        for _ in range(ROUNDS):
            with store.snapshot():
                state, self.generation = store.state(), store.serving()
                wanted = Listing(*store.checksums(state.generation))
            mark, self._table = Mark.of(state, wanted, self.address.index), table_of(state)
            if self.generation is not None:
                with self._told(), self._exclusively(state.collection):
                    rows, gone = self._mirror(self.generation, mark, wanted, progress=progress)
                written, removed = written + rows, removed + gone
            if store.state() == state:
                self._mark = mark
                return PushReport(mark.count, mark.digest, written, removed, time.perf_counter() - started)
        raise TwinlensError(f"the collection {store.folder} changed while it was pushed; run the same command again")

    def _mirror(self, generation: Generation, mark: Mark, wanted: Listing, *, progress: bool) -> tuple[int, int]:
        """Remove and write rows until both listings agree, then set the mark; return how many were written, removed."""
        collection = mark.state.collection
        self._prepare(generation)
        there = self._listing()
        stale = np.union1d(there.rows[wanted.lacks(there)], there.repeated())
        missing = wanted.rows[there.without(stale).lacks(wanted)]
        if not len(stale) and not len(missing) and self._read_mark(collection) == mark:
            return 0, 0
        self._write_mark(collection, None)
        for batch in batches(stale, self.batch_rows):
            self._remove(batch)
        with bar("pushing", len(missing), unit="rows", progress=progress) as advance:
            self._write_all(generation, wanted, missing, advance)
        if self._agrees(mark):
            self._finish(collection)
            self._set_mark(collection, mark)
        return len(missing), len(np.setdiff1d(stale, missing))

    def _set_mark(self, collection: str, mark: Mark) -> None:
        """Write the mark until the server gives it back. Raises TwinlensError where it does not.

        Milvus 2.3 was seen, in 1 of 40 pushes under load, to lose sight of every mark until they were loaded anew.
        """
        for attempt, seconds in enumerate(WAITS):
            time.sleep(seconds)
            self._write_mark(collection, mark)
            if attempt > 1:
                self._reload_marks()
            if self._read_mark(collection, fresh=True) == mark:
                return
        raise TwinlensError(
            f"{self.address} holds all rows, but does not give back the mark that says so; run the same command again"
        )

    def _write_all(self, generation: Generation, wanted: Listing, missing: Rows, advance: Bar) -> None:
        for batch in batches(missing, self.batch_rows):
            rows, vectors = self.store.vectors_there(generation, batch)  # without rows that are gone by now
            if len(rows):
                self._write(rows, wanted.checks[np.searchsorted(wanted.rows, rows)], vectors)
            advance(len(batch))

    def _confirm(self, rows: Rows, vectors: Vectors) -> None:
        """Raise TwinlensError unless the server holds these vectors of some rows, to the bit."""
        found, held = self._read(rows)
        if not np.array_equal(found, rows) or held.tobytes() != vectors.tobytes():
            raise TwinlensError(
                f"{self.address} gave back other vectors than were written to it; nothing of these counts"
            )

    def _agrees(self, mark: Mark) -> bool:
        """Return True if the server lists what the mark counts; False where the store has changed since.

        Raises TwinlensError where it has not.
        """
        there = self._listing()
        if there.digest == mark.digest:
            return True
        if self.store.state() != mark.state:
            return False
        raise TwinlensError(
            f"{self.address} holds {len(there.rows):,} rows, not exactly the {mark.count:,} of the collection;"
            " does another program write there?"
        )

    def search(
        self,
        queries: Vectors,
        k: int,
        *,
        where: Node | None = None,  # noqa: ARG002
        rows: Rows | None = None,
    ) -> tuple[Rows, Scores]:
        """Ask the server; among some rows the answer is exact with every index."""
        k = min(k, self.count() if rows is None else len(rows))
        if not k or not len(queries):
            return np.empty((len(queries), 0), dtype=np.int64), np.empty((len(queries), 0), dtype=np.float32)
        with self._told():
            found = self._nearest(np.ascontiguousarray(queries, dtype=np.float32), k, rows)
        k = min(len(line) for line, _ in found)
        return np.stack([line[:k] for line, _ in found]), np.stack([scores[:k] for _, scores in found])

    def sample(self, count: int, *, having: int | None = None) -> tuple[Rows, Vectors]:
        """Return the entries that a hash of their rows puts first."""
        rows = self._rows()
        looked_at = count if having is None else 4 * count
        while True:
            first = rows[lowest_by_hash(rows, looked_at)]
            vectors = self.vectors(first)
            if having is None:
                return first, vectors
            kept = np.flatnonzero(vectors[:, having] == 0)[:count]
            if len(kept) >= count or looked_at >= len(rows):
                return first[kept], vectors[kept]
            looked_at *= 4

    def _scan(self, queries: Vectors, k: int, rows: Rows) -> list[tuple[Rows, Scores]]:
        """Compare queries (Q, D) with the store's own vectors of some rows, a block at a time."""
        best = np.empty((len(queries), 0), dtype=np.int64)
        scores = np.empty((len(queries), 0), dtype=np.float32)
        for block in batches(rows, SCAN_ROWS):
            there, vectors = self.store.vectors_there(self._serving, block)
            best = np.concatenate([best, np.broadcast_to(there, (len(queries), len(there)))], axis=1)
            scores = np.concatenate([scores, queries @ vectors.T], axis=1)
            order = np.lexsort((best, -scores), axis=1)[:, :k]
            best, scores = np.take_along_axis(best, order, axis=1), np.take_along_axis(scores, order, axis=1)
        return list(zip(best, scores, strict=True))

    def count(self) -> int:
        """Return the number of entries."""
        return self._synced.count

    def _rows(self) -> Rows:
        """Return all rows; those of one state are read once."""
        state = self._synced.state
        if self._cached_rows is None or self._cached_rows[0] != state:
            self._cached_rows = state, super()._rows()
        return self._cached_rows[1]

    def _lag(self, mark: Mark | None = None, state: State | None = None) -> str:
        """Describe in a line why the server cannot answer for a state, of which it has a mark or lacks the vectors."""
        cure = f"twinlens push --collection {quote(str(self.store.folder))} --to {quote(self.address.as_given)}"
        if mark is not None and mark.state == state:
            cure = f"ask with ?index={mark.index}, or push again for {self.address.index}"
            return f"{self.address} was pushed for the index {mark.index}; {cure}"
        if mark is None or state is None or mark.state.generation != state.generation:
            return f"{self.address} does not hold all vectors of {self.store.folder}; fill it with: {cure}"
        return f"{self.address} lags behind {self.store.folder}, which has changed; bring it up to date with: {cure}"

    @property
    def _serving(self) -> Generation:
        if self.generation is None:
            raise RuntimeError("a collection without a model has no vectors")
        return self.generation

    @property
    def _synced(self) -> Mark:
        if self._mark is None:
            raise RuntimeError("sync the engine before asking it")
        return self._mark

    # Steps that differ from server to server -------------------------------------------------------------------------

    @abstractmethod
    def _told(self) -> AbstractContextManager[None]:
        """Translate the client's errors into TwinlensError of one line."""

    def _exclusively(self, collection: str) -> AbstractContextManager[None]:  # noqa: ARG002
        """Keep other pushes of a collection out, where the server can; two of one store write the same anyway."""
        return nullcontext()

    @abstractmethod
    def _read_mark(self, collection: str, *, fresh: bool = False) -> Mark | None:
        """Return the mark of a collection, None where there is none; fresh: as of now, whatever that costs."""

    def _reload_marks(self) -> None:
        """Read the marks anew from the server's disk, where it may have lost sight of some."""

    def _catch_up(self) -> None:
        """Wait until searches see all that was written before the mark, where a server does not see to that."""

    @abstractmethod
    def _write_mark(self, collection: str, mark: Mark | None) -> None:
        """Set the mark of a collection, or take it away; it lasts on return."""

    @abstractmethod
    def _prepare(self, generation: Generation) -> None:
        """Make what holds the vectors of a generation, unless it is there."""

    @abstractmethod
    def _listing(self) -> Listing:
        """Return all rows and their checksums."""

    @abstractmethod
    def _write(self, rows: Rows, checks: Rows, vectors: Vectors) -> None:
        """Write rows in place of what is there of them, confirmed by `_confirm`; they last on return."""

    @abstractmethod
    def _remove(self, rows: Rows) -> None:
        """Remove rows; they are gone on return."""

    @abstractmethod
    def _finish(self, collection: str) -> None:
        """Make the index that the address asks for, and remove other generations of the collection."""

    @abstractmethod
    def _read(self, rows: Rows) -> tuple[Rows, Vectors]:
        """Return those of ascending rows that are there, ascending, and their vectors (M, D)."""

    @abstractmethod
    def _nearest(self, queries: Vectors, k: int, rows: Rows | None) -> list[tuple[Rows, Scores]]:
        """Return rows and cosines (k,) for each query, best first; equal scores by row."""
