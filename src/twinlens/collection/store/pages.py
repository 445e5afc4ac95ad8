"""SQLite's file format read page by page: the rows of a database that SQLite itself gives up.

Every leaf of a table tells its rows without the pages above it, so that a row is lost only with its own page. See
https://www.sqlite.org/fileformat2.html; of the log (WAL) everything counts that was committed and has its checksum.
"""

from __future__ import annotations

import mmap
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import TypeAlias

Value: TypeAlias = "int | float | str | bytes | None"
Record: TypeAlias = "tuple[Value, ...]"

MAGIC = b"SQLite format 3\0"
LEAF = 13
"""The first byte of a page that holds rows of a table."""
OF_INDEXES = (2, 10)
"""The first byte of a page of an index."""
_HEADER, _FRAME = 32, 24
_INTEGERS = {1: 1, 2: 2, 3: 3, 4: 4, 5: 6, 6: 8}
"""Kind of a value in a record → bytes of the integer."""


class Pages:
    """The pages of a database file as its log left them. default: bytes per page where the header does not tell."""

    def __init__(self, path: Path, *, default: int) -> None:
        self._data = _mapped(path)
        self.size = _page_size(self._data) or default
        log = path.with_name(f"{path.name}-wal")
        self._logged = dict(_log_pages(log.read_bytes(), self.size)) if log.is_file() else {}
        self.count = max(-(-len(self._data) // self.size), *self._logged, 0, 0)
        first = self.page(1)
        self.usable = self.size - (first[20] if first.startswith(MAGIC) else 0)
        free = self._free_pages(first) if first.startswith(MAGIC) else None
        self.knows_free = free is not None
        """Whether it is known which pages hold what was deleted."""
        self._free = free or set[int]()

    def rows(self) -> Iterator[tuple[int, Record]]:
        """Yield the key and the values of every row of every table that can be read."""
        for number in range(1, self.count + 1):
            if number not in self._free:
                yield from self._leaf(self.page(number), 100 if number == 1 else 0)

    def page(self, number: int) -> bytes:
        """Return a page; what is missing of it is 0."""
        if number in self._logged:
            return self._logged[number]
        return self._data[(number - 1) * self.size : number * self.size].ljust(self.size, b"\0")

    def _leaf(self, page: bytes, start: int) -> Iterator[tuple[int, Record]]:
        """Yield the rows of a page; of one whose first byte is damaged if all that it has are whole.

        Its pointers and their number may be damaged too: if the cells, laid end to end, fill what is not free, they
        are the rows, whatever the pointers say. Deleted rows lie in what is free.
        """
        if page[start] in OF_INDEXES:
            return
        places = self._laid_out(page, start)
        cells = [self._cell(page, place) for place in (self._pointed_at(page, start) if places is None else places)]
        if page[start] == LEAF or (cells and all(cells)):
            yield from (cell for cell in cells if cell)

    def _pointed_at(self, page: bytes, start: int) -> list[int]:
        """Read the places of a page's cells from its pointers."""
        (cells,) = struct.unpack_from(">H", page, start + 3)
        count = min(int(cells), (self.size - start - 8) // 2)
        return list(struct.unpack_from(f">{count}H", page, start + 8))

    def _laid_out(self, page: bytes, start: int) -> list[int] | None:
        """Find the places of a page's cells from where its content starts; None unless all fits to its end."""
        block, _, content, fragments = struct.unpack_from(">HHHB", page, start + 1)
        place, places = int(content or 65536), list[int]()
        while place < self.usable:
            if place == block and block + 4 <= self.usable:
                block, size = struct.unpack_from(">HH", page, place)
                place += max(int(size), 4)
            elif (size := self._cell_size(page, place)) is not None and self._cell(page, place):
                places.append(place)
                place += size
            elif fragments:  # a byte or two or three between cells, too few for a block of their own
                fragments, place = fragments - 1, place + 1
            else:
                return None
        return places if place == self.usable and not fragments and not block else None

    def _cell_size(self, page: bytes, place: int) -> int | None:
        """Count the bytes of a cell on its own page; None where it cannot be one."""
        try:
            length, at = _varint(page, place)
            _, at = _varint(page, at)
        except IndexError:
            return None
        local = _local(length, self.usable)
        size = max(at - place + local + (4 if local < length else 0), 4)
        return size if place + size <= self.usable else None

    def _cell(self, page: bytes, place: int) -> tuple[int, Record] | None:
        """Return key and values of a row; None where its cell is damaged, while others need not be."""
        try:
            length, at = _varint(page, place)
            key, at = _varint(page, at)
            return _signed(key), _record(self._payload(page, at, length))
        except (IndexError, ValueError, struct.error):
            return None

    def _payload(self, page: bytes, at: int, length: int) -> bytes:
        """Return the bytes of a cell, those on overflow pages too."""
        if length > self.count * self.size:
            raise ValueError("a cell larger than the file")
        local = _local(length, self.usable)
        if local == length:
            return _cut(page, at, length)
        parts, left = [_cut(page, at, local)], length - local
        (next_page,) = struct.unpack_from(">I", page, at + local)
        while left > 0:
            if not 0 < next_page <= self.count:
                raise ValueError("the rest of a cell is lost")
            page = self.page(next_page)
            (next_page,) = struct.unpack_from(">I", page)
            parts.append(page[4 : min(self.usable, 4 + left)])
            left -= len(parts[-1])
        return b"".join(parts)

    def _free_pages(self, first: bytes) -> set[int] | None:
        """Return the numbers of pages that hold what was deleted; None where their list is damaged."""
        free = set[int]()
        trunk, count = struct.unpack_from(">2I", first, 32)
        while trunk:
            if trunk > self.count or trunk in free:
                return None
            free.add(trunk)
            trunk, leaves, *numbers = struct.unpack(f">{self.size // 4}I", self.page(trunk))
            if leaves > len(numbers):
                return None
            free.update(numbers[:leaves])
        return free if len(free) == count and free <= set(range(2, self.count + 1)) else None


def _mapped(path: Path) -> bytes | mmap.mmap:
    with path.open("rb") as file:
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) if path.stat().st_size else b""


def _page_size(data: bytes | mmap.mmap) -> int | None:
    if data[:16] != MAGIC or len(data) < 100:
        return None
    (size,) = struct.unpack_from(">H", data, 16)
    size = 65536 if size == 1 else size
    return size if size >= 512 and size & (size - 1) == 0 else None


def _log_pages(log: bytes, size: int) -> Iterator[tuple[int, bytes]]:
    """Yield number and content of the committed pages of a log, as far as its checksums hold."""
    if len(log) < _HEADER:
        return
    magic, _, page_size, _, *salts = struct.unpack_from(">6I", log)
    order = {0x377F0682: "<", 0x377F0683: ">"}.get(magic)
    sums = _checksum(log[:24], order, (0, 0)) if order else (0, 0)
    if not order or page_size != size or sums != struct.unpack_from(">2I", log, 24):
        return
    pending: dict[int, bytes] = {}
    for at in range(_HEADER, len(log) - _FRAME - size + 1, _FRAME + size):
        number, committed, *rest = struct.unpack_from(">6I", log, at)
        page = log[at + _FRAME : at + _FRAME + size]
        sums = _checksum(page, order, _checksum(log[at : at + 8], order, sums))
        if rest != [*salts, *sums]:
            return
        pending[number] = page
        if committed:
            yield from pending.items()
            pending.clear()


def _checksum(data: bytes, order: str, sums: tuple[int, int]) -> tuple[int, int]:
    first, second = sums
    for left, right in struct.iter_unpack(f"{order}2I", data):
        first = (first + left + second) & 0xFFFFFFFF
        second = (second + right + first) & 0xFFFFFFFF
    return first, second


def _local(length: int, usable: int) -> int:
    """Count the bytes of a cell of this length that are on its own page."""
    if length <= usable - 35:
        return length
    least = (usable - 12) * 32 // 255 - 23
    most = least + (length - least) % (usable - 4)
    return most if most <= usable - 35 else least


def _record(payload: bytes) -> Record:
    """Decode the values of a row. Raises ValueError or IndexError for what is none."""
    header, at = _varint(payload, 0)
    body, kinds = header, list[int]()
    while at < header:
        kind, at = _varint(payload, at)
        kinds.append(kind)
    values = list[Value]()
    for kind in kinds:
        value, body = _value(payload, body, kind)
        values.append(value)
    if body != len(payload):
        raise ValueError("not a record")
    return tuple(values)


def _value(payload: bytes, at: int, kind: int) -> tuple[Value, int]:
    if kind == 0:
        return None, at
    if kind in (8, 9):
        return kind - 8, at
    if kind == 7:
        (number,) = struct.unpack_from(">d", payload, at)
        return float(number), at + 8
    if kind in _INTEGERS:
        size = _INTEGERS[kind]
        return int.from_bytes(_cut(payload, at, size), "big", signed=True), at + size
    if kind < 12:
        raise ValueError("a kind of value that there is not")
    size = (kind - 12) // 2
    data = _cut(payload, at, size)
    return (data.decode("utf-8") if kind % 2 else data), at + size


def _cut(data: bytes, at: int, size: int) -> bytes:
    part = data[at : at + size]
    if len(part) != size:
        raise IndexError("beyond the end")
    return part


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """Decode an integer of 1 to 9 bytes, and return it with the place behind it."""
    value = 0
    for n in range(8):
        byte = data[at + n]
        value = value << 7 | byte & 0x7F
        if byte < 0x80:
            return value, at + n + 1
    return value << 8 | data[at + 8], at + 9


def _signed(value: int) -> int:
    return value - 2**64 if value >= 2**63 else value
