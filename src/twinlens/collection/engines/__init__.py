"""Engines: who holds a collection's vectors and answers. One file per engine; this file states their contract."""

from __future__ import annotations

from typing import Protocol

from twinlens.collection.search.filters import Node
from twinlens.collection.store import Rows, State, Store, Vectors
from twinlens.indexes import Scores


class Engine(Protocol):
    """Holds the vectors of a collection's entries by their rows, and answers queries.

    An index is a structure over one array; an engine may use some, or be a server. The store stays the truth: an
    engine can be filled anew from it at any time.
    """

    exact: bool
    """Whether the k best rows are always found."""
    takes_conditions: bool
    """Whether `search` takes a filter as a condition on the metadata; else it takes the rows that meet it."""

    def sync(self, store: Store) -> State:
        """Mirror what is committed in the store now, and return its state. Resumable and idempotent."""

    def search(
        self, queries: Vectors, k: int, *, where: Node | None = None, rows: Rows | None = None
    ) -> tuple[Rows, Scores]:
        """Return rows and cosines (Q, k') of the k best entries for each unit query (Q, D), best first.

        Equal scores are ordered by row. where, rows: rank only entries that meet a condition, or only some rows (M,),
        ascending; k' is the smaller of k and the number of entries that are ranked.
        """

    def sample(self, count: int, *, having: int | None = None) -> tuple[Rows, Vectors]:
        """Return `count` entries, rows and vectors, on which scores are calibrated.

        Always the same ones, and hardly others when an entry comes or goes. having: only of entries whose vector is 0
        at this coordinate.
        """

    def vectors(self, rows: Rows) -> Vectors:
        """Return the vectors (M, D) of some rows, in their order.

        For scores that are no inner product, and for comparing answers. Raises TwinlensError with a reason where an
        engine cannot.
        """

    def count(self) -> int:
        """Return the number of entries."""
