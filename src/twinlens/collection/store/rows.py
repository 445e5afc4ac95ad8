"""Schema of a collection, and the classes of its rows."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

APPLICATION_ID = 0x74776C6E
"""Says in the file's header that it is a collection of twinlens ("twln")."""
VERSION = 1

SCHEMA = """
CREATE TABLE state (
    collection TEXT NOT NULL,   -- random, so that no cache of another collection is taken for this one's
    epoch INTEGER NOT NULL      -- a new random number whenever a row that is there loses or changes its vector
) STRICT;
CREATE TABLE generation (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    digest TEXT NOT NULL UNIQUE,
    recipe TEXT NOT NULL,
    dim INTEGER NOT NULL CHECK (dim > 0),
    serving INTEGER NOT NULL
) STRICT;
-- A row's content never changes: a file with another content or caption becomes another row, so that a row's number
-- says which (content hash, caption) its vector belongs to.
CREATE TABLE entry (
    row INTEGER PRIMARY KEY AUTOINCREMENT,
    path BLOB NOT NULL UNIQUE,  -- bytes: names of files need not be text
    hash BLOB NOT NULL,
    size INTEGER NOT NULL,
    mtime_ns INTEGER NOT NULL,
    caption TEXT NOT NULL,
    given INTEGER NOT NULL,     -- whether the caption came from beside the file, not from within
    metadata TEXT NOT NULL,     -- JSON
    failure TEXT,
    width INTEGER,
    height INTEGER
) STRICT;
CREATE INDEX entry_hash ON entry (hash);
CREATE TABLE vector (
    id INTEGER PRIMARY KEY,
    generation INTEGER NOT NULL REFERENCES generation (number) ON DELETE CASCADE,
    row INTEGER NOT NULL REFERENCES entry (row) ON DELETE CASCADE,
    crc INTEGER NOT NULL,
    data BLOB NOT NULL,         -- float32, little-endian
    UNIQUE (row, generation)
) STRICT;
"""

COLUMNS = "row, path, hash, size, mtime_ns, caption, given, metadata, failure, width, height"


@dataclass(frozen=True)
class Generation:
    """The vectors of one model: `number` in this collection, the model's content digest, its recipe's name, width D."""

    number: int
    digest: str
    recipe: str
    dim: int


@dataclass(frozen=True)
class Entry:
    """One picture file as the collection knows it; size in bytes, width and height in pixels as people see it.

    row is 0 until it is stored. given: the caption came from beside the file. failure: why it has no vector.
    """

    path: Path
    hash: bytes
    size: int
    mtime_ns: int
    caption: str = ""
    given: bool = False
    metadata: Mapping[str, Any] = field(default_factory=dict)
    failure: str | None = None
    width: int | None = None
    height: int | None = None
    row: int = 0

    @classmethod
    def read(cls, values: tuple[Any, ...], where: Path | None = None) -> Entry:
        """Read a result row of `COLUMNS`. where: its path, if known: building paths from text takes the longest."""
        row, path, digest, size, mtime_ns, caption, given, metadata, failure, width, height = values
        where, fields = where or Path(os.fsdecode(path)), json.loads(metadata)
        return cls(where, digest, size, mtime_ns, caption, bool(given), fields, failure, width, height, row)

    def values(self) -> tuple[Any, ...]:
        """Return the parameters for all of `COLUMNS` but the row number."""
        stat = (os.fsencode(self.path), self.hash, self.size, self.mtime_ns)
        return (*stat, self.caption, int(self.given), to_json(self.metadata), self.failure, self.width, self.height)


def to_json(metadata: Mapping[str, Any]) -> str:
    """Write metadata in its canonical form, so that equal metadata compare equal."""
    return json.dumps(dict(metadata), ensure_ascii=False, sort_keys=True, allow_nan=False)
