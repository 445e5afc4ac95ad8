"""Reads of a collection: entries, vectors, generations and its state."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

import numpy as np
from numpy.typing import NDArray

from twinlens.collection.store.database import DAMAGE, DamageError, Database
from twinlens.collection.store.layout import MODELS, PICTURES
from twinlens.collection.store.rows import CHECKED, UNCHECKED, Entry, Generation, is_digest, is_vector
from twinlens.core.paths import below
from twinlens.core.types import TwinlensError
from twinlens.media import kept

Rows = NDArray[np.int64]
Vectors = NDArray[np.float32]


class State(NamedTuple):
    """The state that a cache must agree with: collection, serving generation, epoch, and the last row."""

    collection: str
    generation: int
    epoch: int
    last: int


class Reading(Database):
    """The reads of an open collection; those within `snapshot` are of one state. Damage is a TwinlensError."""

    def model_folder(self, digest: str) -> Path:
        """Return the folder that keeps the model of a digest."""
        return self.folder / MODELS / digest

    def found_model(self, digest: str) -> Path:
        """Return the folder of a model to load. Raises TwinlensError with the cure where it is missing."""
        folder = self.model_folder(digest)
        if not folder.is_dir():
            cure = "put a copy back with: twinlens repair --model DIR"
            raise TwinlensError(f"the model folder {folder} is missing; {cure}")
        return folder

    def state(self) -> State:
        """Return the state that caches are compared with; generation 0 while there is none."""
        collection, epoch = self._one("SELECT collection, epoch FROM state") or self._damaged()
        (last,) = self._one("SELECT max(row) FROM entry")
        serving = self.serving()
        return State(collection, serving.number if serving else 0, epoch, last or 0)

    def serving(self) -> Generation | None:
        """Return the generation that answers queries; None in a collection without a model."""
        known = self._generations()
        serving = [generation for generation, serves in known if serves]
        if len(serving) != bool(known):
            self._damaged()
        return serving[0] if serving else None

    def generations(self) -> list[Generation]:
        """Return the serving generation, and one that is being built, if any."""
        return [generation for generation, _ in self._generations()]

    def counts(self, generation: int) -> tuple[int, int, int]:
        """Count the entries that have a generation's vector, that lack it, and that failed."""
        (found,) = self._one("SELECT count(*) FROM vector WHERE generation = ?", generation)
        (failed,) = self._one("SELECT count(*) FROM entry WHERE failure IS NOT NULL")
        (total,) = self._one("SELECT count(*) FROM entry")
        return found, total - found - failed, failed

    def count_below(self, folder: Path) -> int:
        """Count the entries below a folder."""
        (count,) = self._one("SELECT count(*) FROM entry WHERE path > ? AND path < ?", *_range(folder))
        return int(count)

    def at(self, path: Path) -> Entry | None:
        """Return the entry of a file, by its path."""
        found = self._entries("WHERE path = ?", os.fsencode(path))
        return Entry.read(found[0], path) if found else None

    def get(self, row: int) -> Entry | None:
        """Return the entry of a row."""
        found = self._entries("WHERE row = ?", row)
        return Entry.read(found[0]) if found else None

    def entry(self, entry_id: str) -> Entry:
        """Return an entry by the id that a hit has. Raises TwinlensError when there is none."""
        found = self.find(entry_id)
        if found is None:
            raise TwinlensError(f"the collection {self.folder} has no picture with the id {entry_id!r}")
        return found

    def find(self, entry_id: str) -> Entry | None:
        """Return the entry of an item by its id, or of a file by the number of its row; None when there is neither.

        Raises TwinlensError where there are both.
        """
        own = self.item(entry_id)
        numbered = self.get(int(entry_id)) if _NUMBER.fullmatch(entry_id) else None
        if numbered is None or numbered.item is not None:  # an item has no other id than its own
            return own
        if own is not None:
            raise TwinlensError(f"{entry_id!r} is the id of an item and of {numbered.path}; name the item otherwise")
        return numbered

    def item(self, item_id: str) -> Entry | None:
        """Return the entry of an item, by its id."""
        low = os.fsencode(self.pictures / kept.beginning(item_id))
        found = self._entries("WHERE path > ? AND path < ? ORDER BY row DESC", low, low[:-1] + bytes([low[-1] + 1]))
        return Entry.read(found[0]) if found else None

    @property
    def pictures(self) -> Path:
        """Return the folder of the pictures that are kept for items, as their entries have it: without links."""
        return Path(os.path.realpath(self.folder)) / PICTURES

    def entries(self, rows: Sequence[int]) -> dict[int, Entry]:
        """Return the entries of some rows, by row and in their order; those that are gone are left out."""
        listed = json.dumps([*rows])
        answers = self._entries("WHERE row IN (SELECT value FROM json_each(?))", listed) if rows else []
        found = {entry.row: entry for entry in map(Entry.read, answers)}
        return {row: found[row] for row in rows if row in found}

    def rows_of_file(self, path: Path, content: bytes) -> Rows:
        """Return the rows (N,) of a file, ascending: with its path or content hash, and of a video's moments."""
        query = "SELECT row FROM entry WHERE path = ? OR hash = ? OR (path > ? AND path < ?) ORDER BY row"
        found = self.ask(query, os.fsencode(path), content, *_range(path))
        return np.fromiter((row for (row,) in found), dtype=np.int64, count=len(found))

    def rows_of_content(self, content: bytes) -> Rows:
        """Return the rows (N,) of a content hash, ascending."""
        found = self.ask("SELECT row FROM entry WHERE hash = ? ORDER BY row", content)
        return np.array([row for (row,) in found], dtype=np.int64)

    def alike(self, entry: Entry) -> list[Entry]:
        """Return good entries of equal content and caption; a caption from within a file goes with its content."""
        condition = "WHERE hash = ? AND given = ? AND (NOT given OR caption = ?) AND failure IS NULL"
        rows = self._entries(f"{condition} ORDER BY row LIMIT 64", entry.hash, int(entry.given), entry.caption)
        return [Entry.read(values) for values in rows]

    def paths(self, below: Path, *, page: int = 1000) -> Iterator[bytes]:
        """Yield the paths of all entries below a folder, sorted; entries may be changed between two of them."""
        low, high = _range(below)
        query = "SELECT path FROM entry WHERE path > ? AND path < ? ORDER BY path LIMIT ?"
        while rows := self.ask(query, low, high, page):
            yield from (path for (path,) in rows)
            low = rows[-1][0]

    def failed_paths(self) -> list[bytes]:
        """Return the paths of all entries that failed."""
        return [path for (path,) in self.ask("SELECT path FROM entry WHERE failure IS NOT NULL ORDER BY path")]

    def good(self, *, page: int = 1000) -> Iterator[Entry]:
        """Yield all entries that did not fail, by row, read a page at a time."""
        last = 0
        while rows := self._entries("WHERE row > ? AND failure IS NULL ORDER BY row LIMIT ?", last, page):
            yield from map(Entry.read, rows)
            last = rows[-1][0]

    def without_vector(self, generation: int, *, page: int = 1000) -> Iterator[Entry]:
        """Yield good entries that lack this generation's vector, by row, read a page at a time."""
        lacks = "NOT EXISTS (SELECT 1 FROM vector WHERE vector.row = entry.row AND generation = ?)"
        last, condition = 0, f"WHERE row > ? AND failure IS NULL AND {lacks} ORDER BY row LIMIT ?"
        while rows := self._entries(condition, last, generation, page):
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
        has = "WHERE row IN (SELECT row FROM vector WHERE generation = ?) ORDER BY row"
        return [Entry.read(values) for values in self._entries(has, generation)]

    def rows(self, generation: int, *, after: int = 0) -> Rows:
        """Return the rows (N,) above `after` that have a vector of this generation, ascending."""
        rows = self.ask("SELECT row FROM vector WHERE generation = ? AND row > ? ORDER BY row", generation, after)
        if not rows and not after and self.ask(_ORPHANS):  # a number in the table of generations is another one now
            self._damaged()
        return np.fromiter((row for (row,) in rows), dtype=np.int64, count=len(rows))

    def all_rows(self, generation: int) -> Rows:
        """Return all rows (N,) with a vector; raises DamageError where the table and its index know different ones."""
        rows = self.rows(generation)
        (count,) = self._one("SELECT count(*) FROM vector NOT INDEXED WHERE generation = ?", generation)
        if len(rows) != count:
            self._damaged()
        return rows

    def checksums(self, generation: int) -> tuple[Rows, Rows]:
        """Return all rows (N,) with a vector, ascending, and the stored checksums (N,) of these."""
        found = self.ask("SELECT row, crc FROM vector WHERE generation = ? ORDER BY row", generation)
        rows, checks = np.array(found, dtype=np.int64).reshape(-1, 2).T.copy()
        return rows, checks

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
        """Return True if a row has its vector of a generation."""
        return self._one("SELECT 1 FROM vector WHERE row = ? AND generation = ?", row, generation) is not None

    def vectors(self, generation: Generation, rows: Rows) -> Vectors:
        """Return the vectors (N, D) of rows. Raises TwinlensError when one is missing or damaged."""
        query = "SELECT data, crc FROM vector WHERE row = ? AND generation = ?"
        found = [(row, *(self._one(query, row, generation.number) or (b"", 0))) for row in rows.tolist()]
        return self._stacked(found, generation)

    def vectors_there(self, generation: Generation, rows: Rows) -> tuple[Rows, Vectors]:
        """Return those of some rows that have a vector, once each and in their order, and the vectors (N, D).

        Raises TwinlensError when one is damaged.
        """
        query = "SELECT row, data, crc FROM vector WHERE generation = ? AND row IN (SELECT value FROM json_each(?))"
        answers = {answer[0]: answer for answer in self.ask(query, generation.number, json.dumps(rows.tolist()))}
        there = [row for row in dict.fromkeys(rows.tolist()) if row in answers]
        return np.array(there, dtype=np.int64), self._stacked([answers[row] for row in there], generation)

    def _stacked(self, found: Sequence[tuple[Any, Any, Any]], generation: Generation) -> Vectors:
        """Return the vectors (N, D) of rows, each with its bytes and its checksum."""
        size = 4 * generation.dim
        for row, data, crc in found:
            if not is_vector(row, generation.number, crc, data) or len(data) != size:
                self._damaged_vector(row)
        out = np.frombuffer(bytearray().join(data for _, data, _ in found), dtype="<f4").reshape(-1, generation.dim)
        finite = np.isfinite(out).all(axis=1)
        if not finite.all():
            self._damaged_vector(found[int(np.argmin(finite))][0])
        return out

    def _damaged_vector(self, row: int) -> NoReturn:
        raise TwinlensError(f"{self.folder} holds a damaged vector (row {row}); mend it with: twinlens repair")

    def mount_points(self) -> set[Path]:
        """Return the mount points that were noted at the last run."""
        if not self.has_additions:
            return set()
        return {Path(os.fsdecode(path)) for (path,) in self.ask("SELECT path FROM mount_point")}

    def _entries(self, condition: str, *parameters: Any) -> list[Any]:
        columns = CHECKED if self.has_additions else UNCHECKED
        return self.ask(" ".join((columns, "FROM entry", condition)), *parameters)

    def _generations(self) -> list[tuple[Generation, bool]]:
        rows = self.ask("SELECT number, digest, recipe, dim, serving FROM generation ORDER BY number")
        if not all(is_digest(digest) for _, digest, _, _, _ in rows):
            self._damaged()
        return [(Generation(*values), bool(serving)) for *values, serving in rows]

    def _damaged(self) -> NoReturn:
        raise DamageError(f"the collection {self.folder}: {DAMAGE}")


_NUMBER = re.compile("[1-9][0-9]{0,17}")
"""A row as its id is written: 01 is none."""


def intact(row: Any, generation: Generation, crc: Any, data: Any) -> bool:
    """Return True if a stored vector has its length (4·D bytes), its checksum, and no NaN or infinity."""
    if not is_vector(row, generation.number, crc, data) or len(data) != 4 * generation.dim:
        return False
    return bool(np.isfinite(np.frombuffer(data, dtype="<f4")).all())


_ORPHANS = "SELECT 1 FROM vector WHERE generation NOT IN (SELECT number FROM generation) LIMIT 1"


def _range(folder: Path) -> tuple[bytes, bytes]:
    """Return the bytes between which the paths of all files below a folder lie."""
    return below(os.fsencode(folder))
