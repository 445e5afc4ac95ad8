"""The records that a store and a server are compared by."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from twinlens.collection.engines._address import EXACT
from twinlens.collection.store import DAMAGE, DamageError, Rows, State

_COLLECTION = re.compile("[0-9a-f]{1,32}")


class Listing(NamedTuple):
    """Rows (N,), ascending, and the checksums (N,) of their vectors."""

    rows: Rows
    checks: Rows

    @property
    def digest(self) -> str:
        """Return BLAKE2b over all rows and checksums."""
        numbers = np.stack([self.rows, self.checks], axis=1).astype("<i8")
        return hashlib.blake2b(numbers.tobytes(), digest_size=20).hexdigest()

    def lacks(self, other: Listing) -> NDArray[np.bool_]:
        """Tell of the rows (M,) of another listing which are not in here with the same checksum."""
        if not len(self.rows):
            return np.ones(len(other.rows), dtype=np.bool_)
        at = np.minimum(np.searchsorted(self.rows, other.rows), len(self.rows) - 1)
        return np.asarray((self.rows[at] != other.rows) | (self.checks[at] != other.checks))

    def without(self, rows: Rows) -> Listing:
        """Return the same without some rows."""
        kept = ~np.isin(self.rows, rows)
        return Listing(self.rows[kept], self.checks[kept])

    def repeated(self) -> Rows:
        """Return the rows that are in here more than once, which a server without transactions can do."""
        return np.unique(self.rows[1:][self.rows[1:] == self.rows[:-1]])


@dataclass(frozen=True)
class Mark:
    """The state that a server mirrors completely, its count and digest, and the index that it is searched by."""

    state: State
    count: int
    digest: str
    index: str = EXACT

    @classmethod
    def of(cls, state: State, listing: Listing, index: str) -> Mark:
        """Count and digest a listing."""
        return cls(state, len(listing.rows), listing.digest, index)

    def to_json(self) -> str:
        """Write the mark as text."""
        return json.dumps([list(self.state), self.count, self.digest, self.index])

    @classmethod
    def from_json(cls, text: str) -> Mark | None:
        """Read the text; None where it is no mark of ours."""
        try:
            (collection, generation, epoch, last), count, digest, index = json.loads(text)
            state = State(str(collection), int(generation), int(epoch), int(last))
            return cls(state, int(count), str(digest), str(index))
        except (ValueError, TypeError):
            return None


@dataclass(frozen=True)
class PushReport:
    """The end of a push: rows on both sides, their digest, rows written and removed by this run, seconds."""

    count: int
    digest: str
    written: int
    removed: int
    seconds: float


def batches(rows: Rows, size: int) -> Iterator[Rows]:
    """Yield rows in parts of a size."""
    for start in range(0, len(rows), size):
        yield rows[start : start + size]


def table_of(state: State) -> str:
    """Return the name of what holds a state's vectors on a server. Raises DamageError where the id is none of ours."""
    if not _COLLECTION.fullmatch(state.collection):
        raise DamageError(f"the collection {state.collection!r}: {DAMAGE}")
    return f"twinlens_{state.collection}_{state.generation}"
