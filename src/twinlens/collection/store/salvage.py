"""Salvage of a damaged database: a new one with every row that can still be read takes its place."""

from __future__ import annotations

import os
import shutil
import sqlite3
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path

from twinlens.collection.store.database import PAGE, draft_database
from twinlens.collection.store.layout import (
    DAMAGED,
    DATABASE,
    JOURNALS,
    SALVAGED,
    is_file,
    remove_database,
    share_mode,
)
from twinlens.collection.store.pages import Pages, read_pages
from twinlens.collection.store.records import Record
from twinlens.collection.store.rows import checksum, is_digest, is_object, is_path, is_vector, vector_checksum
from twinlens.core import system
from twinlens.core.counting import counted
from twinlens.core.types import TwinlensError

LOST = "0" * 32
"""Stands for the digest of a model whose row is lost."""
_TRIED = 1000
"""Vectors that are tried on all rows which lack theirs."""
RE_READ = "its entry in the database was damaged; index its folder again"


_INSERT_VECTOR = "INSERT OR IGNORE INTO vector (generation, row, crc, data) VALUES (?, ?, ?, ?)"
_INSERT = "INSERT INTO entry VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"


@dataclass(frozen=True)
class Salvage:
    """The outcome of a salvage: entries saved, those of them that must be read again, the damaged file's name.

    emptied: entries whose metadata were damaged, and are read again. unchecked: entries whose checksums are lost.
    knows_free: it was known which pages held deleted rows, so that none of them has come back.
    """

    entries: int
    failed: int
    emptied: int
    unchecked: int
    kept: str
    knows_free: bool

    def lines(self) -> list[str]:
        """Describe the repair in lines."""
        saved = counted(self.entries, "entry", "entries")
        found = [f"saved {saved} from the damaged database, which is kept as {self.kept}"]
        if self.failed:
            damaged = counted(self.failed, "of them is damaged itself", "of them are damaged themselves")
            found.append(f"{damaged}: index their folders again")
        if self.emptied:
            without = counted(self.emptied, "of them has lost its metadata", "of them have lost their metadata")
            found.append(f"{without}: index their folders again")
        if self.unchecked:
            without = counted(self.unchecked, "of them has lost its checksum", "of them have lost their checksums")
            found.append(f"{without}: whether their captions and metadata are as they were cannot be told")
        if not self.knows_free:
            found.append("pictures that had left may be back among them: index your folders again")
        return found


@dataclass
class _Found:
    """The rows other than entries and vectors."""

    states: list[str] = field(default_factory=list)
    sequences: dict[str, int] = field(default_factory=dict)
    generations: dict[int, tuple[str, str, int, int]] = field(default_factory=dict)
    mount_points: set[bytes] = field(default_factory=set)
    vectors: list[tuple[int, int, bytes]] = field(default_factory=list)
    """Generation, checksum and bytes of vectors whose checksum is of another row, or of other bytes."""
    others: list[Record] = field(default_factory=list)
    """The values of entries whose row or path another one has."""


def salvage(folder: Path) -> Salvage:
    """Replace a damaged database by a new one with every row that can still be read.

    The damaged file stays beside it under another name. Only who holds the write lock may do this, while nobody reads.
    An entry that fails its checksum becomes a failure, to be read again. Where the row is lost that says which model
    made the vectors, its digest is `LOST`. Raises TwinlensError when not a row can be read.
    """
    path = folder / DATABASE
    draft = draft_database(folder)
    try:
        # Closed before the files are swapped: Windows replaces no file that is mapped.
        with (
            closing(read_pages(path, default=PAGE)) as pages,
            closing(sqlite3.connect(draft, isolation_level=None)) as new,
        ):
            counts = _fill(new, pages)
        share_mode(draft, path)
        system.replace(draft, folder / SALVAGED)
    except BaseException as error:
        remove_database(draft)
        if isinstance(error, OSError | sqlite3.OperationalError):
            raise TwinlensError(f"cannot write a new {path}: {error}; make room and repair again") from error
        raise
    return Salvage(*counts, finish_salvage(folder) or "", pages.knows_free)


