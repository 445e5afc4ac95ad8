"""Pictures on object storage, listed and read by fsspec: `s3://bucket/key` has the path `/s3:/bucket/key`.

Credentials and endpoints are fsspec's own: its configuration (`~/.config/fsspec`, FSSPEC_… variables), and what the
package of a protocol reads, such as AWS_… variables. None is taken from a URL. Nothing is cached: a listing is of now.
"""

from __future__ import annotations

import errno
import hashlib
import io
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from twinlens.core.extras import MissingExtraError, needed
from twinlens.core.types import TwinlensError

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

PACKAGES = {"s3": "s3fs", "gs": "gcsfs", "az": "adlfs", "memory": "fsspec", "file": "fsspec"}
"""Protocol → the package that speaks it; web pages and archives within archives are none."""
BLOCK = 2**22
"""Bytes that one request reads."""
SECOND_NS = 10**9
PATH = re.compile(rf"/?({'|'.join(PACKAGES)}):/+(.+)", re.DOTALL)
"""A path on object storage, as a collection keeps it, or `s3:/bucket/key`, which is what a URL becomes as a path."""
_BARE = re.compile(rf"/?({'|'.join(PACKAGES)}):/*")
_URL = re.compile(r"([a-z][a-z0-9+.-]+):/.*", re.DOTALL)
_TIMES = ("LastModified", "last_modified", "mtime", "updated", "created")
_TAGS = ("ETag", "etag")
Stats = tuple[int, int]
"""Size in bytes and time in nanoseconds, whose part below a second is replaced by a hash of the ETag, if there is one:
storages round times to seconds, and a change of content within one must show.
"""


def check(path: Path) -> None:
    """Raise TwinlensError for a URL of a protocol that is not read, for one that names nothing or has credentials."""
    bare = _BARE.fullmatch(str(path))
    if bare is not None and not path.exists():
        raise TwinlensError(f"{bare[1]}:// names no folder; give {bare[1]}://{'/' * (bare[1] == 'file')}FOLDER")
    found = PATH.fullmatch(str(path))
    other = None if found else _URL.fullmatch(str(path))
    if other is not None and not path.exists():
        raise TwinlensError(f"{other[1]}:// is not read; known: {', '.join(f'{name}://' for name in PACKAGES)}")
    if found is not None and "@" in found[2].partition("/")[0]:
        raise TwinlensError("give no credentials in a URL; they come from fsspec's configuration or the environment")


def listed(root: Path) -> tuple[dict[Path, Stats], int]:
    """List all objects below a path, or the one at it, and count those whose names are no paths, such as `a//b`.

    Raises OSError where the storage cannot be asked.
    """
    with _storage(root) as (storage, name):
        every = storage.find(name, detail=True)
    scheme, found, odd = _split(root)[0], dict[Path, Stats](), 0
    for key, facts in every.items():
        text = f"/{scheme}:/{key.removeprefix(f'{scheme}://').lstrip('/')}"
        path = Path(text)
        if str(path) != text or ".." in path.parts or not path.is_relative_to(root):
            odd += 1
        else:
            found[path] = _stats(facts)
    return found, odd


def walk(root: Path, paths: Iterable[Path]) -> Iterator[tuple[str, list[str], list[str]]]:
    """Yield every folder of listed paths from the top down with its folders and names, as `os.walk` does.

    Folders that are taken out of their list are passed over.
    """
    below: dict[str, tuple[set[str], list[str]]] = {}
    for path in paths:
        below.setdefault(str(path.parent), (set(), []))[1].append(path.name)
        while path.parent != root and path != root:
            path = path.parent
            below.setdefault(str(path.parent), (set(), []))[0].add(path.name)
    waiting = [str(root)]
    while waiting:
        where = waiting.pop()
        folders, names = below.get(where, (set(), []))
        kept = sorted(folders)
        yield where, kept, sorted(names)
        waiting.extend(f"{where}/{name}" for name in reversed(kept))


def status(path: Path) -> Stats:
    """Return size and time of an object as it is now. Raises OSError."""
    with _storage(path) as (storage, name):
        facts = storage.info(name)
    if facts.get("type") != "file":
        raise OSError(errno.EISDIR, "it is not an object but a folder", str(path))
    return _stats(facts)


