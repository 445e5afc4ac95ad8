"""Writes of a collection: entries, vectors and generations."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from twinlens.collection.store.database import fresh
from twinlens.collection.store.reading import Reading, Vectors
from twinlens.collection.store.rows import Entry, Generation, checksum, is_digest, to_json, vector_checksum
from twinlens.media import kept


class Store(Reading):
    """An open collection to read and to write; writing methods belong inside `change`."""

    def add(self, entry: Entry) -> int:
        """Store an entry in place of what was known about its path, and about its item; returns its row."""
        self.make_room(entry.path)
        marks, values = "INSERT INTO entry VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", entry.values()
        row = int(self._sql.execute(marks, values).lastrowid or 0)
        self._check(row, values)
        return row

    def put_vector(self, row: int, generation: Generation, vector: Vectors, *, late: bool = False) -> None:
        """Store the vector (D,) of a row. late: the row is an old one, which caches may hold without this vector."""
        data = np.ascontiguousarray(vector, dtype="<f4").tobytes()
        if len(data) != 4 * generation.dim:
            raise ValueError(f"a vector of {len(data) // 4} numbers where the model gives {generation.dim}")
        self._put(generation.number, row, data)
        if late:
            self._new_epoch()

    def copy_vectors(self, source: int, row: int) -> None:
        """Give a row the vectors of another row of equal content and caption, of every generation."""
        for generation, data in self.ask("SELECT generation, data FROM vector WHERE row = ?", source):
            self._put(generation, row, data)

    def _put(self, generation: int, row: int, data: bytes) -> None:
        values = (generation, row, vector_checksum(row, generation, data), data)
        self._sql.execute("INSERT OR REPLACE INTO vector (generation, row, crc, data) VALUES (?, ?, ?, ?)", values)

    def update(self, entry: Entry) -> None:
        """Update the path, size, time and metadata of a row; content and caption stay."""
        self._sql.execute(
            "UPDATE entry SET path = ?, size = ?, mtime_ns = ?, metadata = ? WHERE row = ?",
            (os.fsencode(entry.path), entry.size, entry.mtime_ns, to_json(entry.metadata), entry.row),
        )
        self._check(entry.row, entry.values())

    def remove_path(self, path: Path) -> None:
        """Remove the entry of a path, if there is one."""
        if self._sql.execute("DELETE FROM entry WHERE path = ?", (os.fsencode(path),)).rowcount:
            self._new_epoch()

    def make_room(self, path: Path) -> None:
        """Remove the entry of a path, and of the item whose picture it will be, if there are any."""
        self.remove_path(path)
        item = kept.id_of(path)
        if item is not None and (before := self.item(item)) is not None:
            self.remove_path(before.path)

    def drop_vector(self, row: int, generation: int) -> None:
        """Remove one vector; its row stays and can be embedded again."""
        self._sql.execute("DELETE FROM vector WHERE row = ? AND generation = ?", (row, generation))
        self._new_epoch()

    def reset_metadata(self, row: int) -> None:
        """Empty the metadata of a row, so that the next run reads its file again: without its hash nothing is known."""
        self._sql.execute("UPDATE entry SET metadata = '{}', hash = x'', mtime_ns = 0 WHERE row = ?", (row,))

    def fail(self, row: int, reason: str) -> None:
        """Turn a damaged entry into a failure, which the next run of its folder reads again."""
        self._sql.execute("DELETE FROM vector WHERE row = ?", (row,))
        self._sql.execute(
            "UPDATE entry SET failure = ?, metadata = '{}', caption = '', mtime_ns = 0 WHERE row = ?", (reason, row)
        )
        self._new_epoch()

    def set_mount_points(self, paths: Iterable[Path]) -> None:
        """Note the mount points of this run in place of the last one's."""
        self._sql.execute("DELETE FROM mount_point")
        for path in paths:
            self._sql.execute("INSERT INTO mount_point VALUES (?)", (os.fsencode(path),))

    def add_generation(self, digest: str, recipe: str, dim: int) -> Generation:
        """Return the generation of a model, a new one if it is unknown; the first of a collection serves at once."""
        if not is_digest(digest):
            raise ValueError(f"a digest must be hexadecimal, not {digest!r}")
        self._sql.execute(
            "INSERT OR IGNORE INTO generation (digest, recipe, dim, serving)"
            " VALUES (?, ?, ?, NOT EXISTS (SELECT 1 FROM generation))",
            (digest, recipe, dim),
        )
        return Generation(*self._one("SELECT number, digest, recipe, dim FROM generation WHERE digest = ?", digest))

    def rename_generation(self, number: int, digest: str, recipe: str) -> None:
        """Correct the digest of the model that made a generation's vectors."""
        self._sql.execute("UPDATE generation SET digest = ?, recipe = ? WHERE number = ?", (digest, recipe, number))

    def switch(self, generation: Generation) -> None:
        """Let a generation serve, and remove all others with their vectors."""
        self._sql.execute("DELETE FROM vector WHERE generation != ?", (generation.number,))
        self._sql.execute("UPDATE generation SET serving = (number = ?)", (generation.number,))
        self._sql.execute("DELETE FROM generation WHERE number != ?", (generation.number,))
        self._new_epoch()

    def _check(self, row: int, values: tuple[object, ...]) -> None:
        if self.has_additions:
            self._sql.execute("INSERT OR REPLACE INTO entry_check VALUES (?, ?)", (row, checksum(values)))

    def _new_epoch(self) -> None:
        self._sql.execute("UPDATE state SET epoch = ?", (fresh(),))
