"""Schema of a collection, and the classes of its rows."""

from __future__ import annotations

import json
import os
import re
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from twinlens.core.types import TwinlensError
from twinlens.media import kept

APPLICATION_ID = 0x74776C6E
"""Says in the file's header that it is a collection of twinlens ("twln")."""
VERSION = 1
_DIGEST = re.compile("[0-9a-f]{8,128}")
_ABSOLUTE = re.compile(rb"/|[A-Za-z]:[\\/]|\\\\")
_DAMAGED = "the entry of row {} is damaged in the database; mend it with: twinlens repair"

SCHEMA = (
    """
CREATE TABLE state (
    collection TEXT NOT NULL,   -- random, so that no cache of another collection is taken for this one's
    epoch INTEGER NOT NULL      -- a new random number whenever a row that is there loses or changes its vector
) STRICT""",
    """
CREATE TABLE generation (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    digest TEXT NOT NULL UNIQUE,
    recipe TEXT NOT NULL,
    dim INTEGER NOT NULL CHECK (dim > 0),
    serving INTEGER NOT NULL
) STRICT""",
    # A row's content never changes: a file with another content or caption becomes another row, so that a row's number
    # says which (content hash, caption) its vector belongs to.
    """
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
) STRICT""",
    "CREATE INDEX entry_hash ON entry (hash)",
    """
CREATE TABLE vector (
    id INTEGER PRIMARY KEY,
    generation INTEGER NOT NULL REFERENCES generation (number) ON DELETE CASCADE,
    row INTEGER NOT NULL REFERENCES entry (row) ON DELETE CASCADE,
    crc INTEGER NOT NULL,
    data BLOB NOT NULL,         -- float32, little-endian
    UNIQUE (row, generation)
) STRICT""",
)
ADDITIONS = (
    # CRC-32 of the other columns of an entry; none for what an earlier version wrote, which knows nothing of it: the
    # triggers remove a check that no longer holds.
    "CREATE TABLE IF NOT EXISTS entry_check (row INTEGER PRIMARY KEY, crc INTEGER NOT NULL) STRICT",
    "CREATE TRIGGER IF NOT EXISTS entry_updated AFTER UPDATE ON entry"
    " BEGIN DELETE FROM entry_check WHERE row = OLD.row; END",
    "CREATE TRIGGER IF NOT EXISTS entry_deleted AFTER DELETE ON entry"
    " BEGIN DELETE FROM entry_check WHERE row = OLD.row; END",
    # Where other file systems were mounted at the last run, so that one that is missing is not taken for empty.
    "CREATE TABLE IF NOT EXISTS mount_point (path BLOB NOT NULL UNIQUE) STRICT",
)
"""Tables of later versions under the same version number: earlier ones work on without them."""

COLUMNS = "row, path, hash, size, mtime_ns, caption, given, metadata, failure, width, height"
CHECKED = " ".join(("SELECT", COLUMNS, ", (SELECT crc FROM entry_check WHERE entry_check.row = entry.row)"))
UNCHECKED = " ".join(("SELECT", COLUMNS, ", NULL"))
"""The columns of an entry and its check, where there is a table of checks, and where there is none."""


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

    @property
    def id(self) -> str:
        """Return the id by which people name it: that of its item, else the number of its row."""
        return self.item or str(self.row)

    @property
    def item(self) -> str | None:
        """Return the id of the item whose picture it is; None for a file of the user's."""
        return kept.id_of(self.path) if "~" in self.path.name else None

    @classmethod
    def read(cls, values: tuple[Any, ...], where: Path | None = None) -> Entry:
        """Read a result row of `CHECKED`. where: its path, if known: building paths from text takes the longest.

        Raises TwinlensError where the row is damaged.
        """
        row, path, digest, size, mtime_ns, caption, given, metadata, failure, width, height, check = values
        if check is not None and check != checksum(values[1:-1]):
            raise TwinlensError(_DAMAGED.format(row))
        try:
            where, fields = where or Path(os.fsdecode(path)), json.loads(metadata)
        except (ValueError, TypeError, RecursionError) as error:
            raise TwinlensError(_DAMAGED.format(row)) from error
        if not isinstance(fields, dict):
            raise TwinlensError(_DAMAGED.format(row))
        return cls(where, digest, size, mtime_ns, caption, bool(given), fields, failure, width, height, row)

    def values(self) -> tuple[Any, ...]:
        """Return the parameters for all of `COLUMNS` but the row number."""
        stat = (os.fsencode(self.path), self.hash, self.size, self.mtime_ns)
        return (*stat, self.caption, int(self.given), to_json(self.metadata), self.failure, self.width, self.height)


def to_json(metadata: Mapping[str, Any]) -> str:
    """Write metadata in its canonical form, so that equal metadata compare equal."""
    return json.dumps(dict(metadata), ensure_ascii=False, sort_keys=True, allow_nan=False)


def checksum(values: Sequence[Any]) -> int:
    """Return the CRC-32 of an entry's columns but its row number."""
    crc = 0
    for value in values:
        data = value if isinstance(value, bytes) else str(value).encode("utf-8", "surrogatepass")
        crc = zlib.crc32(data, zlib.crc32(b"%s %d:" % (type(value).__name__.encode(), len(data)), crc))
    return crc


def vector_checksum(row: int, generation: int, data: bytes) -> int:
    """Return the CRC-32 of a vector's bytes, behind the row and the generation that it belongs to."""
    return zlib.crc32(data, zlib.crc32(b"%d %d:" % (row, generation)))


def is_vector(row: Any, generation: Any, crc: Any, data: Any) -> bool:
    """Return True if a vector has its checksum: in earlier versions that of its bytes alone."""
    return isinstance(data, bytes) and (crc == vector_checksum(row, generation, data) or crc == zlib.crc32(data))


def is_digest(text: object) -> bool:
    """Return True if a text can be a model's digest, and so the name of a folder."""
    return isinstance(text, str) and _DIGEST.fullmatch(text) is not None


def is_path(value: object) -> bool:
    """Return True if a value can be the absolute path of a file, on this system or another."""
    return isinstance(value, bytes) and b"\0" not in value and _ABSOLUTE.match(value) is not None


def is_object(text: Any) -> bool:
    """Return True if a text is a JSON object, as metadata are."""
    try:
        return isinstance(json.loads(text), dict)
    except (ValueError, TypeError, RecursionError):
        return False
