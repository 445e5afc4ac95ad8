"""Contents of a collection at one moment, as digests that can be compared later."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from twinlens.collection.store.reading import Reading, Rows
from twinlens.collection.store.rows import Generation

Runs = tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Contents:
    """Rows that have a generation's vector, as runs (first, last), and two digests over them in their order.

    pictures: BLAKE2b of every row's number, content hash and caption: what decides its vector. fields: of its number,
    path and metadata: what conditions can ask for beside. collection: the random name that it was made with. A row's
    content never changes, so that of one collection the runs alone tell which pictures came and went.
    """

    collection: str
    rows: Runs
    pictures: str
    fields: str

    def __len__(self) -> int:
        return sum(last - first + 1 for first, last in self.rows)


def contents(store: Reading, generation: Generation, *, within: Runs | None = None) -> Contents:
    """Return the committed contents, of all rows or only of those within some runs; reads no vector."""
    pictures, fields, found = hashlib.blake2b(digest_size=20), hashlib.blake2b(digest_size=20), list[int]()
    wanted = None if within is None else expanded(within)
    with store.snapshot():
        for row, path, digest, caption, metadata in _entries(store, generation.number):
            if wanted is None or _has(wanted, row):
                found.append(row)
                _feed(pictures, row, digest, caption.encode("utf-8", "surrogatepass"))
                _feed(fields, row, path, metadata.encode("utf-8", "surrogatepass"))
        collection = store.state().collection
    return Contents(collection, runs(found), pictures.hexdigest(), fields.hexdigest())


def runs(rows: Sequence[int]) -> Runs:
    """Compress ascending numbers into runs (first, last)."""
    if not len(rows):
        return ()
    values = np.asarray(rows, dtype=np.int64)
    breaks = np.flatnonzero(np.diff(values) != 1)
    first, last = values[[0, *(breaks + 1)]], values[[*breaks, len(values) - 1]]
    return tuple(zip(first.tolist(), last.tolist(), strict=True))


def expanded(found: Runs) -> Rows:
    """Expand runs into numbers (N,), ascending."""
    return np.concatenate([np.empty(0, dtype=np.int64), *(np.arange(a, b + 1, dtype=np.int64) for a, b in found)])


def _entries(store: Reading, generation: int) -> Iterator[tuple[Any, ...]]:
    last = 0
    while page := store.ask(
        "SELECT row, path, hash, caption, metadata FROM entry WHERE row > ? AND EXISTS"
        " (SELECT 1 FROM vector WHERE vector.row = entry.row AND generation = ?) ORDER BY row LIMIT 1000",
        *(last, generation),
    ):
        yield from page
        last = page[-1][0]


def _feed(digest: hashlib.blake2b, row: int, *values: bytes) -> None:
    digest.update(b"%d:" % row)
    for value in values:
        digest.update(b"%d:" % len(value))
        digest.update(value)


def _has(rows: Rows, row: int) -> bool:
    at = int(np.searchsorted(rows, row))
    return at < len(rows) and int(rows[at]) == row
