"""Pictures that other programs show: damage beside the pixels costs no picture, and damage of the pixels does."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from twinlens.media import images
from twinlens.media.captions import inside

RED, BLUE = (220, 20, 20), (20, 20, 220)
ORIENTATION, RATIONAL = 0x112, struct.pack("<II", 1, 1)
MISTYPED = {
    "a resolution that is text": (0x11A, 2, 3, b"72\0"),
    "a unit that is text": (0x128, 2, 2, b"2\0"),
    "a maker that is a number": (0x10F, 5, 1, RATIONAL),
    "a width below zero": (0x100, 9, 1, b"\xff" * 4),
    "a date that is a fraction": (0x132, 5, 1, RATIONAL),
    "a kind that does not exist": (0x10E, 77, 1, b"abcd"),
}
"""Tags of EXIF: number, kind, count, value."""


def noise(size=(64, 48)) -> Image.Image:
    return Image.fromarray(np.random.default_rng(0).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8))


def encoded(picture: Image.Image, kind: str, **how) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, kind, **how)
    return buffer.getvalue()


def tiff(entries, order="<", *, sub=()) -> bytes:
    """An EXIF block: one directory, and the one of the camera's own tags below it where there are such."""
    mark = (b"II" if order == "<" else b"MM") + struct.pack(order + "HI", 42, 8)
    if not sub:
        return mark + directory(entries, order, 8)
    at = 8 + len(directory([*entries, (0x8769, 4, 1, bytes(4))], order, 8))
    pointed = [*entries, (0x8769, 4, 1, struct.pack(order + "I", at))]
    return mark + directory(pointed, order, 8) + directory(sub, order, at)


def directory(entries, order, at) -> bytes:
    after = at + 2 + 12 * len(entries) + 4
    head, data = struct.pack(order + "H", len(entries)), b""
    for tag, kind, count, value in sorted(entries):
        place = value.ljust(4, b"\0") if len(value) <= 4 else struct.pack(order + "I", after + len(data))
        data += b"" if len(value) <= 4 else value + bytes(len(value) % 2)
        head += struct.pack(order + "HHI", tag, kind, count) + place
    return head + bytes(4) + data


def with_exif(path, block, picture=None):
    path.write_bytes(encoded(picture or noise(), "JPEG", quality=95, exif=b"Exif\0\0" + block))
    return path


def halves() -> Image.Image:
    """Red above, blue below: what is turned by orientation 6 has red on the right."""
    picture = Image.new("RGB", (40, 20), RED)
    picture.paste(BLUE, (0, 10, 40, 20))
    return picture


@pytest.mark.parametrize("what", MISTYPED)
def test_a_mistyped_tag_beside_an_orientation_costs_nothing(tmp_path, what):
    turned = (ORIENTATION, 3, 1, struct.pack("<H", 6))
    path = with_exif(tmp_path / "a.jpg", tiff([turned, MISTYPED[what]]), halves())
    loaded = images.load(path)
    assert loaded.size == (20, 40) and inside(path)[0] == (20, 40)
    assert loaded.getpixel((16, 20))[0] > 150 and loaded.getpixel((3, 20))[2] > 150
    assert images.load(loaded).size == (20, 40)  # it is turned once


@pytest.mark.parametrize("how", [{}, {"progressive": True}, {"subsampling": 0}, {"restart_marker_blocks": 2}])
@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
def test_a_jpeg_without_its_last_marker_is_read(tmp_path, how, mode):
    data = encoded(noise().convert(mode), "JPEG", **how)
    (tmp_path / "whole.jpg").write_bytes(data)
    (tmp_path / "a.jpg").write_bytes(data[:-2])
    (tmp_path / "b.jpg").write_bytes(data[:-1])
    for near in (None, (10, 10)):
        whole, *cut = (np.asarray(images.load(tmp_path / name, near=near)) for name in ("whole.jpg", "a.jpg", "b.jpg"))
        assert all(np.array_equal(whole, one) for one in cut)


@pytest.mark.parametrize("lost", [40, 200, 1000])
def test_a_jpeg_without_some_of_its_pixels_is_refused(tmp_path, lost):
    data = encoded(noise(), "JPEG", quality=95)
    for end in (b"", b"\xff"):
        (tmp_path / "a.jpg").write_bytes(data[:-lost] + end)
        with pytest.raises(images.BadPicture, match="truncated"):
            images.load(tmp_path / "a.jpg")


def chunk(kind: bytes, data: bytes, *, good: bool = True) -> bytes:
    check = zlib.crc32(kind + data) ^ (not good)
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", check)


@pytest.mark.parametrize("place", ["before", "after"])
@pytest.mark.parametrize(
    "odd",
    [
        chunk(b"tEXt", b"Comment\0hello", good=False),
        chunk(b"iTXt", b"workflow\0\1\0\0\0" + zlib.compress(b"x" * 2_000_000)),
        chunk(b"zTXt", b"workflow\0\0" + zlib.compress(b"x" * 2_000_000)),
        chunk(b"zTXt", b"workflow\0\0no zlib"),
        chunk(b"iCCP", b"profile\0\0" + zlib.compress(b"x" * 2_000_000)),
        chunk(b"iCCP", b"profile\0\7"),
    ],
    ids=["checksum", "long", "long and packed", "not packed", "big profile", "odd profile"],
)
def test_texts_and_profiles_of_a_png_cost_no_picture(tmp_path, odd, place):
    data, picture = encoded(noise(), "PNG"), noise()
    at = data.index(b"IDAT" if place == "before" else b"IEND") - 4
    (tmp_path / "a.png").write_bytes(data[:at] + odd + data[at:])
    assert np.array_equal(np.asarray(images.load(tmp_path / "a.png")), np.asarray(picture))
    assert inside(tmp_path / "a.png")[0] == picture.size


def test_damage_of_the_pixels_is_not_hidden_by_that_of_a_text(tmp_path):
    info = PngImagePlugin.PngInfo()
    info.add_text("Comment", "hello")
    data = bytearray(encoded(noise(), "PNG", pnginfo=info))
    data[data.index(b"IDAT") + 500] ^= 0xFF
    (tmp_path / "a.png").write_bytes(data)
    with pytest.raises(images.BadPicture, match="damaged"):
        images.load(tmp_path / "a.png")
    (tmp_path / "b.png").write_bytes(data[:1000])
    with pytest.raises(images.BadPicture, match=r"truncated|damaged"):
        images.load(tmp_path / "b.png")


# Texts within files --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["Käsefest in Zürich", "東京の夜", "plain", "vue d\u2019été"])
def test_a_description_in_utf8_is_read_as_such(tmp_path, text):
    data = text.encode() + b"\0"
    path = with_exif(tmp_path / "a.jpg", tiff([(0x10E, 2, len(data), data)]))
    assert inside(path)[1].text == text


def test_a_description_in_latin1_is_read_too(tmp_path):
    data = "Käse".encode("latin-1") + b"\0"
    assert inside(with_exif(tmp_path / "a.jpg", tiff([(0x10E, 2, len(data), data)])))[1].text == "Käse"


@pytest.mark.parametrize("text", ["a red boat on the lake", "лодка на озере", "ボートとみずうみ"])
@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("written", ["utf-16-le", "utf-16-be", "utf-16"])
def test_a_users_comment_is_read_in_the_order_that_makes_sense(tmp_path, text, order, written):
    data = b"UNICODE\0" + text.encode(written)
    path = with_exif(tmp_path / "a.jpg", tiff([], order, sub=[(0x9286, 7, len(data), data)]))
    assert inside(path)[1].text == text
