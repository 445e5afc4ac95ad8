"""SQLite's file format read page by page: the rows of a database that SQLite itself gives up.

Every leaf of a table tells its rows without the pages above it, so that a row is lost only with its own bytes. See
https://www.sqlite.org/fileformat2.html; of the log (WAL) everything counts that was committed and has its checksum.
"""

from __future__ import annotations

import mmap
import struct
from collections.abc import Iterator
from pathlib import Path

from twinlens.collection.store.records import (
    Data,
    Record,
    check_size,
    cut,
    decode_record,
    decode_varint,
    local_size,
    signed,
)
from twinlens.collection.store.seeking import places

MAGIC = b"SQLite format 3\0"
LEAF = 13
"""The first byte of a page that holds rows of a table."""
_OTHERS = {2: 12, 5: 12, 10: 8}
"""The first byte of a page of an index, or above the leaves of a table → bytes of its header."""
_ABOVE = (2, 5)
"""The first byte of pages that point at other pages."""
_HEADER, _FRAME = 32, 24
_TELLING = 5
"""Values in a record from which on noise is not taken for it, wherever it lies."""


class Pages:
    """The pages of a database file as its log left them. size: bytes per page; reserved: those at its end, unused."""

    def __init__(self, path: Path, size: int, reserved: int = 0) -> None:
        self._data = _mapped(path)
        self.size, self.usable = size, size - reserved
        log = path.with_name(f"{path.name}-wal")
        self._logged = dict(_log_pages(log.read_bytes(), size)) if log.is_file() else {}
        self.count = max(-(-len(self._data) // size), *self._logged, 0, 0)
        self._overflow = set[int]()
        first = self.page(1)
        is_whole = len(self._data) % size == 0 and int.from_bytes(first[28:32], "big") == self.count
        free = self._free_pages(first) if is_whole and first.startswith(MAGIC) else None
        linked = self._linked(first, free) if free else set[int]()
        self.knows_free = free is not None and not free & linked
        """True while it is known which pages held what was deleted, and no row was read outside a whole page."""
        self._free = (free or set[int]()) - linked

    def close(self) -> None:
        """Unmap the file, which Windows does not let anyone replace before; nothing can be read after."""
        if isinstance(self._data, mmap.mmap):
            self._data.close()

    def rows(self) -> Iterator[tuple[int, Record]]:
        """Yield the key and the values of every row of every table that can be read."""
        unread, read = dict[int, int](), set[tuple[int, int]]()
        for key, record in self.whole(unread):
            read.add((key, len(record)))
            yield key, record
        for start, end in self._stretches(unread):
            for key, record in self._strewn(start, min(end, len(self._data))):
                self.knows_free = self.knows_free and (key, len(record)) in read
                yield key, record

    def whole(self, unread: dict[int, int]) -> Iterator[tuple[int, Record]]:
        """Yield the rows that the headers of pages tell; note pages that may have more, and from which byte."""
        for number in range(1, self.count + 1):
            if number not in self._free:
                cells, left = self._leaf(self.page(number), 100 if number == 1 else 0)
                if left is not None and number not in self._logged:
                    unread[number] = left
                yield from cells

    def _stretches(self, unread: dict[int, int]) -> list[tuple[int, int]]:
        """Return from and to which bytes of the file rows may lie; a row may begin in one page and end in the next."""
        joined = list[tuple[int, int]]()
        for number, left in unread.items():
            if number in self._overflow:
                continue
            start, end = (number - 1) * self.size + left, number * self.size
            if number > 1 and number - 1 not in unread and not left:
                start -= self.size - self._last(self.page(number - 1))
            if joined and joined[-1][1] == start:
                start, _ = joined.pop()
            joined.append((start, end))
        return joined

    def _last(self, page: bytes) -> int:
        """Return the place of the last cell of a page of rows; 0 for others, since bytes of rows may lie in them."""
        return max(self._pointed_at(page, 0, 8), default=0) if page[0] == LEAF else 0

    def page(self, number: int) -> bytes:
        """Return a page; what is missing of it is 0."""
        if number in self._logged:
            return self._logged[number]
        return self._data[(number - 1) * self.size : number * self.size].ljust(self.size, b"\0")

    def _leaf(self, page: bytes, start: int) -> tuple[list[tuple[int, Record]], int | None]:
        """Return the rows of a page, and the byte from which on it may have more, since its header is damaged or a row.

        Its first byte, its pointers and their number may be damaged: if the cells, laid end to end, fill what is not
        free, they are the rows, whatever else it says. Deleted rows lie in what is free.
        """
        laid_out = self._laid_out(page, start)
        if laid_out is not None and (laid_out or page[start] == LEAF):
            return [cell for place in laid_out if (cell := self._cell(page, place))], None
        pointed_at = self._pointed_at(page, start, 8) if self._fits(page, start, 8) else []
        cells = [cell for place in pointed_at if (cell := self._cell(page, place))]
        if 2 * len(cells) > len(pointed_at):
            (content,) = struct.unpack_from(">H", page, start + 5)
            return cells, None if len(cells) == len(pointed_at) else int(content)
        is_other = page[start] in _OTHERS and self._fits(page, start, _OTHERS[page[start]])
        return (cells, 0) if page[start] == LEAF else ([], None if is_other else 0)

    def _fits(self, page: bytes, start: int, header: int) -> bool:
        """Tell whether a page's header agrees with its pointers."""
        (content,) = struct.unpack_from(">H", page, start + 5)
        places = self._pointed_at(page, start, header)
        begin = start + header + 2 * len(places)
        return bool(places) and begin <= int(content or 65536) <= min(places) <= max(places) < self.usable

    def _pointed_at(self, page: bytes, start: int, header: int) -> list[int]:
        """Read the places of a page's cells from its pointers."""
        (cells,) = struct.unpack_from(">H", page, start + 3)
        number = min(int(cells), (self.size - start - header) // 2)
        return list(struct.unpack_from(f">{number}H", page, start + header))

    def _laid_out(self, page: bytes, start: int) -> list[int] | None:
        """Find the places of a page's cells from where its content starts; None unless all fits to its end."""
        block, _, content, fragments = struct.unpack_from(">HHHB", page, start + 1)
        place, places = int(content or 65536), list[int]()
        while place < self.usable:
            if place == block and block + 4 <= self.usable:
                block, size = struct.unpack_from(">HH", page, place)
                place += max(int(size), 4)
            elif (size := self._cell_size(page, place, self.usable)) and self._cell(page, place):
                places.append(place)
                place += size
            elif fragments:  # a byte or two or three between cells, too few for a block of their own
                fragments, place = fragments - 1, place + 1
            else:
                return None
        return places if place == self.usable and not fragments and not block else None

    def _strewn(self, start: int, end: int) -> list[tuple[int, Record]]:
        """Find rows in bytes that no header tells about, such as those of pages that were moved; the last one first.

        A record of few values counts only beside another row. A row that none follows may have lost bytes, so that the
        next one begins inside it. The rows of a page are written from its end on: of two versions of a row the one
        nearer to the end is the current one.
        """
        found, expected, passed = list[tuple[int, Record]](), -1, start
        for place in places(self._data, start, end):
            while expected >= passed and expected < place:  # a row beside the one before, whatever it begins with
                passed, expected = self._take(found, expected, end, True)
            if place >= passed:
                passed, expected = self._take(found, place, end, place == expected)
        return found[::-1]

    def _take(self, found: list[tuple[int, Record]], place: int, end: int, beside: bool) -> tuple[int, int]:
        """Add the row at a place, if any; return where the next one may begin at the earliest, and where beside it."""
        size = self._cell_size(self._data, place, end)
        cell = self._cell(self._data, place) if size else None
        followed = bool(size and cell and self._cell(self._data, place + size))
        if cell and (beside or followed or len(cell[1]) >= _TELLING):
            found.append(cell)
        return (place + size, place + size) if size and followed else (place + 1, -1)

    def _cell_size(self, page: Data, place: int, end: int) -> int | None:
        """Count the bytes of a cell on its own page; None where it cannot be one."""
        try:
            length, at = decode_varint(page, place)
            _, at = decode_varint(page, at)
        except IndexError:
            return None
        local = local_size(length, self.usable)
        size = max(at - place + local + (4 if local < length else 0), 4)
        return size if place + size <= end else None

    def _cell(self, page: Data, place: int) -> tuple[int, Record] | None:
        """Return key and values of a row; None where its cell is damaged, while others need not be."""
        try:
            length, at = decode_varint(page, place)
            key, at = decode_varint(page, at)
            return signed(key), decode_record(self._payload(page, at, length))
        except (IndexError, ValueError, struct.error):
            return None

    def _payload(self, page: Data, at: int, length: int) -> bytes:
        """Return the bytes of a cell, those on overflow pages too."""
        if length > self.count * self.size:
            raise ValueError("a cell larger than the file")
        check_size(page, at, length)
        local = local_size(length, self.usable)
        if local == length:
            return cut(page, at, length)
        parts, left = [cut(page, at, local)], length - local
        (number,) = struct.unpack_from(">I", page, at + local)
        passed = list[int]()
        while left > 0:
            if not 0 < number <= self.count:
                raise ValueError("the rest of a cell is lost")
            passed.append(number)
            page = self.page(number)
            (number,) = struct.unpack_from(">I", page)
            parts.append(page[4 : min(self.usable, 4 + left)])
            left -= len(parts[-1])
        self._overflow.update(passed)
        return b"".join(parts)

    def _linked(self, first: bytes, free: set[int]) -> set[int]:
        """Return the pages that others point at, those of the list of free pages left out: they are in use."""
        found = {
            record[3] for _, record in self._leaf(first, 100)[0] if len(record) == 5 and isinstance(record[3], int)
        }
        for number in set(range(1, self.count + 1)) - free:
            page, start = self.page(number), 100 if number == 1 else 0
            if page[start] in _ABOVE and self._fits(page, start, 12):
                pointers = [start + 8, *self._pointed_at(page, start, 12)]
                found.update(int.from_bytes(page[place : place + 4], "big") for place in pointers)
        return found

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


def read_pages(path: Path, *, default: int) -> Pages:
    """Read a database by the page size of its header or, where more rows are found so, by the default one."""
    layouts = dict.fromkeys((_layout(path) or (default, 0), (default, 0)))
    candidates = [Pages(path, *layout) for layout in layouts]
    return max(candidates, key=lambda pages: sum(1 for _ in pages.whole({})) if len(candidates) > 1 else 0)


def _layout(path: Path) -> tuple[int, int] | None:
    """Return the page size and the bytes reserved on each page by the header of a database; None where it has none."""
    with path.open("rb") as file:
        first = file.read(100)
    if not first.startswith(MAGIC) or len(first) < 100:
        return None
    size = int.from_bytes(first[16:18], "big")
    size = 65536 if size == 1 else size
    return (size, first[20]) if size >= 512 and size & (size - 1) == 0 else None


def _mapped(path: Path) -> bytes | mmap.mmap:
    with path.open("rb") as file:
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) if path.stat().st_size else b""


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
