"""Files of indexes: arrays that are mapped into memory, each byte of them checked before it is used.

A file is a cache of our own: magic, length and CRC-32 of a JSON header, the header, and from a multiple of `PAGE` on
the arrays. The header has the place of each array and a checksum of every `BLOCK` bytes. Nothing in a file is run, and
one that was damaged, cut short or written by another version raises DamagedIndexError.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from twinlens.core.atomic import whole_file
from twinlens.core.types import TwinlensError

MAGIC = b"twinlens index 2"
PAGE = 4096
"""Bytes that the places of arrays are multiples of."""
BLOCK = 1 << 20
"""Bytes that have one checksum."""
LINE = 64
"""Numbers of 8 bytes that are added up side by side for a checksum."""
MAX_HEADER = 1 << 24
SMALL = 1 << 26
"""Bytes that are never checked late: it takes some milliseconds."""
KINDS = ("|u1", "<i4", "<i8", "<f4", "<f8")
Array = NDArray[Any]
Late: TypeAlias = Sequence[tuple[str, int, int]] | None
"""Spans of bytes: an array, its first byte and the one after its last; None for none."""


class DamagedIndexError(TwinlensError):
    """The error of an index file that is damaged or not one of ours; it is made again from the vectors."""


@dataclass(frozen=True)
class IndexFile:
    """An index file that was opened: the facts about the index, and its arrays, mapped read-only.

    places: the byte at which each begins. Spans in which wrong bytes can only hide an entry, those of codes and links,
    are left to `check_late` if they are long. All others are checked at once.
    """

    path: Path
    about: dict[str, Any]
    arrays: dict[str, Array]
    places: dict[str, int]
    _body: NDArray[np.uint8]
    _sums: tuple[int, ...]
    _late: frozenset[int]

    @classmethod
    def open(cls, path: Path) -> IndexFile:
        """Map a file. Raises DamagedIndexError for one that is damaged, and OSError."""
        header, begin = read_header(path)
        try:
            content = np.memmap(path, dtype=np.uint8, mode="r")
            if len(content) != header["size"]:
                raise DamagedIndexError(f"{path} was cut short or added to")
            body = np.asarray(content[begin:])
            arrays = {name: _array(body, *place) for name, place in header["arrays"].items()}
            places = {name: begin + place[2] for name, place in header["arrays"].items()}
            sums, late = tuple(header["sums"]), _blocks_within(header["late"], len(body))
            found = cls(path, header["about"], arrays, places, body, sums, late)
        except (ValueError, TypeError, KeyError, IndexError) as error:
            raise DamagedIndexError(f"{path} is no index file of this version") from error
        found._check(number for number in range(len(sums)) if number not in late)
        return found

    @property
    def is_checked(self) -> bool:
        """Return True if nothing was left to `check_late`."""
        return not self._late

    def check_late(self) -> None:
        """Check the bytes that were left. Raises DamagedIndexError where they are damaged."""
        self._check(sorted(self._late))

    def _check(self, blocks: Iterable[int]) -> None:
        for number in blocks:
            if _sum(self._body[number * BLOCK : (number + 1) * BLOCK]) != self._sums[number]:
                raise DamagedIndexError(f"{self.path} is damaged")


def read_header(path: Path) -> tuple[dict[str, Any], int]:
    """Return the header of a file, and where its arrays begin. Raises DamagedIndexError and OSError."""
    with path.open("rb") as file:
        start = file.read(len(MAGIC) + 8)
        length, check = (int.from_bytes(start[at : at + 4], "little") for at in (len(MAGIC), len(MAGIC) + 4))
        text = file.read(length) if start.startswith(MAGIC) and length <= MAX_HEADER else b""
    if len(text) != length or not text or zlib.crc32(text) != check:
        raise DamagedIndexError(f"{path} is no index file of this version, or its header is damaged")
    header: dict[str, Any] = json.loads(text)
    return header, -(-(len(start) + length) // PAGE) * PAGE


def write(path: Path, arrays: Mapping[str, Array], about: Mapping[str, Any], *, late: Late = None) -> None:
    """Write a file: it appears complete or not at all. Raises OSError.

    late: spans of bytes that may be checked late.
    """
    places, at = {}, 0
    for name, array in arrays.items():
        places[name] = (array.dtype.str, list(array.shape), at)
        at = -(-(at + array.nbytes) // PAGE) * PAGE
    sums = _sums_of(list(arrays.values()), at)
    spans = [(places[name][2] + first, places[name][2] + end) for name, first, end in late or ()]
    header = {"about": dict(about), "arrays": places, "late": spans, "sums": sums, "size": 0}
    begin = PAGE
    while True:
        header["size"] = begin + at
        text = json.dumps(header).encode()
        needed = -(-(len(MAGIC) + 8 + len(text)) // PAGE) * PAGE
        if needed == begin:
            break
        begin = needed
    with whole_file(path) as draft, draft.open("wb") as file:
        file.write(MAGIC + len(text).to_bytes(4, "little") + zlib.crc32(text).to_bytes(4, "little") + text)
        for (_, _, place), array in zip(places.values(), arrays.values(), strict=True):
            file.seek(begin + place)
            file.write(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data)
        file.truncate(begin + at)


def _sums_of(arrays: list[Array], size: int) -> list[int]:
    """Return the checksum of every block of the arrays, each from a page on."""
    sums, held = [], bytearray()
    for array in arrays:
        flat = np.ascontiguousarray(array).reshape(-1).view(np.uint8)
        for start in range(0, len(flat), BLOCK):
            held += flat[start : start + BLOCK].tobytes()
            sums += _whole_blocks(held)
        held += bytes(-len(held) % PAGE)
        sums += _whole_blocks(held)
    if held:
        sums.append(_sum(np.frombuffer(held, dtype=np.uint8)))
    assert len(sums) == -(-size // BLOCK)
    return sums


def _whole_blocks(held: bytearray) -> list[int]:
    """Take the blocks that are complete from the front of some bytes, and return their checksums."""
    sums = []
    while len(held) >= BLOCK:
        sums.append(_sum(np.frombuffer(bytes(held[:BLOCK]), dtype=np.uint8)))
        del held[:BLOCK]
    return sums


def _sum(block: NDArray[np.uint8]) -> int:
    """Return a checksum of a block: the CRC-32 of the sums of its columns of numbers, ten times as fast as its own."""
    return zlib.crc32(block.view("<u8").reshape(-1, LINE).sum(axis=0).data)


def _blocks_within(spans: Sequence[tuple[int, int]], size: int) -> frozenset[int]:
    """Return the blocks of a body of so many bytes that lie within spans of it as a whole; none if they are few."""
    within = [range(-(-max(first, 0) // BLOCK), min(end, size) // BLOCK) for first, end in spans]
    return frozenset(chain(*within)) if sum(map(len, within)) * BLOCK > SMALL else frozenset()


def _array(body: NDArray[np.uint8], kind: str, shape: list[int], at: int) -> Array:
    if kind not in KINDS or any(type(size) is not int or size < 0 for size in (*shape, at)):
        raise ValueError("not what we write")
    count = int(np.prod(shape, dtype=object)) * np.dtype(kind).itemsize if shape else np.dtype(kind).itemsize
    if at + count > len(body):
        raise ValueError("beyond the file")
    return body[at : at + count].view(kind).reshape(shape)