def finish_salvage(folder: Path) -> str | None:
    """Swap a complete repaired database for the damaged one, and return the damaged one's new name.

    Returns None where there is no repaired database. After a kill the next call finishes the swap.
    """
    path, whole = folder / DATABASE, folder / SALVAGED
    if not is_file(whole):
        return None
    kept = _kept_name(path)
    if not os.path.lexists(kept):
        try:
            os.link(path, kept)  # so that there is a database at every moment
        except OSError:  # a file system without such links
            shutil.copyfile(path, kept)
    for ending in JOURNALS:  # they would be taken for the new file's
        with suppress(FileNotFoundError):
            path.with_name(DATABASE + ending).replace(kept.with_name(kept.name + ending))
    system.replace(whole, path)
    return kept.name


def _kept_name(path: Path) -> Path:
    """Return the name that a damaged file is kept under: a new one, or the one it was given before a kill."""
    number, kept = 1, path.with_name(DAMAGED)
    while os.path.lexists(kept) and not os.path.samestat(kept.lstat(), path.lstat()):
        number += 1
        kept = path.with_name(f"{DAMAGED}-{number}")
    return kept


def _fill(new: sqlite3.Connection, pages: Pages) -> tuple[int, int, int, int]:
    """Write all rows of the pages into a new database.

    Return its entries, the damaged, those without metadata, and those without a checksum.
    """
    found = _Found()
    new.execute("PRAGMA foreign_keys = OFF")
    new.execute("BEGIN")
    new.execute("CREATE TEMP TABLE old_check (row INTEGER PRIMARY KEY, crc INTEGER)")
    for key, record in pages.rows():
        _take(new, found, key, record)
    _settle(new, found)
    _put_generations(new, found)
    new.execute("DELETE FROM vector WHERE generation NOT IN (SELECT number FROM generation)")
    new.execute("DELETE FROM vector WHERE row NOT IN (SELECT row FROM entry)")
    _settle_vectors(new, found)
    failed, emptied, unchecked = _check_entries(new)
    if len(found.states) == 1:
        new.execute("UPDATE state SET collection = ?", (found.states[0],))
    new.executemany("INSERT OR IGNORE INTO mount_point VALUES (?)", [(path,) for path in found.mount_points])
    for name, last in found.sequences.items():  # no number may come back that once was another picture's
        new.execute("INSERT INTO sqlite_sequence SELECT ?, 0 WHERE NOT EXISTS"
                    " (SELECT 1 FROM sqlite_sequence WHERE name = ?)", (name, name))  # fmt: skip
        new.execute("UPDATE sqlite_sequence SET seq = max(seq, ?) WHERE name = ?", (last, name))
    (entries,) = new.execute("SELECT count(*) FROM entry").fetchone()
    if not entries and not found.generations:
        raise TwinlensError("nothing can be read of the database; restore the collection from a copy")
    new.execute("COMMIT")
    new.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return int(entries), failed, emptied, unchecked


def _take(new: sqlite3.Connection, found: _Found, key: int, record: Record) -> None:
    """Write a row into the table that its shape tells, or note it."""
    match record:
        case (None, bytes(), bytes(), int(), int(), str(), int(), str(), str() | None, int() | None, int() | None):
            _put_entry(new, found, key, record[1:])
        case (None, int(generation), int(row), int(crc), bytes(data)):
            _put_vector(new, found, (generation, row, crc, data))
        case (None, int(crc)):
            new.execute("INSERT OR IGNORE INTO old_check VALUES (?, ?)", (key, crc))
        case (None, str(digest), str(recipe), int(dim), int(serving)) if is_digest(digest) and dim > 0:
            found.generations[key] = (digest, recipe, dim, serving)
        case ("entry" | "generation" as name, int(last)):
            found.sequences[str(name)] = last
        case (str(collection), int()):
            found.states.append(collection)
        case (bytes(path),):
            found.mount_points.add(path)


def _put_entry(new: sqlite3.Connection, found: _Found, row: int, values: Record) -> None:
    """Store an entry; of two with one path, such as a page that was freed still tells, the later one."""
    path = values[0]
    if not is_path(path):
        return
    if new.execute("SELECT 1 FROM entry WHERE row = ?1 OR (path = ?2 AND row > ?1)", (row, path)).fetchone():
        found.others.append(values)
        return
    found.others += [tuple(old) for _, *old in new.execute("SELECT * FROM entry WHERE path = ?", (path,))]
    new.execute("DELETE FROM entry WHERE path = ?", (path,))
    new.execute(_INSERT, (row, *values))


