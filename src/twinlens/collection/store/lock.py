"""One writer at a time: a lock that the operating system releases when its holder dies."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from twinlens.core.types import TwinlensError

LOCK, HOLDER = "writer.lock", "writer.pid"


@contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Hold the collection's write lock. Raises TwinlensError that names the process which holds it already.

    The lock is SQLite's own on an empty file: it works on every system, between the threads of a process too, a forked
    child does not inherit it, and a killed holder leaves nothing behind.
    """
    try:
        lock = sqlite3.connect(folder / LOCK, timeout=0, isolation_level=None)
    except sqlite3.OperationalError as error:
        raise TwinlensError(f"cannot write to the collection {folder}: {error}") from error
    try:
        _take(lock, folder)
        yield
    finally:
        lock.close()


def _take(lock: sqlite3.Connection, folder: Path) -> None:
    try:
        lock.execute("BEGIN EXCLUSIVE")
    except sqlite3.DatabaseError as error:
        if "locked" not in str(error):
            raise TwinlensError(f"cannot write to the collection {folder}: {error}") from error
        raise TwinlensError(f"the collection {folder} is being written by {_holder(folder)}; wait for it") from error
    with suppress(OSError):  # the disk may be full: the lock holds all the same
        (folder / HOLDER).write_text(f"{os.getpid()}\n", encoding="ascii")


def _holder(folder: Path) -> str:
    try:
        return f"process {int((folder / HOLDER).read_text(encoding='ascii'))}"
    except (OSError, ValueError):  # it took the lock this instant
        return "another process"
