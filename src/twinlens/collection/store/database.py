"""The SQLite file of a collection: creation, opening, transactions."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path, PurePath
from threading import RLock
from typing import Any, NamedTuple, Self

from twinlens.collection.store.layout import DATABASE, JOURNALS, check_kinds, remove_database
from twinlens.collection.store.rows import ADDITIONS, APPLICATION_ID, SCHEMA, VERSION
from twinlens.core.types import TwinlensError

PAGE = 32768
"""Bytes per page: vectors of usual widths fill it well; at SQLite's default of 4096 the file is 1.8 times as large."""
_WAL, _SHM = JOURNALS[:2]


class DamageError(TwinlensError):
    """The database is damaged, or none of ours: `salvage` finds out what can be read of it."""


class FileSignature(NamedTuple):
    """A database file's signature: inode, bytes, time of change, and whether a log with new rows lies beside it."""

    inode: int
    size: int
    mtime_ns: int
    logged: bool

    @classmethod
    def of(cls, path: Path) -> FileSignature:
        """Read the signature of a database file. Raises OSError."""
        status = path.stat()
        return cls(status.st_ino, status.st_size, status.st_mtime_ns, path.with_name(path.name + _WAL).exists())


class Database:
    """An open collection file and its transactions; a writer holds `lock.writing` around what it does."""

    def __init__(self, folder: Path, connection: sqlite3.Connection, seen: FileSignature | None = None) -> None:
        self.folder = folder
        self._sql = connection
        self._seen = seen  # where we may write nothing and so hold no lock: the file that is read as it lies there
        self._busy = RLock()  # the threads of a service share one connection
        self.has_additions = self._one("SELECT 1 FROM sqlite_master WHERE name = 'entry_check'") is not None

    @classmethod
    def create(cls, folder: Path) -> Self:
        """Make the folder and an empty collection in it. Raises TwinlensError when there is one already."""
        if os.path.lexists(folder / DATABASE):
            raise TwinlensError(f"there is a collection in {folder} already; open it, or choose another folder")
        folder.mkdir(parents=True, exist_ok=True)
        # Written under another name: a collection that is there is a complete one, whenever we are killed.
        draft_database(folder).rename(folder / DATABASE)
        return cls.open(folder)

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Open a collection. Raises TwinlensError: none there, not a collection, damaged, made by a newer version."""
        path = folder / DATABASE
        if not os.path.lexists(path):
            raise TwinlensError(f"there is no collection in {folder}; make one with: twinlens index DIR")
        beside = [path.with_name(path.name + ending) for ending in JOURNALS]
        if not path.is_file() or any(p.is_symlink() or (p.exists() and not p.is_file()) for p in (path, *beside)):
            check_kinds(folder)
        with _told(folder):
            sql, seen = _connect(path)
            try:
                check_header(sql, path)
                sql.execute("PRAGMA synchronous = FULL")
                sql.execute("PRAGMA foreign_keys = ON")
                sql.execute("PRAGMA trusted_schema = OFF")
                return cls(folder, sql, seen)
            except BaseException:
                sql.close()
                raise

    def upgrade(self) -> None:
        """Add the tables that earlier versions did not make; they need not know them."""
        if not self.has_additions:
            with self.change():
                for statement in ADDITIONS:
                    self._sql.execute(statement)
            self.commit()
            self.has_additions = True

    def close(self) -> None:
        """Close the file; the store cannot be used after."""
        with self._busy:
            self._sql.close()

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """Read everything inside from one state, whatever another process commits."""
        with self._busy, _told(self.folder):
            if self._sql.in_transaction:
                yield
                return
            self._look_again()
            self._sql.execute("BEGIN")
            try:
                yield
            finally:
                self.rollback()

    @contextmanager
    def change(self) -> Iterator[None]:
        """Make the changes inside all or not at all; they last after `commit`, together with those before them."""
        with self._busy, _told(self.folder):
            if not self._sql.in_transaction:
                self._sql.execute("BEGIN IMMEDIATE")
            self._sql.execute("SAVEPOINT change")
            try:
                yield
            except BaseException:
                if self._sql.in_transaction:  # a full disk ends the whole transaction on its own
                    self._sql.execute("ROLLBACK TO change")
                raise
            self._sql.execute("RELEASE change")

    def commit(self) -> None:
        """Make the changes last: on return they are on the disk. Raises TwinlensError, keeping none, if it is full."""
        with self._busy, _told(self.folder):
            if not self._sql.in_transaction:
                return
            try:
                self._sql.execute("COMMIT")
            except sqlite3.Error:
                self.rollback()
                raise

    def rollback(self) -> None:
        """Discard the changes since the last commit."""
        with self._busy:
            if self._sql.in_transaction:
                self._sql.execute("ROLLBACK")

    def _one(self, query: str, *parameters: Any) -> Any:
        return next(iter(self.ask(query, *parameters)), None)

    def ask(self, query: str, *parameters: Any) -> list[Any]:
        """Return the rows of an SQL query."""
        with self._busy, _told(self.folder):
            while True:
                self._look_again()
                rows = self._sql.execute(query, parameters).fetchall()
                if self._is_as_seen():
                    return rows

    def _is_as_seen(self) -> bool:
        try:
            return self._seen is None or FileSignature.of(self.folder / DATABASE) == self._seen
        except OSError as error:
            raise TwinlensError(f"the collection {self.folder} cannot be read: {error.strerror}") from error

    def _look_again(self) -> None:
        """Connect anew where a writer has come to a file that is read without locks; a writer keeps a log beside it."""
        if self._is_as_seen():
            return
        if self._sql.in_transaction:
            raise TwinlensError(f"the collection {self.folder} was changed while it was read; run the command again")
        self._sql.close()
        self._sql, self._seen = _connect(self.folder / DATABASE)


def uri(path: PurePath) -> str:
    """Return an absolute path as SQLite takes it: a host of Windows stands behind two slashes more than elsewhere."""
    given = path.as_uri()
    return given if given.startswith("file:///") else given.replace("file://", "file:////", 1)


def draft_database(folder: Path) -> Path:
    """Write an empty database under a draft's name, and return its path; on an error nothing stays."""
    draft = folder / f"{DATABASE}.{os.urandom(4).hex()}"
    try:
        with _told(folder):
            draft.open("x").close()  # with the permissions that the user wants for new files
            with closing(sqlite3.connect(draft, isolation_level=None)) as sql:
                sql.execute(f"PRAGMA page_size = {PAGE}")
                sql.execute(f"PRAGMA application_id = {APPLICATION_ID}")
                sql.execute(f"PRAGMA user_version = {VERSION}")
                sql.execute("BEGIN")
                for statement in (*SCHEMA, *ADDITIONS):
                    sql.execute(statement)
                sql.execute("INSERT INTO state VALUES (?, ?)", (os.urandom(8).hex(), fresh()))
                sql.execute("COMMIT")
                sql.execute("PRAGMA journal_mode = WAL")
    except BaseException as error:
        remove_database(draft)
        if isinstance(error, OSError):
            raise TwinlensError(f"cannot make a collection in {folder}: {error.strerror or error}") from error
        raise
    return draft


