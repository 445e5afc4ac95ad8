"""The SQLite file of a collection: creation, opening, transactions."""

from __future__ import annotations

import os
import secrets
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from threading import RLock
from typing import Any, Self

from twinlens.collection.store.rows import APPLICATION_ID, SCHEMA, VERSION
from twinlens.core.types import TwinlensError

DATABASE = "collection.sqlite"
PAGE = 32768
"""Bytes per page: vectors of usual widths fill it well; at SQLite's default of 4096 the file is 1.8 times as large."""


class Database:
    """An open collection file and its transactions; a writer holds `lock.writing` around what it does."""

    def __init__(self, folder: Path, connection: sqlite3.Connection) -> None:
        self.folder = folder
        self._sql = connection
        self._busy = RLock()  # the threads of a service share one connection

    @classmethod
    def create(cls, folder: Path) -> Self:
        """Make the folder and an empty collection in it. Raises TwinlensError when there is one already."""
        path = folder / DATABASE
        if path.exists():
            raise TwinlensError(f"there is a collection in {folder} already")
        folder.mkdir(parents=True, exist_ok=True)
        # Written under another name: a collection that is there is a complete one, whenever we are killed.
        draft = folder / f"{DATABASE}.{secrets.token_hex(4)}"
        with _told(folder), closing(sqlite3.connect(draft, isolation_level=None)) as sql:
            sql.execute(f"PRAGMA page_size = {PAGE}")
            sql.execute("PRAGMA journal_mode = WAL")
            sql.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            sql.execute(f"PRAGMA user_version = {VERSION}")
            sql.executescript(SCHEMA)
            sql.execute("INSERT INTO state VALUES (?, ?)", (secrets.token_hex(8), fresh()))
        draft.rename(path)
        return cls.open(folder)

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Open a collection. Raises TwinlensError: none there, not a collection, damaged, made by a newer version."""
        path = folder / DATABASE
        if not path.is_file():
            raise TwinlensError(f"there is no collection in {folder}; make one with: twinlens index DIR")
        with _told(folder):
            sql = _connect(path)
            try:
                _check_header(sql, path)
                sql.execute("PRAGMA synchronous = FULL")
                sql.execute("PRAGMA foreign_keys = ON")
                sql.execute("PRAGMA trusted_schema = OFF")
            except BaseException:
                sql.close()
                raise
        return cls(folder, sql)

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
        with self._busy, _told(self.folder):
            return self._sql.execute(query, parameters).fetchone()

    def ask(self, query: str, *parameters: Any) -> list[Any]:
        """Return the rows of an SQL query."""
        with self._busy, _told(self.folder):
            return self._sql.execute(query, parameters).fetchall()


def fresh() -> int:
    """Draw a random number that marks an epoch."""
    return secrets.randbits(62)


def _connect(path: Path) -> sqlite3.Connection:
    """Connect; to a file on read-only media without writing anything beside it, not even a lock."""
    where = path.resolve().as_uri()
    still = not os.access(path.parent, os.W_OK) and not path.with_name(f"{path.name}-wal").exists()
    where += "?immutable=1" if still else "?mode=rw"
    return sqlite3.connect(where, uri=True, timeout=30, isolation_level=None, check_same_thread=False)


def _check_header(sql: sqlite3.Connection, path: Path) -> None:
    (application,) = sql.execute("PRAGMA application_id").fetchone()
    (version,) = sql.execute("PRAGMA user_version").fetchone()
    if application != APPLICATION_ID:
        raise TwinlensError(f"{path} is not a collection of twinlens")
    if version != VERSION:
        raise TwinlensError(f"{path} has version {version}, this twinlens reads version {VERSION}; update twinlens")


_REASONS = {
    "is full": "the disk is full; make room and run the same command again",
    "locked": "another program holds its database; try again",
    "readonly": "it cannot be written to; check the folder's permissions",
    "unable to open": "its database cannot be opened; check the folder's permissions",
    "disk I/O": "the disk cannot be read or written; check that it is there and has room",
    "not a database": f"its {DATABASE} is not a database; restore it from a copy",
    "malformed": "its database is damaged; mend it with: twinlens repair",
    "no such table": "its database is damaged; mend it with: twinlens repair",
}


@contextmanager
def _told(folder: Path) -> Iterator[None]:
    """Translate SQLite's errors that a user can mend into one line."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        reason = next((line for key, line in _REASONS.items() if key in str(error)), None)
        if reason is None:
            raise
        raise TwinlensError(f"the collection {folder}: {reason}") from error
