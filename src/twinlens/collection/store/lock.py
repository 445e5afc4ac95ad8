"""One writer at a time: a lock that the operating system releases when its holder dies."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from twinlens.collection.store.layout import DATABASE, HOLDER, LOCK, check_kinds, identity, is_file, share_mode
from twinlens.core.types import TwinlensError


@contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Hold the collection's write lock. Raises TwinlensError that names the process which holds it already.

    The lock is SQLite's own on an empty file: it works on every system, between the threads of a process too, a forked
    child does not inherit it, and a killed holder leaves nothing behind.
    """
    check_kinds(folder)
    lock = _locked(folder)
    try:
        with suppress(OSError):  # the disk may be full, or the file another user's: the lock holds without it
            (folder / HOLDER).write_text(f"{os.getpid()}\n", encoding="ascii")
        for name in (LOCK, HOLDER):
            share_mode(folder / name, folder / DATABASE)
        yield
    finally:
        lock.close()


def lock_fault(folder: Path) -> str | None:
    """Describe the fault of the lock's file, which should be empty; None if nothing is."""
    with suppress(OSError):
        if size := (folder / LOCK).lstat().st_size:
            return f"{LOCK} holds {size:,} bytes, and should be empty"
    return None


def mend_lock(folder: Path) -> str | None:
    """Empty the lock's file if something was written into it; return what was wrong.

    By its path and never opened: closing it would release the lock that another thread of this process may hold.
    """
    check_kinds(folder)
    fault = lock_fault(folder)
    if fault and is_file(folder / LOCK):
        os.truncate(folder / LOCK, 0)
    return fault


def release_new(folder: Path) -> None:
    """Remove the lock's files of a collection that could not be created; only who holds the lock may."""
    for name in (HOLDER, LOCK):
        with suppress(OSError):
            (folder / name).unlink()


def _locked(folder: Path) -> sqlite3.Connection:
    """Take the lock on the file that has its name: on one that was removed by then it would keep nobody out."""
    path = folder / LOCK
    while True:
        before = identity(path)
        lock = _taken(folder, path)
        if before is not None and identity(path) == before:
            return lock
        lock.close()


def _taken(folder: Path, path: Path) -> sqlite3.Connection:
    lock = None
    try:
        lock = sqlite3.connect(path, timeout=0, isolation_level=None)
        lock.execute("BEGIN EXCLUSIVE")
    except sqlite3.DatabaseError as error:
        if lock is not None:
            lock.close()
        raise TwinlensError(_refusal(folder, error)) from error
    return lock


def _refusal(folder: Path, error: sqlite3.DatabaseError) -> str:
    if "locked" in str(error):
        return f"the collection {folder} is being written by {_holder(folder)}; wait for it"
    if fault := lock_fault(folder):
        return f"cannot write to the collection {folder}: its {fault}; mend it with: twinlens repair"
    return f"cannot write to the collection {folder}: {error}; check the folder's permissions"


def _holder(folder: Path) -> str:
    try:
        return f"process {int((folder / HOLDER).read_bytes()[:20])}"
    except (OSError, ValueError):  # it took the lock this instant
        return "another process"