def fresh() -> int:
    """Draw a random number that marks an epoch."""
    return int.from_bytes(os.urandom(8)) >> 2


def check_header(sql: sqlite3.Connection, path: Path) -> None:
    """Raise DamageError for the database of another program, TwinlensError for one of a newer version."""
    (application,) = sql.execute("PRAGMA application_id").fetchone()
    (version,) = sql.execute("PRAGMA user_version").fetchone()
    if application != APPLICATION_ID:
        raise DamageError(f"{path} is not a collection of twinlens")
    if version < 1:
        raise DamageError(f"{path} is damaged; mend it with: twinlens repair")
    if version != VERSION:
        raise TwinlensError(f"{path} has version {version}, this twinlens reads version {VERSION}; update twinlens")


def _connect(path: Path) -> tuple[sqlite3.Connection, FileSignature | None]:
    """Connect; where nothing may be written, not even a lock, by the log of a writer, or to the file as it lies there.

    Who may not write can share a writer's log and its index, but make neither. Without them no row is newer than the
    file, which is then read as it is until a log appears.
    """
    log, shared = (path.with_name(path.name + ending) for ending in (_WAL, _SHM))
    how, seen = "mode=rw", None
    if not os.access(path.parent, os.W_OK):
        how, seen = "mode=ro", FileSignature.of(path)
        if seen.logged and (shared.exists() or log.stat().st_size):
            seen = None
        else:
            how = "immutable=1"
    where = f"{uri(path.resolve())}?{how}"
    return sqlite3.connect(where, uri=True, timeout=30, isolation_level=None, check_same_thread=False), seen


DAMAGE = "its database is damaged; mend it with: twinlens repair"
NO_DATABASE = f"its {DATABASE} is not a database any more, or never was; twinlens repair saves what can be read of it"
_REASONS = {
    "is full": "the disk is full; make room and run the same command again",
    "locked": "another program holds its database; try again",
    "readonly": "it cannot be written to; check the folder's permissions",
    "unable to open": "its database cannot be opened; check the folder's permissions",
    "disk I/O": "the disk cannot be read or written; check that it is there and has room",
}


@contextmanager
def _told(folder: Path) -> Iterator[None]:
    """Translate SQLite's errors that a user can mend into one line; what else a file makes it say is damage."""
    try:
        yield
    except sqlite3.ProgrammingError as error:
        if "closed database" in str(error):
            raise TwinlensError(f"the collection {folder} was closed; open it again to use it") from error
        raise
    except sqlite3.DatabaseError as error:
        reason = next((line for key, line in _REASONS.items() if key in str(error)), None)
        if reason is not None:
            raise TwinlensError(f"the collection {folder}: {reason}") from error
        damage = NO_DATABASE if "not a database" in str(error) else DAMAGE
        raise DamageError(f"the collection {folder}: {damage}") from error
    except UnicodeDecodeError as error:  # SQLite repeats in a message what should be text
        raise DamageError(f"the collection {folder}: {DAMAGE}") from error
