"""Sources of a picture's bytes: a file of its own, a member of a tar shard as WebDataset writes them, a video, or an
object of a storage (see `objects`).

A member of a shard has a path below it, `shard.tar/key.jpg`, and is read where it lies: nothing is unpacked, links and
special files are passed over, and so are names that lead out of the shard. The shard must not be compressed. A moment
of a video has a path below the video's (see `moments`), and the video's bytes, size and time.
"""

from __future__ import annotations

import errno
import hashlib
import io
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from twinlens.media import kept, moments, objects

if TYPE_CHECKING:
    from PIL.Image import Image

    from twinlens.media.shards import Shard

SUFFIX = ".tar"
PACKED = (".tar.gz", ".tgz")
"""Names of compressed shards: nothing in them can be read without all that stands before it."""


class Status(NamedTuple):
    """Size in bytes and time of change in nanoseconds; for a member that of its shard."""

    size: int
    mtime_ns: int


@dataclass(frozen=True)
class EncodedPicture:
    """A picture by the bytes of its file in memory; calling it decodes them."""

    data: bytes = field(repr=False)

    def __call__(self) -> Image:
        """Decode the picture. Raises BadPicture."""
        from twinlens.media import images  # whoever looks at files needs no decoder

        return images.decode(io.BytesIO(self.data), "the picture in memory")

    @property
    def digest(self) -> bytes:
        """Return the content hash that a file of these bytes has."""
        return hashlib.blake2b(self.data, digest_size=20).digest()


def is_object(path: Path | str) -> bool:
    """Return True if a path is on object storage."""
    text = str(path)
    return ":/" in text and objects.PATH.fullmatch(text) is not None


def located(path: Path) -> Path:
    """Return the form in which a collection keeps the path of an object; other paths as they are."""
    found = objects.PATH.fullmatch(str(path))
    return path if found is None else Path(f"/{found[1]}:/{found[2]}")


def shown(path: Path) -> Path | str:
    """Return the URL of an object; other paths as they are."""
    return objects.url(path) if is_object(path) else path


def described(path: Path) -> str:
    """Return a picture's path as people read it: an object's URL, and with the time of a moment."""
    moment = moments.split(path) if is_object(path) else None
    if moment is not None:
        return f"{shown(moment[0])}, at {moments.clock(moment[1])}"
    return str(shown(path)) if is_object(path) else moments.shown(path)


def is_shard(path: Path) -> bool:
    """Return True if a path is a tar file, by its name."""
    return path.suffix.lower() == SUFFIX and path.is_file()


def is_packed(path: Path) -> bool:
    """Return True if a path is a compressed tar file, by its name."""
    return path.name.lower().endswith(PACKED) and path.is_file()


def split(path: Path) -> tuple[Path, str] | None:
    """Split a path that leads into a shard into the shard and the member's name; None for other paths."""
    path = moments.file_of(path)
    if f"{SUFFIX}{os.sep}" not in str(path).lower():
        return None
    shard = next((parent for parent in reversed(path.parents) if is_shard(parent)), None)
    return None if shard is None else (shard, path.relative_to(shard).as_posix())


def read_shard(path: Path) -> Shard:
    """List a tar's members; of a damaged one those before the damage. Cached until the file changes."""
    from twinlens.media import shards  # few pictures are in one

    try:
        status = path.stat()
    except OSError as error:
        return shards.Shard({}, f"cannot be read: {error.strerror}")
    return shards.index(path, status.st_size, status.st_mtime_ns)


def status(path: Path) -> Status:
    """Return size and time of a file or a member; that of a kept picture is constant: its name tells its content.

    Raises OSError: not there, or neither (a folder, a pipe).
    """
    path = moments.file_of(path)
    if is_object(path):
        return Status(*objects.status(path))
    within = split(path)
    if within is None:
        found = path.stat()
        if not stat.S_ISREG(found.st_mode):  # to open a pipe would wait for its writer for ever
            raise OSError(errno.EINVAL, "it is not a file", str(path))
        is_kept = "~" in path.name and kept.id_of(path) is not None
        return Status(found.st_size, kept.TIME_NS if is_kept else _bounded(found.st_mtime_ns))
    return Status(_part(path, *within)[1], _bounded(within[0].stat().st_mtime_ns))


