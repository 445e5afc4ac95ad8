"""Pictures that are gone, told from those that cannot be reached."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Collection, Mapping
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from twinlens.core import system
from twinlens.media import moments, sources

GONE = (errno.ENOENT, errno.ENOTDIR)
"""The errors that mean that a file is not there; all others say nothing about it."""
MOUNTS = Path("/proc/self/mountinfo")
VOLUMES = Path("/Volumes")
_SYSTEM = ("/proc", "/sys", "/dev")
_ESCAPED = re.compile(rb"\\([0-7]{3})")


class Obstacle(NamedTuple):
    """A place below which nothing counts as gone, and the reason."""

    place: Path
    reason: str
    is_prunable: bool = True


class Presence:
    """Looks at files, and at what may hide them.

    noted: the mount points of earlier runs. unlisted: folders that could not be listed now, with the reason. listings:
    of places on object storage, whose objects are looked for there.
    """

    def __init__(
        self,
        noted: Collection[Path],
        unlisted: Mapping[Path, str],
        listings: Mapping[Path, Collection[Path]] | None = None,
    ) -> None:
        self.mounted = mount_points()
        self.lost = set(noted) - self.mounted
        self.unlisted, self.listings = unlisted, listings or {}
        self.hiding = set[Path]()
        """Lost mount points below which a file was looked for and not found."""
        self._blocked = lru_cache(maxsize=4096)(self._look_at)

    def is_gone(self, path: Path) -> bool:
        """Return True if there is no such file, and nothing that may hide it."""
        return (error := self.absence(path)) is not None and self.obstacle(path, error) is None

    def absence(self, path: Path) -> int | None:
        """Return the number of the error with which a picture cannot be found; None where it is there."""
        file = moments.file_of(path)
        if sources.is_object(file):
            for root, found in self.listings.items():
                if file.is_relative_to(root):
                    return None if file in found else errno.ENOENT
        return absence(path)

    def obstacle(self, path: Path, error: int) -> Obstacle | None:
        """Return the place that may hide a file that cannot be found; None where it is gone.

        error: the number of the error that looking for it ended with.
        """
        path = moments.file_of(path)
        for above in reversed(path.parents):
            if reason := self._blocked(above):
                return Obstacle(above, reason, error in GONE)
        return None if error in GONE else Obstacle(path.parent, f"cannot be read: {os.strerror(error)}", False)

    def _look_at(self, folder: Path) -> str | None:
        """Return the reason why nothing below a folder counts as gone; None if there is none."""
        if folder in self.unlisted:
            return f"cannot be listed: {self.unlisted[folder]}"
        if folder == Path(folder.anchor) and not folder.exists():
            return "is a drive that is not there"
        places = {folder}
        if folder.is_symlink():
            if not folder.exists():
                return "is a link that leads nowhere"
            real = Path(os.path.realpath(folder))
            places = {real, *real.parents}
        self.hiding |= places & self.lost
        return "was mounted at the last run, and is not now" if places & self.lost else None


def absence(path: Path) -> int | None:
    """Return the number of the error with which a picture cannot be found; None where it is there."""
    try:
        if sources.exists(path):
            return None
        path.lstat()
    except OSError as error:
        return error.errno or errno.EIO
    except ValueError:  # a name that no file can have
        return errno.ENOENT
    return errno.ENOENT


def mount_points() -> set[Path]:
    """List the folders where file systems are mounted now, without the system's own.

    An automounter's own entry does not count: it stays while what it mounts is away.
    """
    if system.NAME == "linux":
        try:
            lines = MOUNTS.read_bytes().splitlines()
        except OSError:
            return set()
        found = {_place(fields) for line in lines if b" - autofs " not in line and len(fields := line.split()) > 4}
    elif system.NAME == "macos":
        found = {path for path in VOLUMES.glob("*") if path.is_mount()}
    else:
        return set()  # a drive of Windows is told by its letter
    return {path for path in found if path != Path("/") and not str(path).startswith(_SYSTEM)}


def _place(fields: list[bytes]) -> Path:
    """Return the mount point of a line of mountinfo, where special characters are octal numbers."""
    return Path(os.fsdecode(_ESCAPED.sub(lambda match: bytes([int(match[1], 8)]), fields[4])))
