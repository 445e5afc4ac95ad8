"""Thousands of damaged pictures beside good ones: no crash, no hang, every good one found, every bad one listed.

TWINLENS_MUTATED=100000 mutates as many as one likes.
"""

from __future__ import annotations

import io
import os
import struct
import sys
import time
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.mean_color import MeanColor
from twinlens.collection import Collection
from twinlens.collection.ingest import Limits, Options
from twinlens.media import formats

COUNT = int(os.environ.get("TWINLENS_MUTATED", "5000"))
MEMORY = 2**29


def noise(mode: str, size: tuple[int, int] = (24, 18)) -> Image.Image:
    rng = np.random.default_rng(len(mode))
    if mode == "I;16":
        return Image.fromarray(rng.integers(0, 65535, size[::-1], dtype=np.uint16))
    return Image.fromarray(rng.integers(0, 255, (size[1], size[0], 4), dtype=np.uint8), "RGBA").convert(mode)


def written(kind: str, mode: str = "RGB", **how) -> bytes:
    buffer = io.BytesIO()
    noise(mode).save(buffer, kind, **how)
    return buffer.getvalue()


def rotated() -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112], exif[0x010E] = 6, "on the phone"
    return exif


MORE = {"save_all": True, "append_images": [noise("RGB"), noise("L").convert("RGB")]}
SEEDS: dict[str, bytes] = {
    "photo.jpg": written("JPEG"),
    "phone.jpg": written("JPEG", exif=rotated()),
    "progressive.jpeg": written("JPEG", progressive=True),
    "cmyk.jpg": written("JPEG", "CMYK"),
    "grey.jpg": written("JPEG", "L"),
    "two.mpo": written("MPO", **MORE),
    "plain.png": written("PNG"),
    "sixteen.png": written("PNG", "I;16"),
    "clear.png": written("PNG", "RGBA"),
    "palette.png": written("PNG", "P"),
    "moving.png": written("PNG", **MORE),
    "moving.gif": written("GIF", **MORE),
    "plain.webp": written("WEBP"),
    "moving.webp": written("WEBP", **MORE),
    "plain.bmp": written("BMP"),
    "deflated.tiff": written("TIFF", compression="tiff_adobe_deflate"),
    "cmyk.tif": written("TIFF", "CMYK"),
    "sixteen.tif": written("TIFF", "I;16"),
    "jpeg-within.png": written("JPEG"),
    "png-within.jpg": written("PNG"),
    **({"plain.avif": written("AVIF")} if ".avif" in formats.endings() else {}),
}
"""Good pictures of every kind; the last ones carry the wrong ending, which says nothing of their content."""


def flipped(data: bytearray, rng: np.random.Generator) -> None:
    for spot in rng.integers(len(data), size=rng.integers(1, 16)):
        data[spot] ^= 1 << rng.integers(8)


def header_lies(data: bytearray, rng: np.random.Generator) -> None:
    for spot in rng.integers(min(len(data), 64), size=rng.integers(1, 6)):
        data[spot] = rng.integers(256)


def cut(data: bytearray, rng: np.random.Generator) -> None:
    del data[rng.integers(1, len(data)) :]


def blanked(data: bytearray, rng: np.random.Generator) -> None:
    start = rng.integers(len(data))
    data[start : start + 200] = bytes(len(data[start : start + 200]))


def stretched(data: bytearray, rng: np.random.Generator) -> None:
    """Numbers that are sizes, and whatever else stands there, become enormous."""
    at = int(rng.integers(min(len(data), 200) - 4))
    data[at : at + 4] = rng.choice([b"\xff\xff\xff\x7f", b"\x7f\xff\xff\xff", b"\x00\x00\xff\xff", b"\xff\xff\xff\xff"])


def shuffled(data: bytearray, rng: np.random.Generator) -> None:
    a, b = sorted(rng.integers(len(data), size=2))
    data[a:b] = data[a:b][::-1]


