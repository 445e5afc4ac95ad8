"""The pictures that a collection keeps for its items, in a folder of its own.

A picture is on the disk before its entry is committed, and leaves after the entry has left. Before the first is written
or an entry is removed, a mark is left that pictures may be without entries; whoever finds it removes those.
"""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from twinlens.collection.store.layout import DATABASE, PICTURES, is_file, is_folder, listed, share_mode, unlink
from twinlens.collection.store.rows import Entry
from twinlens.collection.store.store import Store
from twinlens.core import paths, system
from twinlens.core.types import TwinlensError
from twinlens.media import kept

MARK = "unfinished"
"""An empty file that is there while pictures may be without entries."""
_DRAFT = re.compile("new-[0-9a-f]{8}")


def mark(store: Store) -> None:
    """Leave the mark that pictures may be without entries. Raises TwinlensError where it cannot be written."""
    folder = store.folder / PICTURES
    try:
        folder.mkdir(exist_ok=True)
        (folder / MARK).touch()
        _sync(folder)
    except OSError as error:
        raise TwinlensError(f"cannot write into {folder}: {error.strerror or error}") from error


def keep(store: Store, item_id: str, content: bytes, ending: str, data: bytes) -> Path:
    """Write an item's picture, unless it is there, and return its path; on return it is on the disk.

    content: its content hash. Raises TwinlensError where it cannot be written.
    """
    path = store.pictures / kept.name_of(item_id, content, ending)
    if is_file(path) and path.stat().st_size == len(data):
        return path
    draft = path.with_name(f"new-{os.urandom(4).hex()}")
    try:
        with draft.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        share_mode(draft, store.folder / DATABASE)
        system.replace(draft, path)
        _sync(path.parent)
    except OSError as error:
        unlink(draft)  # the room it takes may be what is lacking
        reason = "the disk is full" if error.errno == errno.ENOSPC else error.strerror or str(error)
        raise TwinlensError(f"cannot write the picture of {item_id!r} into {store.folder}: {reason}") from error
    return path


def tidy(store: Store) -> None:
    """Remove the pictures that have no entry, if the mark says that there may be some, and then the mark."""
    folder = store.folder / PICTURES
    if not is_folder(folder) or not is_file(folder / MARK):
        return
    with_entry = {os.fsdecode(path) for path in store.paths(store.pictures)}
    for path in listed(folder):
        is_stray = kept.is_name(path.name) and str(store.pictures / path.name) not in with_entry
        if is_stray or _DRAFT.fullmatch(path.name):
            unlink(path)
    unlink(folder / MARK)
    with suppress(OSError):
        folder.rmdir()  # only where nothing is left in it


def is_moved(store: Store) -> bool:
    """Return True if the entries seem to have their pictures in another folder: the collection was moved or copied."""
    folder = store.folder / PICTURES
    first = next((path.name for path in listed(folder) if kept.is_name(path.name)), None) if is_folder(folder) else None
    return first is not None and store.at(store.pictures / first) is None


def follow(store: Store) -> None:
    """Give the entries of items the paths that their pictures have in this folder, in one transaction."""
    with store.change():
        for entry, path in list(_moved(store)):
            store.update(replace(entry, path=path))
    store.commit()


def _moved(store: Store) -> Iterator[tuple[Entry, Path]]:
    """Yield entries of items that have another folder's paths, and the paths of their pictures here."""
    names = {path.name for path in listed(store.folder / PICTURES) if kept.is_name(path.name)}
    for (row,) in store.ask(f"SELECT row FROM entry WHERE CAST(path AS TEXT) GLOB '*[/\\]{PICTURES}[/\\]*~*'"):  # noqa: S608
        entry = store.get(row)
        path = None if entry is None else store.pictures / paths.of_any_system(entry.path).name
        if entry is None or path is None or path.name not in names or kept.id_of(entry.path) is None:
            continue
        if store.at(path) is None:
            yield entry, path


def _sync(folder: Path) -> None:
    """Bring the names in a folder onto the disk, where the system has that."""
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
