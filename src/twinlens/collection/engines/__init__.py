"""Engines: who holds a collection's vectors and answers. One file per engine; this file states their contract."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from twinlens.calibration import lowest_by_hash
from twinlens.collection.store import Generation, Rows, State, Store, Vectors
from twinlens.indexes import Scores

if TYPE_CHECKING:
    from twinlens.collection.search.filters import Node


class Engine(ABC):
    """Holds the vectors of a collection's entries by their rows, and answers queries.

    An index is a structure over one array; an engine may use some, or be a server. The store stays the truth: an
    engine can be filled anew from it at any time. An engine that can only search inherits the rest, read from the
    store. exact: whether the k best rows are always found. takes_conditions: whether `search` takes a filter as a
    condition on the metadata; else it takes the rows that meet it.
    """

    exact: bool = True
    takes_conditions: ClassVar[bool] = False

    @property
    def recall(self) -> float | None:
        """Return the share of the best entries that searches now find, as measured; None where they find all."""
        return None

    @abstractmethod
    def sync(self, store: Store) -> State:
        """Mirror the committed rows of the store, and return its state. Resumable and idempotent.

        An engine extends this method, which remembers the store and the generation that serves.
        """
        self.store = store
        self.generation: Generation | None = store.serving()
        return store.state()

    @abstractmethod
    def search(
        self, queries: Vectors, k: int, *, where: Node | None = None, rows: Rows | None = None
    ) -> tuple[Rows, Scores]:
        """Return rows and cosines (Q, k') of the k best entries for each unit query (Q, D), best first.

        Entries at one distance are ordered by row. where: rank only entries that meet a condition, which only an engine
        with `takes_conditions` is given. rows: rank only some rows (M,), ascending; k' is the smaller of k and the
        number of entries that are ranked.
        """

    def warm_up(self) -> None:  # noqa: B027 - most engines have nothing to prepare
        """Prepare for many searches, of the rows that were synced."""

    def sample(self, count: int, *, having: int | None = None) -> tuple[Rows, Vectors]:
        """Return `count` entries, rows and vectors, on which scores are calibrated.

        Always the same ones, and hardly others when an entry comes or goes. having: only of entries whose vector is 0
        at this coordinate.
        """
        rows = self._rows()
        rows = rows[lowest_by_hash(rows, count if having is None else len(rows))]
        vectors = self.vectors(rows)
        if having is None:
            return rows, vectors
        kept = np.flatnonzero(vectors[:, having] == 0)[:count]
        return rows[kept], vectors[kept]

    def may_be_set(self, flag: int) -> bool:  # noqa: ARG002
        """Return False only where no entry's vector is above 0 at this coordinate, the flag of a missing block."""
        return True

    def vectors(self, rows: Rows) -> Vectors:
        """Return the vectors (M, D) of some rows, in their order.

        For scores that are no inner product, and for comparing answers. Raises TwinlensError with a reason where an
        engine cannot.
        """
        if self.generation is None:
            return np.empty((0, 1), dtype=np.float32)
        return self.store.vectors(self.generation, rows)

    def count(self) -> int:
        """Return the number of entries."""
        return len(self._rows())

    def close(self) -> None:  # noqa: B027
        """Release connections and files, if there are any."""

    def _rows(self) -> Rows:
        return self.store.rows(self.generation.number if self.generation else 0)
