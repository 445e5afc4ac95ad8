"""The vectors as one memory-mapped matrix: a cache, which is checked against the store and extended or made again.

Files in the collection's `cache/`: `vectors-X.f32` (N, D) float32 and `rows-X.i64` (N,) int64, both little-endian, and
`matrix.json`, which names them and says with which state of the store they agree; it is replaced last, atomically.
"""

from __future__ import annotations

import json
import os
import secrets
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from twinlens.collection.store.store import Rows, State, Store, Vectors

CACHE, INDEX = "cache", "matrix.json"


@dataclass(frozen=True)
class Gallery:
    """The vectors that queries are compared with: parts of rows (N,) and vectors (N, D), as of `state`.

    filed: how many leading rows are in the matrix file, in this order.
    """

    state: State
    parts: tuple[tuple[Rows, Vectors], ...]
    filed: int = 0

    def __len__(self) -> int:
        return sum(len(rows) for rows, _ in self.parts)

    @property
    def rows(self) -> Rows:
        """All rows (N,), in the order of the parts."""
        return np.concatenate([np.empty(0, dtype=np.int64), *(rows for rows, _ in self.parts)])

    def vectors(self, wanted: Sequence[int]) -> Vectors:
        """The vectors (M, D) of some rows, all of them in here, in their order."""
        found: dict[int, Vectors] = {}
        for rows, vectors in self.parts:
            at = np.flatnonzero(np.isin(rows, np.asarray(wanted, dtype=np.int64)))
            found.update(zip(rows[at].tolist(), vectors[at], strict=True))
        return np.stack([found[row] for row in wanted]) if wanted else np.empty((0, 0), dtype=np.float32)

    def only(self, wanted: Rows) -> Gallery:
        """The same without the rows that are not wanted; copies what remains."""
        parts = []
        for rows, vectors in self.parts:
            kept = np.isin(rows, wanted)
            parts.append((rows, vectors) if kept.all() else (rows[kept], vectors[kept]))
        return Gallery(self.state, tuple(parts))


def gallery(store: Store, held: Gallery | None) -> Gallery:
    """The store's vectors now; what `held` has of them is taken from there, and only the rest is read."""
    with store.snapshot():
        state, generation = store.state(), store.serving()
        if held is not None and held.state == state:
            return held
        if generation is None:
            return Gallery(state, ())
        if held is None or held.state[:2] != state[:2] or held.state.last > state.last:
            rows = store.rows(generation.number)
            return Gallery(state, ((rows, store.vectors(generation, rows)),))
        kept = held
        if held.state.epoch != state.epoch:
            current = store.rows(generation.number)
            kept = held if np.isin(held.rows, current).all() else held.only(current)
            fresh = np.setdiff1d(current, kept.rows, assume_unique=True)
        else:
            fresh = store.rows(generation.number, after=held.state.last)
        return Gallery(state, _joined(kept, fresh, store.vectors(generation, fresh)), kept.filed)


def _joined(kept: Gallery, rows: Rows, vectors: Vectors) -> tuple[tuple[Rows, Vectors], ...]:
    """The filed part first and untouched, all others together as one."""
    if not len(rows):
        return kept.parts
    first = 1 if kept.filed else 0
    late = kept.parts[first:]
    tail = np.concatenate([*(r for r, _ in late), rows]), np.concatenate([*(v for _, v in late), vectors])
    return (*kept.parts[:first], tail)