def open_file(path: Path) -> io.BufferedReader:
    """Open an object, which is read in blocks as far as it is asked for. Raises OSError."""
    with _storage(path) as (storage, name):
        return io.BufferedReader(_Object(path, storage.open(name, "rb", block_size=BLOCK)), BLOCK)


def names(folder: Path) -> Iterator[str]:
    """List the names of the objects in a folder. Raises OSError where that cannot be listed."""
    with _storage(folder) as (storage, name):
        every = storage.ls(name, detail=True)
    return (one["name"].rstrip("/").rpartition("/")[2] for one in every if one["type"] == "file")


def url(path: Path) -> str:
    """Return the URL of an object."""
    scheme, key = _split(path)
    return f"{scheme}://{'/' * (scheme == 'file')}{key}"


def other_name(path: Path) -> Path:
    """Return the path of a file:// URL as a file of this machine, and that of a file's URL as a collection keeps it."""
    found = PATH.fullmatch(path.as_posix())
    if found is None:
        return Path(f"/file:/{path.as_posix().lstrip('/')}")
    return Path(f"/{found[2]}") if found[1] == "file" else path


class _Object(io.RawIOBase):
    """The file of a storage, whose errors are those of files."""

    def __init__(self, path: Path, file: Any) -> None:
        self.path, self.file = path, file

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        return int(self.file.seek(offset, whence))

    def tell(self) -> int:
        return int(self.file.tell())

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        view = memoryview(buffer)
        with _as_files_do(self.path):
            data = self.file.read(len(view))
        view[: len(data)] = data
        return len(data)

    def close(self) -> None:
        self.file.close()
        super().close()


def _split(path: Path) -> tuple[str, str]:
    found = PATH.fullmatch(path.as_posix())
    if found is None:
        raise ValueError(f"{path} is no path of an object")
    return found[1], found[2]


@contextmanager
def _storage(path: Path) -> Iterator[tuple[Any, str]]:
    """Open the storage of a path, and name the object within it. Raises OSError, also for a package that is missing."""
    with _as_files_do(path):
        with needed():
            import fsspec
        # An instance of this process and thread: fsspec keeps one each.
        storage = fsspec.filesystem(_split(path)[0], use_listings_cache=False)
        yield storage, storage._strip_protocol(url(path))


@contextmanager
def _as_files_do(path: Path) -> Iterator[None]:
    """Raise OSError with a line for whatever a storage raises: each package has errors of its own."""
    try:
        yield
    except OSError as error:
        if error.errno is None or error.filename is None:
            number = errno.ENOENT if isinstance(error, FileNotFoundError) else error.errno or errno.EIO
            raise OSError(number, _line(error), str(path)) from error
        raise
    except MissingExtraError as error:
        raise OSError(errno.ENOSYS, str(error), str(path)) from error
    except ImportError as error:
        scheme = _split(path)[0]
        line = f"{scheme}:// needs a package that is not installed; install with: pip install {PACKAGES[scheme]}"
        raise OSError(errno.ENOSYS, line, str(path)) from error
    except Exception as error:
        raise OSError(errno.EIO, f"the storage cannot be used: {_line(error)}", str(path)) from error


def _line(error: BaseException) -> str:
    return " ".join(str(getattr(error, "strerror", None) or error).split())[:300] or type(error).__name__


def _stats(facts: Mapping[str, Any]) -> Stats:
    time_ns = _time_ns(next((facts[name] for name in _TIMES if facts.get(name)), 0))
    tag = next((str(facts[name]) for name in _TAGS if facts.get(name)), None)
    if tag is not None:
        digest = int.from_bytes(hashlib.blake2b(tag.encode(), digest_size=8).digest())
        time_ns = time_ns // SECOND_NS * SECOND_NS + digest % SECOND_NS
    return int(facts["size"] or 0), time_ns


def _time_ns(value: object) -> int:
    if isinstance(value, str):
        value = datetime.fromisoformat(value)
    if isinstance(value, datetime):
        value = value.timestamp()
    return int(float(value) * SECOND_NS) if isinstance(value, int | float) else 0
