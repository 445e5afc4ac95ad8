"""Every row of the table of formats: drawn, found, decoded upright, with its metadata; and mutated files of each."""

from __future__ import annotations

import os
import random
import struct
from collections import Counter

import numpy as np
import pytest
from PIL import Image

from tests.mean_color import MeanColor
from tests.media.rawfile import dng
from tests.pictures import draw
from twinlens.collection import Collection
from twinlens.collection.ingest import Options
from twinlens.media import finding, formats, images
from twinlens.media.captions import inside

RED, GREEN, BLUE = (250, 10, 10), (10, 160, 10), (10, 10, 250)
PICTURE = Image.fromarray(np.repeat(np.repeat(np.array([[RED, GREEN], [BLUE, BLUE]], np.uint8), 24, 0), 32, 1))
"""64 wide, 48 high: red and, to its right, green above blue."""
MUTANTS = int(os.environ.get("TWINLENS_MUTATED_FORMATS", "40"))
"""Damaged files of each kind."""
TURNS = {
    1: None,
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""Orientation → how a picture that is stored so is turned upright (EXIF 2.3, 4.6.4)."""


def tags(orientation=1) -> bytes:
    exif = Image.Exif()
    exif[0x0112], exif[0x010E], exif.get_ifd(0x8769)[0x9003] = orientation, "two boats", "2019:05:03 14:22:10"
    gps = exif.get_ifd(0x8825)
    gps[1], gps[2], gps[3], gps[4] = "N", (48.0, 30.0, 0.0), "E", (11.0, 0.0, 0.0)
    return exif.tobytes()


def heic(path, orientation=1):
    reason = "the extra heif is not installed"
    pytest.importorskip("pillow_heif", reason=reason).from_pillow(PICTURE).save(path, exif=tags(orientation))


def jxl(path, orientation=1):
    pytest.importorskip("pillow_jxl", reason="the extra jxl is not installed")
    PICTURE.save(path, exif=tags(orientation))


def raw(path, orientation=1):
    pytest.importorskip("rawpy", reason="the extra raw is not installed")
    path.write_bytes(dng(PICTURE, orientation))


def video(path, orientation=1):
    av = pytest.importorskip("av", reason="the extra video is not installed")
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=10)
        stream.width, stream.height, stream.pix_fmt, stream.gop_size = 64, 48, "yuv420p", 5
        container.metadata["creation_time"] = "2019-05-03T14:22:10.000000Z"
        for n in range(30):
            frame = av.VideoFrame.from_image(PICTURE if n >= 5 else Image.new("RGB", (64, 48), "white"))
            for packet in stream.encode(frame):
                container.mux(packet)
        for packet in stream.encode():
            container.mux(packet)


def jpeg2000(path, orientation=1):
    PICTURE.save(path, irreversible=False)


def psd(path, orientation=1):
    """Photoshop's format (Adobe, 2019): header, empty sections, and the composite, uncompressed, plane by plane."""
    planes = np.asarray(PICTURE).transpose(2, 0, 1).tobytes()
    head = struct.pack(">4sH6xHIIHH", b"8BPS", 1, 3, 48, 64, 8, 3)
    path.write_bytes(head + struct.pack(">III", 0, 0, 0) + struct.pack(">H", 0) + planes)


MAKERS = {"a.heic": heic, "a.jxl": jxl, "a.dng": raw, "a.mp4": video, "a.jp2": jpeg2000, "a.psd": psd}
DATED = {"a.heic", "a.jxl", "a.dng", "a.mp4"}


def close(image, at, color) -> bool:
    return max(abs(one - other) for one, other in zip(image.getpixel(at), color, strict=True)) < 12


@pytest.mark.parametrize("name", MAKERS)
def test_a_format_is_found_decoded_and_dated(tmp_path, name):
    MAKERS[name](tmp_path / name)
    assert finding.find(tmp_path) == [tmp_path / name]
    loaded, (size, carried) = images.load(tmp_path / name), inside(tmp_path / name)
    assert loaded.size == size == (64, 48) and loaded.mode == "RGB"
    assert close(loaded, (5, 5), RED) and close(loaded, (5, 43), BLUE)
    if name in DATED:
        assert carried.metadata["taken"].startswith("2019-05-03T14:22:10")


@pytest.mark.parametrize("name", ["a.heic", "a.jxl", "a.dng"])
@pytest.mark.parametrize("orientation", TURNS)
def test_a_format_is_upright(tmp_path, name, orientation):
    MAKERS[name](tmp_path / name, orientation)
    turn = TURNS[orientation]
    loaded, expected = images.load(tmp_path / name), PICTURE if turn is None else PICTURE.transpose(turn)
    assert loaded.size == inside(tmp_path / name)[0] == expected.size
    corners = [(x, y) for x in (4, loaded.width - 5) for y in (4, loaded.height - 5)]
    assert all(close(loaded, at, expected.getpixel(at)) for at in corners)


def test_a_heic_has_its_place(tmp_path):
    heic(tmp_path / "a.heic")
    carried = inside(tmp_path / "a.heic")[1]
    assert carried.text == "two boats" and carried.metadata["latitude"] == 48.5 and carried.metadata["longitude"] == 11


def test_a_format_whose_decoder_is_missing_is_told(tmp_path, monkeypatch):
    draw(tmp_path / "a.png", 1)
    (tmp_path / "b.heic").write_bytes(b"\0\0\0\x18ftypheic" + b"\0" * 40)
    monkeypatch.setattr(formats, "is_installed", lambda row: not row.module and row.is_read)
    passed = Counter()
    assert finding.find(tmp_path, passed=passed) == [tmp_path / "a.png"]
    assert finding.describe(passed) == ["passed over 1 .heic: install what reads it: pip install 'twinlens[heif]'"]
    with pytest.raises(images.BadPicture, match=r"is HEIC: install what reads it: pip install 'twinlens\[heif\]'"):
        images.load(tmp_path / "b.heic")


@pytest.mark.parametrize("name", MAKERS)
def test_damaged_files_cost_a_line_each_and_no_other_picture(tmp_path, name):
    good = tmp_path.resolve() / "p"
    for n in range(4):
        draw(good / f"{n}.png", n)
    MAKERS[name](tmp_path / name)
    data, rng = (tmp_path / name).read_bytes(), random.Random(0)
    for n in range(MUTANTS):
        (good / f"m{n}").with_suffix(f".{name.rpartition('.')[2]}").write_bytes(mutated(data, rng))
    with Collection.create(tmp_path / "c", MeanColor(), load=MeanColor.load) as collection:
        report = collection.add(good, options=Options(workers=2))
        assert report.added + report.failed == report.found == MUTANTS + 4
        assert {f"{n}.png" for n in range(4)} <= {e.path.name for e in collection.entries_with_vectors()[0]}
    assert not any("\n" in reason or "b'" in reason for reason in report.failures)


@pytest.mark.parametrize(("name", "reason"), [("a.heic", "begins as HEIC"), ("a.jxl", "is damaged"), ("a.dng", "is")])
def test_a_file_that_is_cut_off_is_told_by_its_kind(tmp_path, name, reason):
    MAKERS[name](tmp_path / name)
    (tmp_path / name).write_bytes((tmp_path / name).read_bytes()[:60])
    with pytest.raises(images.BadPicture, match=reason) as error:
        images.load(tmp_path / name)
    assert "known: JPEG" not in str(error.value) and "b'" not in str(error.value)


def mutated(data: bytes, rng: random.Random) -> bytes:
    """A copy with some bytes changed, or cut off, or with a part left out."""
    kind, at = rng.randrange(3), rng.randrange(len(data))
    if kind == 0:
        return data[:at]
    if kind == 1:
        return data[:at] + data[at + rng.randrange(1, 64) :]
    changed = bytearray(data)
    for _ in range(rng.randrange(1, 30)):
        changed[rng.randrange(len(changed))] = rng.randrange(256)
    return bytes(changed)


def test_twelve_bits_in_sixteen_are_bright(tmp_path):
    grey = np.array([[0, 2048, 4095]], dtype=np.uint16)
    Image.fromarray(grey).save(tmp_path / "a.png")
    assert np.asarray(images.load(tmp_path / "a.png"))[0, :, 0].tolist() == [0, 128, 255]
    Image.fromarray(np.array([[0, 100, 200]], dtype=np.uint16)).save(tmp_path / "b.png")  # black, in 16 bits
    assert np.asarray(images.load(tmp_path / "b.png")).max() <= 1


def test_every_ending_is_of_one_format():
    endings = [ending for row in formats.TABLE for ending in row.endings]
    assert len(endings) == len(set(endings)) and all(ending == ending.lower() for ending in endings)


def test_pictures_that_nothing_reads_are_counted(tmp_path):
    Image.new("RGB", (4, 4)).save(tmp_path / "a.png")
    for name in ("a.ppm", "a.pgm", "a.tga", "a.ico", "b.TGA"):
        Image.new("L" if "pgm" in name else "RGB", (16, 16)).save(tmp_path / name)
    passed = Counter[str]()
    assert finding.find(tmp_path, passed=passed) == [tmp_path / "a.png"]
    assert passed == {".ppm": 1, ".pgm": 1, ".tga": 2, ".ico": 1}
    (line,) = formats.cures(passed)
    assert line.startswith("passed over 1 .ico, 1 .pgm, 1 .ppm, 2 .tga: such pictures are")
