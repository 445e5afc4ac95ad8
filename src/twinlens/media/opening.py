"""Opening of pictures by their content, also where what surrounds the pixels is damaged."""

from __future__ import annotations

import hashlib
import importlib
import io
import struct
import zlib
from typing import BinaryIO

import numpy as np
from PIL import Image

from twinlens.media import formats

FORMATS = formats.pillow_names()
DAMAGE = (
    *(OSError, EOFError, SyntaxError, ValueError, TypeError, AttributeError, LookupError, ArithmeticError),
    *(MemoryError, RuntimeError, struct.error, zlib.error),
)
"""Exceptions of Pillow on damaged files: its parsers trust the bytes that they read."""
_PNG, _JPEG, _END_OF_IMAGE = b"\x89PNG\r\n\x1a\n", b"\xff\xd8", b"\xff\xd9"
_BESIDE_PIXELS = (b"tEXt", b"zTXt", b"iTXt", b"iCCP")
"""Chunks of a PNG with texts and the colour profile: no pixel depends on them here."""
_NOISE = [bytes([first, 0x6D, 0xB2]) * 1000 for first in (0x17, 0x55, 0xA3, 0xE4)]
"""Bits that go on as 00, 01, 10 and 11: one of them may be the code that ends a block, but not all."""


class MissingDecoder(OSError):  # noqa: N818 - it names what is missing
    """A picture of a known format that nothing here decodes; the message says what would."""


def open_image(file: BinaryIO, name: str = "") -> Image.Image:
    """Open a picture of a format of the table; the pixels of most are read later.

    name: the file's, where the content alone does not tell the format. A PNG whose texts or profile are damaged, or
    longer than Pillow reads, is opened without them. Raises one of `DAMAGE`, of which MissingDecoder and
    UnidentifiedImageError, and DecompressionBombError as Pillow does.
    """
    file.seek(0)
    row = formats.of_content(file.read(formats.HEAD), name)
    file.seek(0)
    if row is not None and (row.module or not row.is_read):
        return _open_by(row, file)
    try:
        return Image.open(file, formats=FORMATS)
    except DAMAGE:
        bare = without_texts(file)
        if bare is None:
            raise
        return bare


def _open_by(row: formats.Format, file: BinaryIO) -> Image.Image:
    """Open a picture by the decoder of its format, which is loaded now."""
    if not formats.is_installed(row):
        raise MissingDecoder(f"is {row.name}: {formats.cure(row)}")
    if row.decoder:
        opened: Image.Image = importlib.import_module(f"twinlens.media.decoders.{row.decoder}").open_picture(file)
        return opened
    plugin = importlib.import_module(row.module)
    if hasattr(plugin, "register_heif_opener"):
        plugin.register_heif_opener()
    return Image.open(file, formats=row.pillow)


def without_texts(file: BinaryIO) -> Image.Image | None:
    """Open a PNG without its texts and profile; None for other files, and where it has none."""
    bare = _bare(file)
    return None if bare is None else Image.open(bare, formats=FORMATS)


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
    return Image.open(io.BytesIO(data + _END_OF_IMAGE), formats=FORMATS)


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
