"""Mending of pictures whose pixels are whole and whose file is damaged around them."""

from __future__ import annotations

import hashlib
import io
import struct
import zlib
from typing import BinaryIO

import numpy as np
from PIL import Image

DAMAGE = (
    *(OSError, EOFError, SyntaxError, ValueError, TypeError, AttributeError, LookupError, ArithmeticError),
    *(MemoryError, RuntimeError, struct.error, zlib.error),
)
"""Exceptions of Pillow on damaged files: its parsers trust the bytes that they read."""
_PNG, _JPEG, _END_OF_IMAGE = b"\x89PNG\r\n\x1a\n", b"\xff\xd8", b"\xff\xd9"
_BESIDE_PIXELS = (b"tEXt", b"zTXt", b"iTXt", b"iCCP")
"""Chunks of a PNG with texts and the colour profile: no pixel depends on them here."""
_NOISE = (b"\x17\x6d\xb2" * 1000, b"\x55\x6d\xb2" * 1000, b"\xa3\x6d\xb2" * 1000, b"\xe4\x6d\xb2" * 1000)
"""Bits that go on as 00, 01, 10 and 11: one of them may be the code that ends a block, but not all."""


def without_texts(file: BinaryIO) -> Image.Image | None:
    """Open a PNG without its texts and profile; None for other files, and where it has none."""
    bare = _bare(file)
    return None if bare is None else Image.open(bare, formats=("PNG",))


def with_its_end(file: BinaryIO) -> Image.Image | None:
    """Open a JPEG that lacks its last marker alone; None for other files, and where pixels are missing too."""
    file.seek(0)
    if file.read(len(_JPEG)) != _JPEG:
        return None
    data = (_JPEG + file.read()).rstrip(b"\xff")  # half a marker
    # Where all blocks of pixels are there, what follows them changes none.
    found = {_digest(data + rest + _END_OF_IMAGE) for rest in (b"", *_NOISE)}
    if len(found) > 1 or None in found:
        return None
    return Image.open(io.BytesIO(data + _END_OF_IMAGE), formats=("JPEG",))


def _digest(data: bytes) -> bytes | None:
    """Hash a JPEG's pixels; None where they cannot be decoded."""
    try:
        with Image.open(io.BytesIO(data), formats=("JPEG",)) as image:
            return hashlib.blake2b(np.asarray(image).tobytes()).digest()
    except (*DAMAGE, Image.DecompressionBombError):
        return None


def _bare(file: BinaryIO) -> io.BytesIO | None:
    """Copy a PNG without its texts and profile; None for other files, and where it has none."""
    file.seek(0)
    if file.read(len(_PNG)) != _PNG:
        return None
    kept, dropped = io.BytesIO(), 0
    kept.write(_PNG)
    # Length (4 bytes), kind (4), data, and a checksum (4), by the PNG specification.
    while len(head := file.read(8)) == 8:
        length, kind = struct.unpack(">I4s", head)
        data = file.read(length + 4)
        if kind in _BESIDE_PIXELS:
            dropped += 1
        else:
            kept.write(head + data)
    kept.seek(0)
    return kept if dropped else None
