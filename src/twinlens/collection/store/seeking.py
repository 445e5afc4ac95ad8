"""Places in bytes where a row may begin: found by arithmetic on whole arrays, since most bytes begin none."""

from __future__ import annotations

import mmap
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

BLOCK = 2**22
"""Bytes that are looked at together."""
_AHEAD = 64
"""Bytes behind a place that decide whether it is one: the sizes of cell and header, and the first kind."""
_FEW, _REST = 8, 16
"""Most bytes in the header and in the other values of a record whose first value is a text or a blob."""


def places(data: bytes | mmap.mmap, start: int, end: int) -> Iterator[int]:
    """Yield the places from `start` to `end` where a table's cell may begin, in their order.

    A cell begins with the sizes of its record (at most three bytes) and its key; the record with the size of its
    header, not longer than itself, and the kind of its first value: none, or a text or a blob that fills nearly all.
    """
    for begin in range(start, end, BLOCK):
        stop = min(begin + BLOCK, end)
        block = np.frombuffer(data[begin : min(stop + _AHEAD, end)].ljust(stop - begin + _AHEAD, b"\xff"), np.uint8)
        yield from (begin + np.flatnonzero(_may_begin(block, stop - begin))).tolist()


def _may_begin(block: NDArray[np.uint8], count: int) -> NDArray[np.bool_]:
    """Test the first bytes of a block (count,)."""
    last = len(block) - 1
    ends = _ends(block)
    sized = ends[:count]
    digits = sized - np.arange(count) + 1
    length = _value(block, np.arange(count), digits)
    header_at = np.minimum(ends[np.minimum(sized + 1, last)] + 1, last - 2)
    header = block[header_at].astype(np.int64)
    kind = _value(block, header_at + 1, ends[header_at + 1] - header_at)
    rest = length - header - (kind - 12) // 2
    is_first = (kind == 0) | ((kind >= 12) & (header <= _FEW) & (rest >= 0) & (rest <= _REST))
    found: NDArray[np.bool_] = (digits <= 3) & (header >= 2) & (header < 0x80) & (header <= length) & is_first
    return found


def _ends(block: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Return for each byte where an integer that begins there has its last byte, the first below 0x80."""
    indexes = np.where(block < 0x80, np.arange(len(block)), len(block) - 1)
    found: NDArray[np.int64] = np.minimum.accumulate(indexes[::-1])[::-1]
    return found


def _value(block: NDArray[np.uint8], at: NDArray[np.int64], digits: NDArray[np.int64]) -> NDArray[np.int64]:
    """Decode integers of one to three bytes; those of more are taken for three."""
    value = np.zeros(len(at), dtype=np.int64)
    for n in range(3):
        byte = block[np.minimum(at + n, len(block) - 1)].astype(np.int64) & 0x7F
        value = np.where(n < digits, value << 7 | byte, value)
    return value
