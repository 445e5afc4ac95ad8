"""The vectors as one memory-mapped matrix: a cache, which is checked against the store and extended or made again.

Files in the collection's `cache/`, all little-endian: `vectors-X.f32` (N, D) float32, `rows-X.i64` (N,) int64,
`squares-X.f32` (N,) float32, the squared lengths, so that a search need not read the vectors once more for them, and
`checks-X.u32` (N,) uint32, the CRC-32 of each vector; `matrix.json` names them and the state of the store that they
agree with. It is replaced last, atomically.
"""

from __future__ import annotations

import json
import os
import re
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from twinlens.collection.store.gallery import Block, Gallery
from twinlens.collection.store.layout import CACHE, DATABASE, MOVE_AWAY, is_file, listed, share_mode, unlink
from twinlens.collection.store.reading import Rows, State
from twinlens.core import system

INDEX = "matrix.json"
DRAFT = f"{INDEX}.new"
FORMAT = 3
LONG_RUN = 64
"""Rows, of a run that is known as whole by being one."""
MAX_NUMBERS = 2**48
"""Numbers that no matrix has; more would be too many bytes to count."""
MAX_INDEX = 2**16
"""Bytes that `matrix.json` never has."""
_NAME = re.compile("[0-9a-f]{16}")
_OWN = re.compile(
    r"(vectors-X\.f32|rows-X\.i64|squares-X\.f32|checks-X\.u32|matrix\.json(\.new)?)".replace("X", "[0-9a-f]{16}")
)


class MatrixFiles(NamedTuple):
    """The files of one matrix."""

    vectors: Path
    rows: Path
    squares: Path
    checks: Path


class Header(NamedTuple):
    """The content of `matrix.json`: state of the store, name of the files, shape (rows, dim), a CRC-32 of each file."""

    state: State
    name: str
    rows: int
    dim: int
    crc: tuple[int, int, int, int]

    @classmethod
    def from_json(cls, text: str) -> Header:
        """Read the JSON of `to_json`. Raises ValueError, TypeError, KeyError or RecursionError for anything else."""
        values = json.loads(text)
        body, check = values["matrix"], values["check"]
        if values["format"] != FORMAT or check != zlib.crc32(_canonical(body)):
            raise ValueError("not an index of this format, or damaged")
        state, (vectors, rows, squares, checks) = State(*body["state"]), body["crc"]
        header = cls(state, body["name"], body["rows"], body["dim"], (vectors, rows, squares, checks))
        numbers = (*state[1:], header.rows, header.dim, *header.crc)
        if not _NAME.fullmatch(header.name) or any(type(n) is not int for n in numbers):
            raise ValueError("not what we write")
        if min(header.rows, header.dim) < 1 or header.rows * header.dim > MAX_NUMBERS:
            raise ValueError("not a shape of a matrix")
        return header

    def to_json(self) -> str:
        """Write the header with a checksum of its own."""
        body = self._asdict()
        return json.dumps({"format": FORMAT, "matrix": body, "check": zlib.crc32(_canonical(body))}) + "\n"

    @property
    def sizes(self) -> tuple[int, int, int, int]:
        """Return the bytes of each file, in the order of `MatrixFiles`."""
        return 4 * self.rows * self.dim, 8 * self.rows, 4 * self.rows, 4 * self.rows