class Matrix:
    """The matrix file of a collection."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / CACHE

    def read(self) -> Gallery | None:
        """What is filed, mapped and not read yet; None where there is nothing, or nothing usable."""
        index = self._index()
        if index is None:
            return None
        state, count, dim = State(*index["state"]), index["rows"], index["dim"]
        vectors_file, rows_file = self._files(index["name"])
        try:
            rows = np.fromfile(rows_file, dtype="<i8", count=count)
            if not count or len(rows) < count or vectors_file.stat().st_size < 4 * count * dim:
                return None
            vectors = np.memmap(vectors_file, dtype="<f4", mode="r", shape=(count, dim))
        except OSError:  # another process has just replaced it; the store has everything
            return None
        return Gallery(state, ((rows, vectors),), count)

    def write(self, new: Gallery) -> None:
        """File a gallery: append to what is filed where that is its beginning, else write it whole.

        Raises OSError, and leaves nothing half written, where the disk has no room.
        """
        index = self._index()
        try:
            self._write(new, index)
        except OSError:
            self.clear(exclude=index and index["name"])
            raise

    def _write(self, new: Gallery, index: dict[str, Any] | None) -> None:
        if not len(new):
            self.clear()
        elif index is not None and new.filed == index["rows"] and State(*index["state"])[:2] == new.state[:2]:
            self._append(new, index)
        else:
            fresh = {"name": secrets.token_hex(8), "rows": 0, "dim": new.parts[0][1].shape[1], "crc": [0, 0]}
            self._append(Gallery(new.state, new.parts), fresh)

    def clear(self, *, exclude: object = None) -> None:
        """Remove all files, or all but those of one name."""
        keep = {INDEX, *(path.name for path in self._files(str(exclude)))} if exclude else set()
        for path in list(self.folder.glob("*")):
            if path.name not in keep:
                _unlink(path)

    def fault(self) -> str | None:
        """What is wrong with the files (their checksums are read in full), or None."""
        index = self._index()
        if index is None:
            return "is unreadable" if (self.folder / INDEX).exists() else None
        sizes = (4 * index["rows"] * index["dim"], 8 * index["rows"])
        for path, size, crc in zip(self._files(index["name"]), sizes, index["crc"], strict=True):
            if not path.is_file() or path.stat().st_size < size:
                return f"lacks a part of {path.name}"
            if _crc(path, size) != crc:
                return f"has damage in {path.name}"
        return None

    def _append(self, new: Gallery, index: dict[str, Any]) -> None:
        self.folder.mkdir(exist_ok=True)
        vectors_file, rows_file = self._files(index["name"])
        late = new.parts[1:] if index["rows"] else new.parts
        at, dim = index["rows"], index["dim"]
        crc = [
            _append(vectors_file, 4 * at * dim, (v.astype("<f4", copy=False) for _, v in late), index["crc"][0]),
            _append(rows_file, 8 * at, (r.astype("<i8", copy=False) for r, _ in late), index["crc"][1]),
        ]
        said = {"state": new.state, "name": index["name"], "rows": len(new), "dim": dim, "crc": crc}
        draft = self.folder / f"{INDEX}.new"
        draft.write_text(json.dumps(said) + "\n", encoding="ascii")
        draft.replace(self.folder / INDEX)
        self.clear(exclude=index["name"])

    def _index(self) -> dict[str, Any] | None:
        """The index file's content; None where it is missing or not what we write."""
        try:
            said = json.loads((self.folder / INDEX).read_text(encoding="ascii"))
            usable = State(*said["state"]) and said["name"].isalnum() and said["rows"] > 0 and said["dim"] > 0
            return said if usable and len(said["crc"]) == 2 else None
        except (OSError, ValueError, TypeError, KeyError, AttributeError):
            return None

    def _files(self, name: str) -> tuple[Path, Path]:
        return self.folder / f"vectors-{name}.f32", self.folder / f"rows-{name}.i64"


def _append(path: Path, at: int, arrays: Iterable[NDArray[np.generic]], crc: int) -> int:
    """Write arrays from byte `at` on, wait until they are on the disk, and return the checksum of the whole file.

    What lies behind `at` is left of a writer that was killed. It is overwritten, not cut off: it may be mapped.
    """
    with path.open("r+b" if path.exists() else "xb") as file:
        file.seek(at)
        for array in arrays:
            data = np.ascontiguousarray(array).data.cast("B")
            file.write(data)
            crc = zlib.crc32(data, crc)
        file.flush()
        os.fsync(file.fileno())
    return crc


def _crc(path: Path, size: int) -> int:
    crc = 0
    with path.open("rb") as file:
        while size > 0 and (data := file.read(min(size, 2**20))):
            crc, size = zlib.crc32(data, crc), size - len(data)
    return crc


def _unlink(path: Path) -> None:
    try:
        path.unlink()
    except PermissionError:  # on Windows a file that a reader has mapped stays until the next writer
        return
