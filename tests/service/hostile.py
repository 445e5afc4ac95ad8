"""Files that are sent to hurt: bombs, damage, lies about kinds, and forms that are wrong; drawn from a seed."""

from __future__ import annotations

import io
import random
import struct
import zlib
from collections.abc import Callable, Iterator

from PIL import Image

HEADS = (
    b"\xff\xd8\xff\xe0\0\x10JFIF\0",
    b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR",
    b"GIF89a\xff\xff\xff\xff\xf7\0\0",
    b"RIFF\xff\xff\xff\x7fWEBPVP8L",
    b"II*\0\x08\0\0\0\xff\xff",
    b"MM\0*\0\0\0\x08\xff\xff",
    b"II+\0\x08\0\0\0",
    b"BM\xff\xff\xff\x7f\0\0\0\0",
    b"8BPS\0\x01\0\0\0\0\0\0\0\x03\xff\xff\xff\xff",
    b"\0\0\0\x1cftypavif",
    b"\0\0\0\x1cftypheic",
    b"\0\0\0\x1cftypmp42",
    b"\0\0\0\x1cftypcrx ",
    b"\0\0\0\x0cjP  \r\n\x87\n",
    b"\xff\x4f\xff\x51\0\x2f",
    b"\0\0\0\x0cJXL \r\n\x87\n",
    b"\xff\x0a\xff\xff",
    b"\x1aE\xdf\xa3\xff",
    b"PK\x03\x04",
    b"%PDF-1.7\n",
    b"%!PS-Adobe-3.0 EPSF-3.0\n",
    b"<svg xmlns='http://www.w3.org/2000/svg'><image href='file:///etc/passwd'/></svg>",
    b"<!DOCTYPE x [<!ENTITY a SYSTEM 'file:///etc/passwd'>]><svg>&a;</svg>",
    b"#!/bin/sh\ncat /etc/passwd\n",
    b"",
)
KINDS = ("PNG", "JPEG", "GIF", "WEBP", "TIFF", "BMP", "JPEG2000", "PPM", "ICO")
NAMES = ("a.png", "../../../../etc/passwd", "/etc/passwd", "a\\..\\b.jpg", "x" * 5000, "", "a\n.png", "ü☃.gif", "a.svg")


def picture(rng: random.Random, kind: str) -> bytes:
    """A sound picture."""
    image = Image.effect_noise((rng.randint(1, 90), rng.randint(1, 90)), 80).convert(rng.choice(["RGB", "L"]))
    file = io.BytesIO()
    image.save(file, kind)
    return file.getvalue()


def flipped(rng: random.Random) -> bytes:
    """A picture with some bytes changed."""
    data = bytearray(picture(rng, rng.choice(KINDS)))
    for _ in range(rng.randint(1, 30)):
        data[rng.randrange(len(data))] = rng.randrange(256)
    return bytes(data)


def cut(rng: random.Random) -> bytes:
    """A picture whose end is missing, or has been replaced by noise."""
    data = picture(rng, rng.choice(KINDS))
    at = rng.randrange(len(data))
    return data[:at] + (rng.randbytes(len(data) - at) if rng.random() < 0.5 else b"")


def noise(rng: random.Random) -> bytes:
    """Noise behind the beginning of some format."""
    return rng.choice(HEADS) + rng.randbytes(rng.randint(0, 3000))


def bomb(rng: random.Random) -> bytes:
    """A PNG of little data and very many pixels, or of a text that unpacks to very much."""
    width, height = rng.choice([(60_000, 60_000), (13_000, 13_000), (9_000, 9_000), (2**31 - 1, 1), (1, 99_000)])
    chunks = [_chunk(b"IHDR", struct.pack(">IIBBBBB", width & 0x7FFFFFFF, height, 8, 0, 0, 0, 0))]
    if rng.random() < 0.5:
        chunks.append(_chunk(b"zTXt", b"Comment\0\0" + zlib.compress(bytes(50_000_000))))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        [*chunks, _chunk(b"IDAT", zlib.compress(bytes(2_000_000))), _chunk(b"IEND", b"")]
    )


def frames(rng: random.Random) -> bytes:
    """A GIF of very many frames on a large canvas."""
    file, images = io.BytesIO(), [Image.new("P", (8, 8), n) for n in range(rng.randint(50, 300))]
    images[0].save(file, "GIF", save_all=True, append_images=images[1:])
    data = bytearray(file.getvalue())
    data[6:10] = struct.pack("<HH", rng.choice([8, 9000, 65535]), rng.choice([8, 9000, 65535]))
    return bytes(data)


def circle(rng: random.Random) -> bytes:
    """A TIFF whose directories lead in a circle, or to far beyond its end."""
    tags, kinds = (256, 257, 273, 279, 34665, 34853, 330), (3, 4, 13)
    counts, places = (1, 2**20, 2**31), (8, 2**31, 2**32 - 1)
    entries = [struct.pack("<HHII", *map(rng.choice, (tags, kinds, counts, places))) for _ in range(9)]
    return b"II*\0\x08\0\0\0" + struct.pack("<H", len(entries)) + b"".join(entries) + struct.pack("<I", 8)


def large(rng: random.Random) -> bytes:
    """More bytes than the test's service takes."""
    return picture(rng, "PNG") + bytes(rng.randint(2**20, 2**21))


KIND_OF_FILE: tuple[Callable[[random.Random], bytes], ...] = (
    *(flipped, cut, noise) * 3,
    *(bomb, frames, circle, large),
    lambda rng: picture(rng, rng.choice(KINDS)),
)


def files(count: int, seed: int = 0) -> Iterator[tuple[str, bytes]]:
    """Yield names and contents of files."""
    rng = random.Random(seed)
    for _ in range(count):
        yield rng.choice(NAMES), rng.choice(KIND_OF_FILE)(rng)


def forms(rng: random.Random) -> tuple[str, bytes]:
    """A content type and a body that is no sound form."""
    part = b'--b\r\nContent-Disposition: form-data; name="image"; filename="a"\r\n\r\n' + rng.randbytes(50)
    bodies = (
        part,
        b"",
        b"--b--",
        b"--b\r\n" * 5000,
        part.replace(b"form-data", b"attachment"),
        b"--b\r\nContent-Disposition: form-data\r\n\r\nx\r\n--b--\r\n",
        b"".join(b'--b\r\nContent-Disposition: form-data; name="text"\r\n\r\na\r\n' for _ in range(500)) + b"--b--\r\n",
        b"".join(part + b"\r\n" for _ in range(50)) + b"--b--\r\n",
        b'--b\r\nContent-Disposition: form-data; name="request"\r\n\r\n' + b"[" * 100_000 + b"\r\n--b--\r\n",
        b'--b\r\nContent-Disposition: form-data; name="request"\r\n\r\n{"k": 1e999}\r\n--b--\r\n',
        b"--b\r\n" + b"x" * 100_000 + b": y\r\n\r\n",
        rng.randbytes(2000),
    )
    kinds = ("multipart/form-data; boundary=b", "multipart/form-data", "multipart/form-data; boundary=" + "b" * 300)
    return rng.choice(kinds if rng.random() < 0.3 else kinds[:1]), rng.choice(bodies)


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