def _bounded(time_ns: int) -> int:
    """Bring a time into the 64 bits that a database has for it: in nanoseconds they end in April 2262."""
    return max(-(2**63), min(time_ns, 2**63 - 1))


def open_file(path: Path) -> io.BufferedReader:
    """Open a file or a member for reading. Raises OSError as `status` does, and for a member that is cut off."""
    path = moments.file_of(path)
    if is_object(path):
        return objects.open_file(path)
    size = status(path).size
    within = split(path)
    if within is None:
        return path.open("rb")
    shard, start = within[0], _part(path, *within)[0]
    if start + size > shard.stat().st_size:
        raise OSError(errno.EIO, "its tar ends before it does", str(path))
    return io.BufferedReader(_Part(shard, start, size))


def exists(path: Path | str) -> bool:
    """Return True if something to index is still at a path; while a shard cannot be read, none of its members is gone.

    A shard on its own is something to index, namely a failure, only while it is damaged. A moment is there while its
    video is. Raises OSError where the storage of an object cannot be asked.
    """
    moment = moments.split(path)
    if moment is not None:
        return not moment[0].is_dir() and exists(moment[0])
    if is_object(path):
        return _is_stored(Path(path))
    if SUFFIX not in str(path).lower():
        return os.path.lexists(path)
    path = Path(path)
    within = split(path)
    if within is None:
        return read_shard(path).fault is not None if is_shard(path) else os.path.lexists(path)
    found = read_shard(within[0])
    return within[1] in found.parts or found.fault is not None


def _is_stored(path: Path) -> bool:
    """Return True if there is such an object. Raises OSError where the storage cannot be asked."""
    try:
        objects.status(path)
    except FileNotFoundError:
        return False
    return True


def names(folder: Path) -> Iterator[str]:
    """List the names in a folder, a shard, or a folder within one. Raises OSError where that cannot be listed."""
    if is_object(folder):
        yield from objects.names(folder)
        return
    shard, prefix = split(folder) or ((folder, "") if is_shard(folder) else (None, ""))
    if shard is None:
        yield from (path.name for path in folder.iterdir())
        return
    for name in read_shard(shard).parts:
        above, _, last = name.rpartition("/")
        if above == prefix:
            yield last


def _part(path: Path, shard: Path, name: str) -> tuple[int, int]:
    found = read_shard(shard).parts.get(name)
    if found is None:
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path))
    return found


class _Part(io.RawIOBase):
    """A range of a file's bytes as a file."""

    def __init__(self, path: Path, start: int, size: int) -> None:
        self.start, self.size, self.at = start, size, 0
        self.file = io.FileIO(path)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        self.at = offset + {os.SEEK_SET: 0, os.SEEK_CUR: self.at, os.SEEK_END: self.size}[whence]
        if self.at < 0:
            raise ValueError(f"negative position {self.at}")
        return self.at

    def tell(self) -> int:
        return self.at

    def readinto(self, buffer: memoryview, /) -> int:  # type: ignore[override]
        self.file.seek(self.start + self.at)
        count = self.file.readinto(memoryview(buffer)[: max(0, self.size - self.at)])
        self.at += count
        return count

    def close(self) -> None:
        self.file.close()
        super().close()


def content_hash(path: Path) -> bytes:
    """Hash a whole file, read in pieces, and the time of a moment: 20 bytes of BLAKE2b. Raises OSError."""
    with open_file(path) as file:
        digest = hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=20)).digest()
    return digest if moments.split(path) is None else moments.content_hash(digest, path)
