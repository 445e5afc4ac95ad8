"""Durations of videos by the header of their container, without a decoder."""

from __future__ import annotations

import os
import stat
from typing import BinaryIO

MAX_BOXES = 64
"""Boxes of one level that are looked at; files of cameras have a handful."""
_UNKNOWN = (2**32 - 1, 2**64 - 1)
"""Durations that stand for an unknown one, in both versions of the header."""


def duration(path: str) -> float | None:
    """Return the seconds of a video by its movie header; None where it cannot be read or has none.

    ISO base media (ISO/IEC 14496-12, 8.2.2: `mvhd` in `moov`), and QuickTime's format, which that is taken from. Only
    the heads of boxes are read, wherever in the file they stand.
    """
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):  # noqa: PTH116 - opening a pipe would wait for its writer
            return None
        with open(path, "rb") as file:  # noqa: PTH123 - as `finding` opens files
            return _duration(file, os.fstat(file.fileno()).st_size)
    except (OSError, ValueError):
        return None


def _duration(file: BinaryIO, size: int) -> float | None:
    movie = _box(file, b"moov", 0, size)
    header = movie and _box(file, b"mvhd", *movie)
    if not header:
        return None
    file.seek(header[0])
    body = file.read(32)
    # Version 1 has times and the duration of 64 bits.
    at, width = (20, 8) if body[:1] == b"\1" else (12, 4)
    scale, units = (int.from_bytes(part, "big") for part in (body[at : at + 4], body[at + 4 : at + 4 + width]))
    return None if len(body) < at + 4 + width or not scale or units in _UNKNOWN else units / scale


def _box(file: BinaryIO, wanted: bytes, at: int, end: int) -> tuple[int, int] | None:
    """Return where the content of the first box of a kind begins and ends, between two offsets of a file."""
    for _ in range(MAX_BOXES):
        file.seek(at)
        head = file.read(16)
        if at + 8 > end or len(head) < 8:
            return None
        size, begins = int.from_bytes(head[:4], "big"), 8
        if size == 1:  # the size stands behind the kind, in 64 bits
            size, begins = int.from_bytes(head[8:], "big"), 16
        size = size or end - at  # 0: up to the end
        if size < begins:
            return None
        if head[4:8] == wanted:
            return at + begins, min(at + size, end)
        at += size
    return None
