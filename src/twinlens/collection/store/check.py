"""Checks of the database, and salvage of a damaged one."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np

from twinlens.collection.store.database import DATABASE
from twinlens.collection.store.store import Store, intact
from twinlens.core.types import TwinlensError

DAMAGED = f"{DATABASE}.damaged"
MOST_MISSING = 100_000
"""Keys in a row that cannot be read before the rest of a table is given up."""

_TABLES = (
    (
        "SELECT number, digest, recipe, dim, serving FROM generation WHERE number > ? ORDER BY number LIMIT 1",
        "INSERT OR IGNORE INTO generation VALUES (?, ?, ?, ?, ?)",
    ),
    (
        "SELECT * FROM entry WHERE row > ? ORDER BY row LIMIT 1",
        "INSERT OR IGNORE INTO entry VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    ),
    (
        "SELECT id, generation, row, crc, data FROM vector WHERE id > ? ORDER BY id LIMIT 1",
        "INSERT OR IGNORE INTO vector SELECT ?1, ?2, ?3, ?4, ?5 WHERE"
        " EXISTS (SELECT 1 FROM generation WHERE number = ?2) AND EXISTS (SELECT 1 FROM entry WHERE row = ?3)",
    ),
)


def faults(store: Store) -> list[str]:
    """Return a line for every fault in the file's structure, references and metadata; reads all of it."""
    try:
        lines = [line for (line,) in store.ask("PRAGMA integrity_check(20)") if line != "ok"]
        lost = [
            f"a row of {t} refers to a missing {parent}" for t, _, parent, _ in store.ask("PRAGMA foreign_key_check")
        ]
        wrong = store.ask("SELECT row FROM entry WHERE NOT json_valid(metadata) OR json_type(metadata) != 'object'")
    except TwinlensError as error:
        return [str(error)]
    return [*lines, *lost, *(f"the metadata of row {row} is not a JSON object" for (row,) in wrong)]


def damaged_vectors(store: Store) -> Iterator[tuple[int, int]]:
    """Yield rows and generations of vectors that fail their checksum or hold NaN or infinity."""
    dims, last = {generation.number: generation.dim for generation in store.generations()}, 0
    page = "SELECT id, row, generation, crc, data FROM vector WHERE id > ? ORDER BY id LIMIT 1000"
    while found := store.ask(page, last):
        for _, row, generation, crc, data in found:
            if not intact(data, crc, dims.get(generation, 0)) or not np.isfinite(np.frombuffer(data, "<f4")).all():
                yield row, generation
        last = found[-1][0]


def salvage(folder: Path) -> int:
    """Replace a damaged file by a new one with every row that can still be read; returns how many entries it has.

    The damaged file stays beside it under another name. Only who holds the write lock may do this, while nobody reads.
    Raises TwinlensError when not even the tables can be read.
    """
    path, draft = folder / DATABASE, folder / "salvage"
    shutil.rmtree(draft, ignore_errors=True)
    Store.create(draft).close()
    with closing(sqlite3.connect(path)) as old, closing(sqlite3.connect(draft / DATABASE)) as new:
        try:
            for read, write in _TABLES:
                for row in _readable(old, read):
                    _insert(new, write, row)
        except sqlite3.DatabaseError as error:
            raise TwinlensError(f"nothing can be read of {path} ({error}); restore it from a copy") from error
        new.commit()
        (count,) = new.execute("SELECT count(*) FROM entry").fetchone()
    shutil.copyfile(path, folder / DAMAGED)
    for suffix in ("-wal", "-shm"):  # it would be taken for the new file's
        path.with_name(DATABASE + suffix).unlink(missing_ok=True)
    (draft / DATABASE).replace(path)
    shutil.rmtree(draft)
    return int(count)


def _readable(old: sqlite3.Connection, read: str) -> Iterator[tuple[Any, ...]]:
    """Yield the rows of a table that can be read, by key, stepping over keys in damaged pages one by one."""
    key, missing = 0, 0
    while missing < MOST_MISSING:
        try:
            row = old.execute(read, (key,)).fetchone()
        except sqlite3.DatabaseError as error:
            if "no such table" in str(error) or "not a database" in str(error):
                raise
            key, missing = key + 1, missing + 1
            continue
        if row is None:
            return
        yield row
        key, missing = row[0], 0


def _insert(new: sqlite3.Connection, write: str, row: tuple[Any, ...]) -> None:
    try:
        new.execute(write, row)
    except sqlite3.IntegrityError:  # the damage has left a value that cannot be
        return
