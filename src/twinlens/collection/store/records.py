"""SQLite's records decoded: the values of one row from its bytes.

See https://www.sqlite.org/fileformat2.html#record_format.
"""

from __future__ import annotations

import mmap
import struct
from typing import TypeAlias

Value: TypeAlias = "int | float | str | bytes | None"
Record: TypeAlias = "tuple[Value, ...]"
Data: TypeAlias = "bytes | mmap.mmap"

_INTEGERS = {1: 1, 2: 2, 3: 3, 4: 4, 5: 6, 6: 8}
"""Kind of a value in a record → bytes of the integer."""


def local_size(length: int, usable: int) -> int:
    """Count the bytes of a cell of this length that are on its own page."""
    if length <= usable - 35:
        return length
    least = (usable - 12) * 32 // 255 - 23
    most = least + (length - least) % (usable - 4)
    return most if most <= usable - 35 else least


def check_size(data: Data, at: int, size: int) -> None:
    """Raise ValueError or IndexError unless a record has this size by its header."""
    header, place = decode_varint(data, at)
    left, end = size - header, at + header
    while place < end and left >= 0:
        kind, place = decode_varint(data, place)
        left -= _value_size(kind)
    if place != end or left:
        raise ValueError("not a record")


def _value_size(kind: int) -> int:
    if kind >= 12:
        return (kind - 12) // 2
    if kind in (10, 11):
        raise ValueError("a kind of value that there is not")
    return _INTEGERS.get(kind, 8 if kind == 7 else 0)


def decode_record(payload: bytes) -> Record:
    """Decode the values of a row. Raises ValueError or IndexError for what is none."""
    header, at = decode_varint(payload, 0)
    body, kinds = header, list[int]()
    while at < header:
        kind, at = decode_varint(payload, at)
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
        return int.from_bytes(cut(payload, at, size), "big", signed=True), at + size
    size = _value_size(kind)
    data = cut(payload, at, size)
    return (data.decode("utf-8") if kind % 2 else data), at + size


def cut(data: Data, at: int, size: int) -> bytes:
    """Return so many bytes. Raises IndexError where there are fewer."""
    part = data[at : at + size]
    if len(part) != size:
        raise IndexError("beyond the end")
    return part


def decode_varint(data: Data, at: int) -> tuple[int, int]:
    """Decode an integer of 1 to 9 bytes, and return it with the place behind it."""
    value = 0
    for n in range(8):
        byte = data[at + n]
        value = value << 7 | byte & 0x7F
        if byte < 0x80:
            return value, at + n + 1
    return value << 8 | data[at + 8], at + 9


def signed(value: int) -> int:
    """Read an integer of 64 bits as a signed one."""
    return value - 2**64 if value >= 2**63 else value
