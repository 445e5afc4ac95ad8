from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from twinlens.core.cache import ArrayCache
from twinlens.core.types import TwinlensError
from twinlens.media import content
from twinlens.media.content import HashedPicture
from twinlens.media.images import BadPicture

ARRAYS = {"points": np.ones((2, 2), np.float32), "none": np.zeros((0, 128), np.uint8)}


def test_a_key_is_the_content_and_not_the_name(tmp_path):
    picture = Image.new("RGB", (4, 4), "red")
    for name in ("a.png", "b.png"):
        picture.save(tmp_path / name)
    assert content.key(tmp_path / "a.png") == content.key(tmp_path / "b.png")
    assert content.key(picture) == content.key(picture.copy) != content.key(Image.new("RGB", (4, 4), "blue"))
    assert content.key(Image.new("RGB", (2, 8), "red")) != content.key(picture)
    assert content.key(HashedPicture(picture, b"known")) == b"known"


def test_a_file_that_cannot_be_read_is_a_bad_picture(tmp_path):
    with pytest.raises(BadPicture, match=r"missing\.png"):
        content.key(tmp_path / "missing.png")


def test_notes_are_read_back_by_name_and_key(tmp_path):
    array_cache = ArrayCache(tmp_path, "sift")
    assert array_cache.read(b"one") is None
    array_cache.write(b"one", ARRAYS)
    known = ArrayCache(tmp_path, "sift").read(b"one")
    assert known.keys() == ARRAYS.keys()
    assert all(np.array_equal(known[name], ARRAYS[name]) for name in ARRAYS)
    assert ArrayCache(tmp_path, "other").read(b"one") is None
    assert array_cache.read(b"two") is None


def test_a_damaged_note_counts_as_none(tmp_path):
    array_cache = ArrayCache(tmp_path, "sift")
    array_cache.write(b"one", ARRAYS)
    (file,) = tmp_path.rglob("*.safetensors")
    file.write_bytes(file.read_bytes()[:20])
    assert array_cache.read(b"one") is None


def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(TwinlensError, match="file"):
        ArrayCache(tmp_path / "file", "sift").write(b"one", ARRAYS)