MUTATIONS: tuple[Callable[[bytearray, np.random.Generator], None], ...] = (
    *(flipped, header_lies, cut, blanked, stretched, shuffled),
)


def bomb(side: int) -> bytes:
    """A PNG of a few hundred bytes that says that it is this large, and inflates to a part of it."""
    body = zlib.compress(bytes(10**7), 9)
    chunks = (b"IHDR" + struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0), b"IDAT" + body, b"IEND")
    packed = (struct.pack(">I", len(c) - 4) + c + struct.pack(">I", zlib.crc32(c)) for c in chunks)
    return b"\x89PNG\r\n\x1a\n" + b"".join(packed)


def spoil(folder: Path) -> set[Path]:
    """What is bad for other reasons than its bytes; returns the pictures."""
    files = {name: folder / name for name in ("zero.jpg", "bomb.png", "large.png", "text.jpg", "tar.png")}
    files["zero.jpg"].touch()
    files["bomb.png"].write_bytes(bomb(65_000))
    files["large.png"].write_bytes(bomb(13_000))  # few enough pixels to be tried, and too few bytes for them
    files["text.jpg"].write_text("<svg>no picture</svg>")
    files["tar.png"].write_bytes(bytes(10_240))
    files["folder"] = folder / "folder.png"
    files["folder"].mkdir()
    del files["folder"]  # a folder is looked into, whatever its name
    files["odd"] = folder / os.fsdecode(b"\xff\xfe odd\n\t\x1b[31m.png")
    files["odd"].write_bytes(b"\x89PNG\r\n\x1a\n")
    files["pipe"] = folder / "pipe.png"
    os.mkfifo(files["pipe"])
    for name, target in {"nowhere": "gone.png", "self": "self.png", "device": "/dev/zero"}.items():
        files[name] = folder / f"{name}.png"
        files[name].symlink_to(target)
    (folder / "loop").symlink_to(folder)
    if os.geteuid() != 0:
        files["secret"] = folder / "secret.png"
        files["secret"].write_bytes(SEEDS["plain.png"])
        files["secret"].chmod(0)
    return set(files.values())


@pytest.mark.skipif(sys.platform != "linux", reason="makes pipes, and counts memory as Linux does")
def test_thousands_of_bad_pictures_cost_a_line_each(tmp_path):
    import resource

    folder, rng = tmp_path.resolve() / "p", np.random.default_rng(0)
    for n in range(COUNT):
        name, data = list(SEEDS)[n % len(SEEDS)], bytearray(list(SEEDS.values())[n % len(SEEDS)])
        MUTATIONS[n % len(MUTATIONS)](data, rng)
        part = folder / f"{n // 500:03}"
        part.mkdir(parents=True, exist_ok=True)
        (part / f"{n:06}-{name}").write_bytes(data)
    bad, good = spoil(folder), set()
    for n, (name, data) in enumerate(SEEDS.items()):
        path = folder / f"{n % 5:03}" / os.fsdecode(b"good \xe4\xb8\x80 \xff " + name.encode())
        path.write_bytes(data)
        good.add(path)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    limits = Limits(seconds=10, memory=MEMORY)
    with Collection.create(tmp_path / "c", MeanColor(), load=MeanColor.load) as collection:
        started = time.monotonic()
        report = collection.add(folder, options=Options(workers=2, limits=limits))
        assert time.monotonic() - started < 60 + COUNT / 20  # no hang: not a measurement
        listed = [path for paths in report.failures.values() for path in paths]
        found = {hit.sample.image for hit in collection.search(text="x", k=2 * COUNT)}
        assert report.found == len(found) + len(listed) == COUNT + len(bad) + len(good)
        assert good <= found and bad <= set(listed) and len(set(listed)) == len(listed)
        assert COUNT / 3 < len(listed) < COUNT  # both happen a lot
        assert not any("\n" in reason or str(folder) in reason for reason in report.failures)
        assert collection.verify() == []
    now = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert (now - before) * 1024 < 2**27
    assert resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024 < now * 1024 + MEMORY
