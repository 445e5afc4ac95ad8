"""A DNG as its description has it (Adobe, Digital Negative 1.4; TIFF 6.0, section 2), little-endian."""

from __future__ import annotations

import io
import struct

import numpy as np
from PIL import Image

CODES = {1: "B", 2: "B", 3: "H", 4: "I", 5: "ii", 7: "B", 10: "ii"}
"""Types of TIFF: bytes, text, 16 and 32 bits, and fractions."""
Entry = tuple[int, int, list[int] | bytes]


def directory(entries: list[Entry], at: int) -> bytes:
    """The bytes of a directory that stands at an offset, and of the values that do not fit into it."""
    extra = at + 2 + 12 * len(entries) + 4
    head, values = struct.pack("<H", len(entries)), b""
    for tag, kind, given in sorted(entries):
        code = CODES[kind]
        data = given if isinstance(given, bytes) else struct.pack(f"<{code * (len(given) // len(code))}", *given)
        count = len(given) // len(code)
        if len(data) > 4:
            place = struct.pack("<I", extra + len(values))
            values += data + b"\0" * (len(data) % 2)
        head += struct.pack("<HHI", tag, kind, count) + (data.ljust(4, b"\0") if len(data) <= 4 else place)
    return head + struct.pack("<I", 0) + values


def dng(preview: Image.Image, orientation: int = 1, taken: bytes = b"2019:05:03 14:22:10") -> bytes:
    """A JPEG preview in the first directory, a mosaic of 12 bits in 16 in a second one, and EXIF in a third."""
    buffer = io.BytesIO()
    preview.save(buffer, "JPEG", quality=92)
    jpeg, mosaic = buffer.getvalue(), np.full((96, 128), 2000, "<u2").tobytes()
    jpeg += b"\0" * (len(jpeg) % 2)
    places = dict.fromkeys(("first", "raw", "exif", "jpeg", "mosaic"), 0)
    for _ in range(2):  # once for the lengths, once with the offsets
        at, parts = 8, []
        for name, entries in _directories(preview, orientation, taken, len(jpeg), len(mosaic), places).items():
            places[name] = at
            data = directory(entries, at)
            parts.append(data + b"\0" * (len(data) % 2))
            at += len(parts[-1])
        places |= {"jpeg": at, "mosaic": at + len(jpeg)}
    return b"II*\0" + struct.pack("<I", 8) + b"".join(parts) + jpeg + mosaic


def _directories(preview, orientation, taken, jpeg, mosaic, places) -> dict[str, list[Entry]]:
    unit = [1, 1, 0, 1, 0, 1]
    first: list[Entry] = [
        *((254, 4, [1]), (256, 4, [preview.width]), (257, 4, [preview.height]), (258, 3, [8, 8, 8]), (259, 3, [7])),
        *((262, 3, [6]), (271, 2, b"Leica\0"), (272, 2, b"Leica Q2\0"), (273, 4, [places["jpeg"]])),
        *((274, 3, [orientation]), (277, 3, [3]), (278, 4, [preview.height]), (279, 4, [jpeg])),
        *((330, 4, [places["raw"]]), (34665, 4, [places["exif"]]), (50706, 1, [1, 4, 0, 0]), (50707, 1, [1, 1, 0, 0])),
        *((50708, 2, b"Leica Q2\0"), (50721, 10, [*unit, 0, 1, *unit, 0, 1, 1, 1]), (50778, 3, [21])),
        (50728, 5, [1, 1] * 3),
    ]
    raw: list[Entry] = [
        *((254, 4, [0]), (256, 4, [128]), (257, 4, [96]), (258, 3, [16]), (259, 3, [1]), (262, 3, [32803])),
        *((273, 4, [places["mosaic"]]), (277, 3, [1]), (278, 4, [96]), (279, 4, [mosaic])),
        *((33421, 3, [2, 2]), (33422, 1, [0, 1, 1, 2]), (50717, 4, [4095])),
    ]
    return {"first": first, "raw": raw, "exif": [(36867, 2, taken + b"\0")]}
