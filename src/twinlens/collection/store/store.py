"""Reads and writes of a collection: entries, vectors and generations."""

from __future__ import annotations

import os
import re
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from twinlens.collection.store.database import Database, fresh
from twinlens.collection.store.models import MODELS
from twinlens.collection.store.rows import Entry, Generation, to_json
from twinlens.core.types import TwinlensError

Rows = NDArray[np.int64]
Vectors = NDArray[np.float32]


class State(NamedTuple):
    """The state that a cache must agree with: collection, serving generation, epoch, and the last row."""

    collection: str
    generation: int
    epoch: int
    last: int


class Store(Database):
    """An open collection. What is read within `snapshot` is of one state; writing methods belong inside `change`."""

    # Reading ---------------------------------------------------------------------------------------------------------

    def model_folder(self, digest: str) -> Path:
        """Return the folder that keeps the model of a digest."""
        return self.folder / MODELS / digest

    def state(self) -> State:
        """Return the state that caches are compared with; generation 0 while there is none."""
        collection, epoch = self._one("SELECT collection, epoch FROM state")
        (last,) = self._one("SELECT max(row) FROM entry")
        serving = self.serving()
        return State(collection, serving.number if serving else 0, epoch, last or 0)

    def serving(self) -> Generation | None:
        """Return the generation that answers queries; None in a collection without a model."""
        found = self._one("SELECT number, digest, recipe, dim FROM generation WHERE serving")
        return Generation(*found) if found else None

    def generations(self) -> list[Generation]:
        """Return the serving generation, and one that is being built, if any."""
        return [Generation(*g) for g in self.ask("SELECT number, digest, recipe, dim FROM generation ORDER BY number")]

    def counts(self, generation: int) -> tuple[int, int, int]:
        """Count the entries that have a generation's vector, that lack it, and that failed."""
        (found,) = self._one("SELECT count(*) FROM vector WHERE generation = ?", generation)
        (failed,) = self._one("SELECT count(*) FROM entry WHERE failure IS NOT NULL")
        (total,) = self._one("SELECT count(*) FROM entry")
        return found, total - found - failed, failed

    def at(self, path: Path) -> Entry | None:
        """Return the entry of a file, by its path."""
        found = self._one("SELECT * FROM entry WHERE path = ?", os.fsencode(path))
        return None if found is None else Entry.read(found, path)

    def get(self, row: int) -> Entry | None:
        """Return the entry of a row."""
        found = self._one("SELECT * FROM entry WHERE row = ?", row)
        return None if found is None else Entry.read(found)

    def entry(self, entry_id: str) -> Entry:
        """Return an entry by the id that a hit has. Raises TwinlensError when there is none."""
        found = self.get(int(entry_id)) if entry_id.isdecimal() and len(entry_id) < 19 else None
        if found is None:
            raise TwinlensError(f"the collection {self.folder} has no picture with the id {entry_id!r}")
        return found

    def entries(self, rows: Sequence[int]) -> dict[int, Entry]:
        """Return the entries of some rows, by row; those that are gone are left out."""
        found = ((row, self.get(row)) for row in rows)
        return {row: entry for row, entry in found if entry is not None}

    def alike(self, entry: Entry) -> list[Entry]:
        """Return good entries of equal content and caption; a caption from within a file goes with its content."""
        rows = self.ask(
            "SELECT * FROM entry WHERE hash = ? AND given = ? AND (NOT given OR caption = ?) AND failure IS NULL"
            " ORDER BY row LIMIT 64",
            entry.hash,
            int(entry.given),
            entry.caption,
        )
        return [Entry.read(values) for values in rows]

    def paths(self, below: Path, *, page: int = 1000) -> Iterator[bytes]:
        """Yield the paths of all entries below a folder, sorted; entries may be changed between two of them."""
        low, high = _range(below)
        query = "SELECT path FROM entry WHERE path > ? AND path < ? ORDER BY path LIMIT ?"
        while rows := self.ask(query, low, high, page):
            yield from (path for (path,) in rows)
            low = rows[-1][0]

    def without_vector(self, generation: int, *, page: int = 1000) -> Iterator[Entry]:
        """Yield good entries that lack this generation's vector, by row, read a page at a time."""
        last = 0
        while rows := self.ask(
            "SELECT * FROM entry WHERE row > ? AND failure IS NULL AND NOT EXISTS"
            " (SELECT 1 FROM vector WHERE vector.row = entry.row AND generation = ?) ORDER BY row LIMIT ?",
            *(last, generation, page),
        ):
            yield from map(Entry.read, rows)
            last = rows[-1][0]

    def failures(self) -> list[tuple[str, int, Path]]:
        """Return every reason for failure with its count and an example, the commonest first."""
        rows = self.ask(
            "SELECT failure, count(*), min(path) FROM entry WHERE failure IS NOT NULL GROUP BY failure"
            " ORDER BY count(*) DESC, failure"
        )
        return [(reason, count, Path(os.fsdecode(path))) for reason, count, path in rows]

    def found(self, generation: int) -> list[Entry]:
        """Return all entries that have a vector of this generation, by row."""
        query = (
            "SELECT entry.* FROM entry JOIN vector ON vector.row = entry.row WHERE generation = ? ORDER BY entry.row"
        )
        return [Entry.read(values) for values in self.ask(query, generation)]

    def rows(self, generation: int, *, after: int = 0) -> Rows:
        """Return the rows (N,) above `after` that have a vector of this generation, ascending."""
        rows = self.ask("SELECT row FROM vector WHERE generation = ? AND row > ? ORDER BY row", generation, after)
        return np.fromiter((row for (row,) in rows), dtype=np.int64, count=len(rows))

    def rows_where(self, generation: int, condition: str, parameters: Sequence[Any]) -> Rows:
        """Return the rows (N,) with a vector whose entry meets an SQL condition, ascending.

        Only `filters.to_sql` may write conditions.
        """
        has_vector = "EXISTS (SELECT 1 FROM vector WHERE vector.row = entry.row AND generation = ?)"
        query = " ".join(("SELECT row FROM entry WHERE", condition, "AND", has_vector, "ORDER BY row"))
        rows = self.ask(query, *parameters, generation)
        return np.fromiter((row for (row,) in rows), dtype=np.int64, count=len(rows))

    def fields(self) -> list[str]:
        """Return the names in the entries' metadata, sorted."""
        return [name for (name,) in self.ask("SELECT DISTINCT key FROM entry, json_each(metadata) ORDER BY key")]

    def has_vector(self, row: int, generation: int) -> bool:
        """Tell whether a row has its vector of a generation."""
        return self._one("SELECT 1 FROM vector WHERE row = ? AND generation = ?", row, generation) is not None

    def vectors(self, generation: Generation, rows: Rows) -> Vectors:
        """Return the vectors (N, D) of rows. Raises TwinlensError when one is missing or damaged."""
        out = np.empty((len(rows), generation.dim), dtype=np.float32)
        for n, row in enumerate(rows.tolist()):
            data, crc = self._one(
                "SELECT data, crc FROM vector WHERE row = ? AND generation = ?", row, generation.number
            ) or (b"", 0)
            if not intact(data, crc, generation.dim):
                raise TwinlensError(f"{self.folder} holds a damaged vector (row {row}); mend it with: twinlens repair")
            out[n] = np.frombuffer(data, dtype="<f4")
        return out

    # Writing: inside `change` ----------------------------------------------------------------------------------------

    def add(self, entry: Entry) -> int:
        """Store an entry in place of what was known about its path; returns its row."""
        self.remove_path(entry.path)
        marks = "INSERT INTO entry VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
        return int(self._sql.execute(marks, entry.values()).lastrowid or 0)

    def put_vector(self, row: int, generation: Generation, vector: Vectors, *, late: bool = False) -> None:
        """Store the vector (D,) of a row. late: the row is an old one, which caches may hold without this vector."""
        data = np.ascontiguousarray(vector, dtype="<f4").tobytes()
        if len(data) != 4 * generation.dim:
            raise ValueError(f"a vector of {len(data) // 4} numbers where the model gives {generation.dim}")
        values = (generation.number, row, zlib.crc32(data), data)
        self._sql.execute("INSERT OR REPLACE INTO vector (generation, row, crc, data) VALUES (?, ?, ?, ?)", values)
        if late:
            self._new_epoch()

    def copy_vectors(self, source: int, row: int) -> None:
        """Give a row the vectors of another row of equal content and caption, of every generation."""
        self._sql.execute(
            "INSERT INTO vector (generation, row, crc, data) SELECT generation, ?, crc, data FROM vector WHERE row = ?",
            (row, source),
        )

    def update(self, entry: Entry) -> None:
        """Update the path, size, time and metadata of a row; content and caption stay."""
        self._sql.execute(
            "UPDATE entry SET path = ?, size = ?, mtime_ns = ?, metadata = ? WHERE row = ?",
            (os.fsencode(entry.path), entry.size, entry.mtime_ns, to_json(entry.metadata), entry.row),
        )

    def remove_path(self, path: Path) -> None:
        """Remove the entry of a path, if there is one."""
        if self._sql.execute("DELETE FROM entry WHERE path = ?", (os.fsencode(path),)).rowcount:
            self._new_epoch()

    def drop_vector(self, row: int, generation: int) -> None:
        """Remove one vector; its row stays and can be embedded again."""
        self._sql.execute("DELETE FROM vector WHERE row = ? AND generation = ?", (row, generation))
        self._new_epoch()

    def add_generation(self, digest: str, recipe: str, dim: int) -> Generation:
        """Return the generation of a model, a new one if it is unknown; the first of a collection serves at once."""
        if not re.fullmatch("[0-9a-f]{8,128}", digest):
            raise ValueError(f"a digest must be hexadecimal, not {digest!r}")
        self._sql.execute(
            "INSERT OR IGNORE INTO generation (digest, recipe, dim, serving)"
            " VALUES (?, ?, ?, NOT EXISTS (SELECT 1 FROM generation))",
            (digest, recipe, dim),
        )
        return Generation(*self._one("SELECT number, digest, recipe, dim FROM generation WHERE digest = ?", digest))

    def switch(self, generation: Generation) -> None:
        """Let a generation serve, and remove all others with their vectors."""
        self._sql.execute("DELETE FROM vector WHERE generation != ?", (generation.number,))
        self._sql.execute("UPDATE generation SET serving = (number = ?)", (generation.number,))
        self._sql.execute("DELETE FROM generation WHERE number != ?", (generation.number,))
        self._new_epoch()

    def _new_epoch(self) -> None:
        self._sql.execute("UPDATE state SET epoch = ?", (fresh(),))


def intact(data: bytes, crc: int, dim: int) -> bool:
    """Tell whether a stored vector has its length (4·D bytes) and its checksum."""
    return len(data) == 4 * dim and zlib.crc32(data) == crc


def _range(folder: Path) -> tuple[bytes, bytes]:
    """Return the bytes between which the paths of all files below a folder lie."""
    low = os.fsencode(folder).rstrip(os.fsencode(os.sep)) + os.fsencode(os.sep)
    return low, low[:-1] + bytes([low[-1] + 1])