def _put_vector(new: sqlite3.Connection, found: _Found, values: tuple[int, int, int, bytes]) -> None:
    """Store a vector, or note it where its checksum is of another row, or of other bytes."""
    generation, row, crc, data = values
    if is_vector(row, generation, crc, data):
        new.execute(_INSERT_VECTOR, values)
    else:
        found.vectors.append((generation, crc, data))


def _settle(new: sqlite3.Connection, found: _Found) -> None:
    """Give each row the entry that has its checksum, where a damaged file tells several or tells it of another row."""
    checks = dict(new.execute("SELECT row, crc FROM old_check").fetchall())
    stored = {row: checksum(values) for row, *values in new.execute("SELECT * FROM entry")}
    known = {checksum(values): values for values in found.others}
    unsure = [row for row, crc in stored.items() if checks.get(row) != crc] if checks else []
    for row in unsure:
        known[stored[row]] = new.execute("SELECT * FROM entry WHERE row = ?", (row,)).fetchone()[1:]
    for row, crc in checks.items():
        if stored.get(row) != crc and crc in known:
            new.execute("DELETE FROM entry WHERE row = ? OR path = ?", (row, known[crc][0]))
            new.execute(_INSERT, (row, *known[crc]))


def _settle_vectors(new: sqlite3.Connection, found: _Found) -> None:
    """Give vectors to the rows that lack theirs and that their checksums are of: the numbers beside them may differ."""
    lacking = "SELECT row FROM entry WHERE row NOT IN (SELECT row FROM vector WHERE generation = ?)"
    for given, crc, data in found.vectors[:_TRIED]:
        for generation in {given, *found.generations}:
            rows = (row for (row,) in new.execute(lacking, (generation,)).fetchall())
            row = next((row for row in rows if vector_checksum(row, generation, data) == crc), None)
            if row is not None:
                new.execute(_INSERT_VECTOR, (generation, row, crc, data))


def _put_generations(new: sqlite3.Connection, found: _Found) -> None:
    """Store the generations: the models that made the vectors; exactly one of them serves."""
    used = new.execute("SELECT generation, length(data) / 4 FROM vector GROUP BY generation ORDER BY count(*) DESC")
    lost = [(number, dim) for number, dim in used.fetchall() if number not in found.generations and dim]
    if lost and not any(serving for *_, serving in found.generations.values()):
        number, dim = lost[0]
        found.generations[number] = (LOST, "unknown", dim, 1)
    serving = [number for number, (*_, serves) in found.generations.items() if serves] or list(found.generations)[:1]
    for number, (digest, recipe, dim, _) in found.generations.items():
        values = (number, digest, recipe, dim, int(number == serving[0]))
        new.execute("INSERT OR IGNORE INTO generation VALUES (?, ?, ?, ?, ?)", values)


def _check_entries(new: sqlite3.Connection) -> tuple[int, int, int]:
    """Turn entries that fail their checksum into failures, empty metadata that are none, and check all anew.

    Return how many have failed it, how many lost their metadata, and how many have no checksum. Without the hash, files
    are read again. An entry whose checksum is lost keeps what it says: a caption may be all there is.
    """
    failed = emptied = unchecked = 0
    for row in [row for (row,) in new.execute("SELECT row FROM entry").fetchall()]:
        values = new.execute("SELECT * FROM entry WHERE row = ?", (row,)).fetchone()[1:]
        was = new.execute("SELECT crc FROM old_check WHERE row = ?", (row,)).fetchone()
        unchecked += was is None
        if was is not None and was[0] != checksum(values):
            failed += 1
            new.execute("DELETE FROM vector WHERE row = ?", (row,))
            values = (*values[:3], 0, "", values[5], "{}", RE_READ, *values[8:])
        elif not is_object(values[6]):
            emptied += 1
            values = (values[0], b"", values[2], 0, *values[4:6], "{}", *values[7:])
        new.execute(
            "UPDATE entry SET hash = ?, mtime_ns = ?, caption = ?, metadata = ?, failure = ? WHERE row = ?",
            (values[1], values[3], values[4], values[6], values[7], row),
        )
        new.execute("INSERT OR REPLACE INTO entry_check VALUES (?, ?)", (row, checksum(values)))
    return failed, emptied, unchecked