class Matrix:
    """The matrix file of a collection."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / CACHE

    def read(self) -> Gallery | None:
        """Map the files, without reading the vectors; None where there is nothing, or nothing usable.

        Checks the header, the sizes, rows and squares. A vector's own checksum is compared when it is sampled, and a
        damaged one costs a read of the store; `fault` reads everything.
        """
        header = self._header()
        if header is None:
            return None
        files = self._files(header.name)
        try:
            sizes = zip(files, header.sizes, strict=True)
            if any(not path.is_file() or path.stat().st_size < size for path, size in sizes):
                return None
            vectors = np.asarray(np.memmap(files.vectors, dtype="<f4", mode="r", shape=(header.rows, header.dim)))
            rows = np.asarray(np.memmap(files.rows, dtype="<i8", mode="r", shape=(header.rows,)))
            squares = np.asarray(np.memmap(files.squares, dtype="<f4", mode="r", shape=(header.rows,)))
            checks = np.asarray(np.memmap(files.checks, dtype="<u4", mode="r", shape=(header.rows,)))
        except (OSError, ValueError):  # another process has just replaced it; the store has everything
            return None
        if zlib.crc32(_bytes(squares)) != header.crc[2]:
            return None
        if not _is_long_run(rows) and zlib.crc32(_bytes(rows)) != header.crc[1]:
            return None
        return Gallery(header.state, (Block(rows, vectors, squares, checks),), header.rows)

    def count(self) -> int:
        """Return how many entries are filed as the header tells, and 0 where there is none; reads nothing else."""
        header = self._header()
        return 0 if header is None else header.rows

    def write(self, new: Gallery) -> None:
        """File a gallery: append to what is filed where that is its beginning, else write it whole.

        Raises OSError, and leaves nothing half written, where the disk has no room.
        """
        header = self._header()
        try:
            self._write(new, header)
        except OSError:
            self.clear(exclude=header and header.name)
            raise

    def _write(self, new: Gallery, header: Header | None) -> None:
        if not len(new):
            self.clear()
        elif header is not None and new.filed == header.rows and header.state[:2] == new.state[:2]:
            self._append(new.blocks[1:], new.state, header)
        else:
            fresh = Header(new.state, os.urandom(8).hex(), 0, new.blocks[0].vectors.shape[1], (0, 0, 0, 0))
            self._append(new.blocks, new.state, fresh)

    def clear(self, *, exclude: str | None = None) -> None:
        """Remove all of our files, or all but those of one name; what is foreign in the folder stays."""
        keep = {INDEX, *(path.name for path in self._files(exclude))} if exclude else set()
        for path in listed(self.folder):
            if path.name not in keep and _OWN.fullmatch(path.name):
                unlink(path)

    def fault(self) -> str | None:
        """Describe the fault of the files (their checksums are read in full); None if they are whole."""
        for path in (self.folder / INDEX, self.folder / DRAFT):
            if os.path.lexists(path) and not is_file(path):
                return f"cannot be written: {path} is no file of a collection; {MOVE_AWAY}"
        header = self._header()
        if header is None:
            there = os.path.lexists(self.folder / INDEX)
            return "is unreadable" if there and not self._is_of_another_version() else None
        for path, size, crc in zip(self._files(header.name), header.sizes, header.crc, strict=True):
            try:
                if not is_file(path) or path.stat().st_size < size:
                    return f"lacks a part of {path.name}"
                if _crc(path, size) != crc:
                    return f"has damage in {path.name}"
            except OSError as error:
                return f"cannot be read: {path.name}: {error.strerror}"
        return None

    def _append(self, blocks: Iterable[Block], state: State, header: Header) -> None:
        self.folder.mkdir(exist_ok=True)
        late = list(blocks)
        arrays = (
            [block.vectors.astype("<f4", copy=False) for block in late],
            [block.rows.astype("<i8", copy=False) for block in late],
            [block.squares.astype("<f4", copy=False) for block in late],
            [block.checks.astype("<u4", copy=False) for block in late],
        )
        files = self._files(header.name)
        crc = tuple(_append(*step) for step in zip(files, header.sizes, arrays, header.crc, strict=True))
        rows = header.rows + sum(map(len, late))
        new = Header(state, header.name, rows, header.dim, (crc[0], crc[1], crc[2], crc[3]))
        draft = self.folder / DRAFT
        unlink(draft)  # of a killed writer
        with draft.open("x", encoding="ascii") as file:
            file.write(new.to_json())
        for path in (*files, draft):
            share_mode(path, self.folder.parent / DATABASE)
        if os.path.lexists(self.folder / INDEX) and not is_file(self.folder / INDEX):
            raise OSError(f"{self.folder / INDEX} is no file")  # a link to what is not ours, which stays
        system.replace(draft, self.folder / INDEX)
        self.clear(exclude=header.name)

    def _header(self) -> Header | None:
        """Read the index file; None where it is missing or not what we write."""
        try:
            return Header.from_json(self._index())
        except (OSError, ValueError, TypeError, KeyError, RecursionError):
            return None

    def _index(self) -> str:
        """Read the index file. Raises OSError, and ValueError for what cannot be one."""
        path = self.folder / INDEX
        if not path.is_file() or path.stat().st_size > MAX_INDEX:  # a pipe would be waited for
            raise ValueError("no such file")
        return path.read_text(encoding="ascii")

    def _is_of_another_version(self) -> bool:
        """Return True if another version of twinlens wrote the file: no damage, but rebuilt by the next writer."""
        try:
            values = json.loads(self._index())
            return bool(values.get("format", 1) != FORMAT and ("matrix" in values or len(values["state"]) == 4))
        except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
            return False

    def _files(self, name: str) -> MatrixFiles:
        names = (f"vectors-{name}.f32", f"rows-{name}.i64", f"squares-{name}.f32", f"checks-{name}.u32")
        return MatrixFiles(*(self.folder / part for part in names))


def _canonical(body: Any) -> bytes:
    return json.dumps(body, sort_keys=True).encode()


def _is_long_run(rows: Rows) -> bool:
    """Return True if rows ascend one by one from 1 or above: damage does not leave many so, and this is faster."""
    ends_fit = len(rows) > LONG_RUN and 0 < int(rows[0]) == int(rows[-1]) - len(rows) + 1
    return ends_fit and bool((rows[1:] > rows[:-1]).all())


def _append(path: Path, at: int, arrays: Iterable[NDArray[np.generic]], crc: int) -> int:
    """Write arrays from byte `at` on, wait until they are on the disk, and return the checksum of the whole file.

    What lies behind `at` is left of a writer that was killed. It is overwritten, not cut off: it may be mapped.
    """
    if os.path.lexists(path) and not is_file(path):
        raise OSError(f"{path} is no file")
    with path.open("r+b" if path.exists() else "xb") as file:
        file.seek(at)
        for array in arrays:
            data = _bytes(array)
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


def _bytes(array: NDArray[np.generic]) -> memoryview:
    return np.ascontiguousarray(array).data.cast("B")
