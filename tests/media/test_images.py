from __future__ import annotations

import io
import os
import struct
import threading
import warnings
import zlib
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests import unprivileged
from twinlens.core.types import TwinlensError
from twinlens.media import finding, formats, images

RED, GREEN, BLUE = (220, 20, 20), (20, 200, 20), (20, 20, 220)


def halves(size=(40, 20)) -> Image.Image:
    """Red on the left, blue on the right."""
    picture = Image.new("RGB", size, RED)
    picture.paste(BLUE, (size[0] // 2, 0, *size))
    return picture


def saved(tmp_path, picture, name, **options):
    path = tmp_path / name
    picture.save(path, **options)
    return path


def close(picture, spot, colour, tolerance=12) -> bool:
    return max(abs(a - b) for a, b in zip(picture.getpixel(spot), colour, strict=True)) <= tolerance


def huge_png(path, side=60_000):
    """A valid header of side × side pixels and hardly any data, so that only its refusal is fast."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(99))))
    return path


@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.webp", "a.gif", "a.bmp", "a.tif"])
def test_every_common_format_gives_the_same_picture(tmp_path, name):
    loaded = images.load(saved(tmp_path, halves(), name, quality=95))
    assert (loaded.mode, loaded.size) == ("RGB", (40, 20))
    assert close(loaded, (5, 10), RED) and close(loaded, (35, 10), BLUE)


def test_the_content_decides_not_the_name(tmp_path):
    path = saved(tmp_path, halves(), "a.png").rename(tmp_path / "a.jpg")
    assert images.load(path).size == (40, 20)


@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.webp", "a.tif"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_pictures_stand_upright_once(tmp_path, name, orientation):
    upright = halves()
    undo = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}  # orientation → the transposition that a camera would have made
    stored = upright if orientation == 1 else upright.transpose(Image.Transpose(undo[orientation]))
    exif = Image.Exif()
    exif[0x0112] = orientation
    loaded = images.load(saved(tmp_path, stored, name, exif=exif, quality=95))
    assert loaded.size == (40, 20) and close(loaded, (5, 10), RED) and close(loaded, (35, 10), BLUE)
    assert images.load(loaded).size == (40, 20)


def test_damaged_exif_does_not_cost_the_picture(tmp_path):
    path = saved(
        tmp_path, halves(), "a.jpg", exif=b"Exif\x00\x00" + b"MM\x00\x2a\x00\x00\x00\x08\xff\xff" + b"\x01" * 9
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert images.load(path).size == (40, 20)


@pytest.mark.parametrize("mode", ["RGBA", "LA", "PA"])
def test_transparency_is_laid_on_white(mode):
    clear = Image.new("RGBA", (4, 4), (0, 0, 0, 0)).convert(mode)
    clear.putalpha(0)  # Pillow 11 makes an opaque PA of it
    assert images.load(clear).getpixel((1, 1)) == (255, 255, 255)
    half = Image.new("RGBA", (4, 4), (0, 0, 0, 128))
    assert close(images.load(half), (1, 1), (127, 127, 127), 1)


def test_a_transparent_palette_colour_becomes_white(tmp_path):
    picture = Image.new("P", (4, 4), 0)
    picture.putpalette([10, 10, 10, 200, 0, 0])
    picture.putpixel((2, 2), 1)
    loaded = images.load(saved(tmp_path, picture, "a.png", transparency=0))
    assert loaded.getpixel((0, 0)) == (255, 255, 255) and loaded.getpixel((2, 2)) == (200, 0, 0)


def test_an_opaque_alpha_channel_changes_nothing():
    noise = np.random.default_rng(0).integers(0, 256, (9, 9, 3), dtype=np.uint8)
    opaque = np.dstack([noise, np.full((9, 9), 255, dtype=np.uint8)])
    assert np.array_equal(np.asarray(images.load(Image.fromarray(opaque))), noise)


def test_sixteen_bits_keep_their_scale(tmp_path):
    grey = np.array([[0, 257 * 100, 65535]], dtype=np.uint16)
    loaded = np.asarray(images.load(saved(tmp_path, Image.fromarray(grey), "a.png")))
    assert loaded[0].tolist() == [[0] * 3, [100] * 3, [255] * 3]


def test_floats_are_stretched_over_their_range_and_survive_nan():
    values = np.array([[-1.0, 0.0, 1.0, np.nan]], dtype=np.float32)
    assert np.asarray(images.load(Image.fromarray(values)))[0, :, 0].tolist() == [0, 128, 255, 128]


@pytest.mark.parametrize("mode", ["CMYK", "YCbCr", "HSV"])
def test_other_colour_spaces_become_rgb(mode):
    assert close(images.load(Image.new("RGB", (4, 4), GREEN).convert(mode)), (1, 1), GREEN, 6)


def test_cmyk_jpeg(tmp_path):
    assert close(images.load(saved(tmp_path, halves().convert("CMYK"), "a.jpg", quality=95)), (5, 10), RED, 16)


@pytest.mark.parametrize("name", ["a.gif", "a.webp", "a.png", "a.tif", "a.mpo"])
def test_the_first_frame_counts(tmp_path, name):
    frames = [Image.new("RGB", (8, 8), colour) for colour in (RED, GREEN, BLUE)]
    path = saved(tmp_path, frames[0], name, save_all=True, append_images=frames[1:], lossless=True)
    assert close(images.load(path), (4, 4), RED)


def test_near_decodes_less_but_never_below(tmp_path):
    path = saved(tmp_path, halves((1600, 800)), "a.jpg")
    assert images.load(path, near=(224, 112)).size == (400, 200)
    assert images.load(path, near=(1000, 500)).size == (1600, 800)
    exif = Image.Exif()
    exif[0x0112] = 6
    turned = saved(tmp_path, halves((1600, 800)), "b.jpg", exif=exif)
    assert images.load(turned, near=(400, 800)).size == (400, 800)


def truncated(path):
    whole = io.BytesIO()
    Image.effect_noise((200, 200), 50).save(whole, "JPEG")
    path.write_bytes(whole.getvalue()[: len(whole.getvalue()) // 2])


BAD = {
    "truncated": truncated,
    "text": lambda path: path.write_text("no picture"),
    "empty": Path.touch,
    "huge": huge_png,
    "folder": Path.mkdir,
    "pipe": os.mkfifo,
    "loop": lambda path: path.symlink_to(path),
    "missing": lambda path: None,
    "postscript": lambda path: path.write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n"),
}


def bad(tmp_path, kind):
    path = tmp_path / f"{kind}.png"
    BAD[kind](path)
    return path


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("truncated", "truncated"),
        ("text", "no picture that can be read"),
        ("empty", "empty"),
        ("huge", "more than 178,956,970 pixels"),
        ("folder", "not a file"),
        ("pipe", "not a file"),
        ("loop", "cannot be read"),
        ("missing", "No such file"),
        ("postscript", "no picture that can be read"),
    ],
)
def test_a_bad_picture_is_one_line_that_names_it(tmp_path, kind, reason):
    path = bad(tmp_path, kind)
    with pytest.raises(images.BadPicture) as caught:
        images.load(path)
    line = str(caught.value)
    assert line.startswith(f"{path}: ") and reason in line and "\n" not in line


def test_a_file_without_permission():
    with unprivileged.home() as home:

        def body():
            path = saved(home, halves(), "a.png")
            path.chmod(0)
            with pytest.raises(images.BadPicture, match="Permission denied"):
                images.load(path)

        unprivileged.run(body)


def test_limits(tmp_path):
    path = saved(tmp_path, halves(), "a.png")
    with pytest.raises(images.BadPicture, match=r"40×20 pixels, more than 799"):
        images.load(path, max_pixels=799)
    with pytest.raises(images.BadPicture, match="bytes, more than 10"):
        images.load(path, max_bytes=10)
    with pytest.raises(images.BadPicture, match="in memory"):
        images.load(halves(), max_pixels=799)
    assert images.load(path, max_pixels=800).size == (40, 20)


def test_mutated_pictures_are_read_or_refused(tmp_path):
    """Whatever happens to the bytes, the answer is a picture or BadPicture, and no warning."""
    rng = np.random.default_rng(0)
    seeds = []
    for kind in ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF"):
        whole = io.BytesIO()
        halves().save(whole, kind)
        seeds.append(whole.getvalue())
    refused = 0
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for n in range(600):
            data = bytearray(seeds[n % len(seeds)])
            for spot in rng.integers(min(len(data), 200), size=rng.integers(1, 12)):
                data[spot] = rng.integers(256)
            try:
                assert images.decode(io.BytesIO(bytes(data)), "it").mode == "RGB"
            except images.BadPicture as error:
                refused += "\n" not in str(error)
    assert 100 < refused < 600


def test_overlapping_threads_leave_the_warning_filters_as_they_were(tmp_path):
    path = saved(tmp_path, halves((400, 400)), "a.png")
    with warnings.catch_warnings():
        before = list(warnings.filters)
        threads = [threading.Thread(target=lambda: [images.load(path) for _ in range(20)]) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert warnings.filters == before


def test_a_function_that_draws(tmp_path):
    assert images.load(halves).size == (40, 20)


def test_find_is_sorted_recursive_and_ends_on_loops(tmp_path):
    for name in ("b.JPG", "sub/a.png", "sub/deep/c.webp", "notes.txt", ".hidden.png", ".cache/d.png"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "sub" / "loop").symlink_to(tmp_path, target_is_directory=True)
    elsewhere = tmp_path.parent / f"{tmp_path.name}-elsewhere"
    elsewhere.mkdir()
    (elsewhere / "e.png").touch()
    (tmp_path / "link").symlink_to(elsewhere, target_is_directory=True)
    found = [path.relative_to(tmp_path).as_posix() for path in finding.find(tmp_path)]
    assert found == ["b.JPG", "link/e.png", "sub/a.png", "sub/deep/c.webp"]


def test_find_says_what_is_wrong(tmp_path):
    with pytest.raises(TwinlensError, match="there is no folder"):
        finding.find(tmp_path / "nowhere")
    (tmp_path / "file").touch()
    with pytest.raises(TwinlensError, match="is not a folder"):
        finding.find(tmp_path / "file")
    with pytest.raises(TwinlensError, match="no pictures"):
        finding.find(tmp_path)


def test_pictures_that_are_not_read_are_counted(tmp_path, monkeypatch):
    for name in ("a.HEIC", "sub/b.heic", "c.NEF", "d.txt", ".e.heic"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    monkeypatch.setattr(formats, "find_spec", lambda module: None)
    formats.is_installed.cache_clear()
    cure = r"install what reads it: pip install 'twinlens"
    with pytest.raises(
        TwinlensError, match=rf"; passed over 2 \.heic: {cure}\[heif\]'; passed over 1 \.nef: {cure}\[raw"
    ):
        finding.find(tmp_path)
    (tmp_path / "g.svg").touch()
    with pytest.raises(TwinlensError, match=r"; passed over 1 \.svg: such pictures are not read, convert"):
        finding.find(tmp_path)
    (tmp_path / "g.svg").unlink()
    (tmp_path / "f.png").touch()
    passed = Counter()
    assert finding.find(tmp_path, passed=passed) == [tmp_path / "f.png"] and passed == {".heic": 2, ".nef": 1}
    formats.is_installed.cache_clear()
