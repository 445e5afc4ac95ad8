"""Pictures in memory: bytes and arrays."""

from __future__ import annotations

import io
import pickle
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.pictures import png
from twinlens.core.types import TwinlensError
from twinlens.media import images, sources
from twinlens.media.memory import as_picture, from_array


@pytest.mark.parametrize(("channels", "mode"), [((3,), "RGB"), ((4,), "RGBA"), ((1,), "L"), ((), "L")])
def test_pixels_stay_as_they_are(channels, mode):
    pixels = np.random.default_rng(0).integers(0, 256, (5, 7, *channels), dtype=np.uint8)
    image = from_array(pixels)
    assert image.mode == mode and image.size == (7, 5)
    assert np.array_equal(np.asarray(image).reshape(pixels.shape), pixels)


def test_a_view_is_taken_as_it_looks():
    pixels = np.arange(60, dtype=np.uint8).reshape(4, 5, 3)[::-1, ::-1]
    assert np.array_equal(np.asarray(from_array(pixels)), pixels)


@pytest.mark.parametrize(
    ("given", "line"),
    [
        (np.zeros((2, 2, 3)), r"must be uint8, 0 to 255, not float64; give \(255 \* array\)\.round\(\)\.astype"),
        (np.zeros((2, 2, 3), dtype=np.int64), r"must be uint8, 0 to 255, not int64; give array\.astype"),
        (np.zeros((2, 2), dtype=bool), "not bool"),
        (np.zeros((3, 8, 9), dtype=np.uint8), r"not \(3, 8, 9\); give array\.transpose\(1, 2, 0\)"),
        (np.zeros((2, 8, 9, 3), dtype=np.uint8), r"\(H, W, 3\), \(H, W, 4\) or \(H, W, 1\), not \(2, 8, 9, 3\)$"),
        (np.zeros((8, 9, 2), dtype=np.uint8), r"not \(8, 9, 2\)$"),
        (np.zeros(8, dtype=np.uint8), r"not \(8,\)$"),
        (np.zeros((0, 9, 3), dtype=np.uint8), r"the shape \(0, 9, 3\) has none"),
        (b"", "a picture of no bytes"),
    ],
)
def test_what_holds_no_pixels_is_one_line(given, line):
    with pytest.raises(TwinlensError, match=line):
        as_picture(given)


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_bytes_are_decoded_as_the_file_is(tmp_path, kind):
    (tmp_path / "a.png").write_bytes(png(1))
    picture = as_picture(kind(png(1)))
    assert picture.digest == sources.content_hash(tmp_path / "a.png")
    for one in (picture, pickle.loads(pickle.dumps(picture))):
        assert np.array_equal(np.asarray(images.load(one)), np.asarray(images.load(tmp_path / "a.png")))


def test_bytes_of_no_picture_are_one_line():
    with pytest.raises(images.BadPicture, match=r"^the picture in memory: is no picture that can be read"):
        images.load(as_picture(b"bytes"))


def test_what_is_a_picture_already_stays_and_text_is_a_path():
    image = Image.open(io.BytesIO(png(2)))
    assert as_picture(image) is image and as_picture("a.png") == Path("a.png")
