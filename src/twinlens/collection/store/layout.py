"""The names of a collection's own files. Everything else in its folder is foreign: never followed, never removed."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

from twinlens.core.types import TwinlensError
from twinlens.media import kept

DATABASE = "collection.sqlite"
JOURNALS = ("-wal", "-shm", "-journal")
"""Endings of the files that SQLite keeps beside a database."""
SALVAGED = f"{DATABASE}.salvaged"
"""A repaired database that is complete, and is about to take the damaged one's place."""
DAMAGED = f"{DATABASE}.damaged"
"""The damaged database that a repaired one has replaced; later ones are numbered."""
ATTEMPTS = "adaptation.json"
"""Attempts to adopt a trained fusion, and the part held out from them; see `adaptation.record`."""
EXAMPLES = "examples.json"
"""Queries that the page shows to click, a list of objects with "image" (an id) and "text"; `demo` writes its own."""
INDEX_SETTING = "index.json"
"""The index that the collection is set to; see `index_setting`."""
LOCK, HOLDER = "writer.lock", "writer.pid"
MODELS, CACHE, PICTURES = "model", "cache", kept.FOLDER
MOVE_AWAY = "move it away"
"""The end of every line about a foreign thing in the place of ours: its cure, which is no repair's."""
LITTER = frozenset({".DS_Store", ".localized", "Thumbs.db", "desktop.ini", "@eaDir"})
"""Names that file managers and network drives put into every folder."""

_DRAFT = re.compile(rf"{re.escape(DATABASE)}\.[0-9a-f]{{8}}(-wal|-shm|-journal)?")
_MODEL_DRAFT = re.compile("new-[0-9a-f]{8}")
_FILES = (
    DATABASE,
    f"{DATABASE}-wal",
    f"{DATABASE}-shm",
    f"{DATABASE}-journal",
    SALVAGED,
    ATTEMPTS,
    EXAMPLES,
    INDEX_SETTING,
    LOCK,
    HOLDER,
)
_KINDS = ((stat.S_ISLNK, "a link"), (stat.S_ISDIR, "a folder"), (stat.S_ISREG, "a file"))
_CURE = f"twinlens follows no links in a collection and removes nothing that is not its own; {MOVE_AWAY}"


def is_file(path: Path) -> bool:
    """Return True if a path is a regular file itself, and no link to one."""
    return _is(path, stat.S_ISREG)


def is_folder(path: Path) -> bool:
    """Return True if a path is a folder itself, and no link to one."""
    return _is(path, stat.S_ISDIR)


def identity(path: Path) -> tuple[int, int] | None:
    """Return what tells a file from another that takes its name later: device and inode; None where there is none."""
    try:
        status = path.lstat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


def listed(folder: Path) -> Iterator[Path]:
    """Yield the entries of a folder, sorted; none where it is a link, or cannot be listed."""
    if is_folder(folder):
        with suppress(OSError):
            yield from sorted(folder.iterdir())


def check_kinds(folder: Path) -> None:
    """Raise TwinlensError where a link or another foreign thing stands under a name that we write to."""
    for names, is_right, right in (
        (_FILES, stat.S_ISREG, "a file"),
        ((MODELS, CACHE, PICTURES), stat.S_ISDIR, "a folder"),
    ):
        for name in names:
            mode = _mode(folder / name)
            if mode is not None and not is_right(mode):
                kind = next((kind for is_kind, kind in _KINDS if is_kind(mode)), "a device or a pipe")
                raise TwinlensError(f"{folder / name} is {kind} in place of {right}: {_CURE}")


def check_new(folder: Path) -> None:
    """Raise TwinlensError for a folder in which no collection may be made: it is neither new, nor empty, nor ours.

    Ours is one with a database (whose header is checked when it is opened), and one in which a creation was killed.
    """
    if os.path.lexists(folder / DATABASE):
        return
    try:
        foreign = sorted(path.name for path in folder.iterdir() if not _is_remains(path))
    except FileNotFoundError:
        return
    except OSError as error:
        raise TwinlensError(f"cannot make a collection in {folder}: {error.strerror}") from error
    if foreign:
        raise TwinlensError(
            f"{folder} is no collection, and holds {foreign[0]}: a collection needs a folder of its own;"
            " name a new or empty one with --collection"
        )


def remove_drafts(folder: Path) -> None:
    """Remove drafts of the database that a killed writer left."""
    for path in listed(folder):
        if _DRAFT.fullmatch(path.name):
            unlink(path)


def remove_database(path: Path) -> None:
    """Remove a database with the files that SQLite keeps beside it."""
    for ending in ("", *JOURNALS):
        unlink(path.with_name(path.name + ending))


def unlink(path: Path) -> None:
    """Remove a file of ours; one that is in use (on Windows), or is no regular file, stays."""
    if is_file(path):
        with suppress(OSError):
            path.unlink()


def remove_tree(folder: Path, *, files: re.Pattern[str], folders: re.Pattern[str], below: str = "") -> None:
    """Remove what is ours below a folder, and every folder that is empty by then; what is foreign stays.

    files, folders: the names of ours, from the folder on that was named first (`a/b.json`). below: where in it `folder`
    is. Links are neither followed nor removed.
    """
    for path in listed(folder):
        name = below + path.name
        if not is_folder(path):
            if files.fullmatch(name):
                unlink(path)
        elif folders.fullmatch(name):
            remove_tree(path, files=files, folders=folders, below=f"{name}/")
    with suppress(OSError):
        folder.rmdir()


def is_model_draft(path: Path) -> bool:
    """Return True if a path is a model folder that was not completed."""
    return bool(_MODEL_DRAFT.fullmatch(path.name)) and is_folder(path)


def share_mode(path: Path, like: Path) -> None:
    """Give a file the permissions of its neighbour, so that whoever may use the one may use the other."""
    with suppress(OSError):
        path.chmod(stat.S_IMODE(like.stat().st_mode) & 0o666)


def _is_remains(path: Path) -> bool:
    """Return True if an entry of a folder is litter, or what a killed creation leaves before there is a database."""
    name = path.name
    if name in LITTER or name.startswith("._"):
        return True
    if name == MODELS:
        return is_folder(path) and all(is_model_draft(p) or p.name in LITTER for p in listed(path))
    if name == LOCK:
        return is_file(path) and path.stat().st_size == 0
    return is_file(path) and (name in (HOLDER, f"{LOCK}-journal") or bool(_DRAFT.fullmatch(name)))


def _is(path: Path, is_kind: Callable[[int], bool]) -> bool:
    mode = _mode(path)
    return mode is not None and is_kind(mode)


def _mode(path: Path) -> int | None:
    """Return the mode of an entry itself; None where there is none, or it cannot be looked at."""
    try:
        return path.lstat().st_mode
    except (OSError, ValueError):
        return None
