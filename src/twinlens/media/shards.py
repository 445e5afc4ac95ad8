"""Shards: the members of a tar, by its headers, which are not trusted."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path, PurePosixPath

from twinlens.core import system

MAX_HEADER = 2**20
"""Bytes of a member's extended header; longer ones are no names but an attack on memory."""
# What tarfile raises on damaged headers, which it trusts.
_DAMAGE = (tarfile.TarError, OSError, ValueError, EOFError, LookupError, RuntimeError, MemoryError, OverflowError)


@dataclass(frozen=True)
class Shard:
    """The files within a tar: name → first byte and size. fault: why it could not be read to its end, else None."""

    parts: Mapping[str, tuple[int, int]]
    fault: str | None = None


@lru_cache(maxsize=8)
def index(path: Path, _size: int, _mtime_ns: int) -> Shard:
    """List the members of a tar of such size and time; of a damaged one those before the damage."""
    parts: dict[str, tuple[int, int]] = {}
    try:
        with _Headers(io.FileIO(path)) as file, tarfile.open(fileobj=file, mode="r:") as tar:
            for member in _members(tar):
                if member.isreg() and not member.issparse() and (name := _inside(member.name)):
                    parts[name] = member.offset_data, member.size
            file.seek(tar.offset)
            fault = None if not any(file.read(tarfile.BLOCKSIZE)) else f"is damaged at byte {tar.offset:,}"
    except _DAMAGE as error:
        fault = f"is cut off or damaged: {' '.join(str(error).split()) or type(error).__name__}"
    return Shard(parts, fault and f"{fault}; what stands before is taken")


def _members(tar: tarfile.TarFile) -> Iterator[tarfile.TarInfo]:
    """Yield all members, keeping none. Raises ReadError for sizes that would lead back (CVE-2025-8194)."""
    last = -1
    while (member := tar.next()) is not None:
        tar.members.clear()  # type: ignore[attr-defined]
        if member.size < 0 or member.offset_data <= last:
            raise tarfile.ReadError("a member has a size below zero")
        last = member.offset_data
        yield member


def _inside(name: str) -> str | None:
    """Return a member's name without "./"; None where it leads out of the shard or cannot be a path."""
    path = PurePosixPath(name)
    # On Windows "\\" and "C:" in a name lead elsewhere, and "a:b" names another stream of a.
    acting = "\0\\:" if system.NAME == "windows" else "\0"
    leads_out = path.is_absolute() or ".." in path.parts or any(mark in name for mark in acting)
    return None if leads_out or not path.parts else str(path)


class _Headers(io.BufferedReader):
    """Reads headers alone: whoever asks for more has believed a header that lies."""

    def read(self, size: int | None = -1, /) -> bytes:
        if size is None or not 0 <= size <= MAX_HEADER:
            raise tarfile.ReadError(f"a header says that it has {size:,} bytes" if size else "a header has no end")
        return super().read(size)
