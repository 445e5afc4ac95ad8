"""Files of indexes: whole or refused, whatever happened to their bytes."""

from __future__ import annotations

import random

import numpy as np
import pytest

from tests.damage import damaged
from twinlens.indexes import _file
from twinlens.indexes._file import DamagedIndexError, IndexFile, write


@pytest.fixture
def arrays():
    rng = np.random.default_rng(0)
    return {
        "labels": rng.integers(0, 9, 500),
        "weights": rng.standard_normal((7, 30)).astype(np.float32),
        "bias": rng.standard_normal(3),
        "nothing": np.empty((0, 4), dtype=np.float32),
        "codes": rng.integers(0, 255, (3000, 16)).astype(np.uint8),
    }


@pytest.fixture
def small_blocks(monkeypatch):
    monkeypatch.setattr(_file, "BLOCK", 2 * _file.PAGE)
    monkeypatch.setattr(_file, "SMALL", 0)


def test_arrays_and_facts_come_back(arrays, tmp_path, small_blocks):
    write(tmp_path / "f", arrays, {"index": "ivf", "options": {"cells": 3}})
    file = IndexFile.open(tmp_path / "f")
    assert file.about == {"index": "ivf", "options": {"cells": 3}}
    assert list(file.arrays) == list(arrays)
    for name, array in arrays.items():
        assert file.arrays[name].dtype == array.dtype
        np.testing.assert_array_equal(file.arrays[name], array)
        assert not file.arrays[name].flags.writeable
    content = (tmp_path / "f").read_bytes()
    assert content[file.places["codes"] :].startswith(arrays["codes"].tobytes())
    assert _file.read_header(tmp_path / "f")[0]["about"] == file.about


def test_a_thousand_damaged_files_are_noticed(arrays, tmp_path, small_blocks):
    path, rng = tmp_path / "f", random.Random(0)
    write(path, arrays, {"index": "ivf"}, late=[("codes", 0, 48_000)])
    whole, noticed = path.read_bytes(), 0
    for _ in range(1000):
        path.write_bytes(spoiled := damaged(whole, rng))
        if spoiled == whole:
            continue
        try:
            file = IndexFile.open(path)
            file.check_late()
        except DamagedIndexError:
            noticed += 1
        else:  # the bytes between the header and the first page stand for nothing
            assert all(np.array_equal(file.arrays[name], array) for name, array in arrays.items())
    assert noticed > 900


def test_bytes_that_are_checked_late_are_found_then(arrays, tmp_path, small_blocks):
    path = tmp_path / "f"
    write(path, arrays, {}, late=[("codes", 0, 48_000)])
    content = bytearray(path.read_bytes())
    content[-20_000] ^= 1
    path.write_bytes(content)
    file = IndexFile.open(path)
    assert not file.is_checked
    with pytest.raises(DamagedIndexError, match="damaged"):
        file.check_late()


def test_spans_that_no_writer_of_ours_names_are_cut_to_the_file(arrays, tmp_path, small_blocks):
    write(tmp_path / "f", arrays, {}, late=[("codes", -(1 << 60), 1 << 60)])
    file = IndexFile.open(tmp_path / "f")
    assert not file.is_checked
    file.check_late()


def test_few_bytes_are_never_left_for_later(arrays, tmp_path):
    path = tmp_path / "f"
    write(path, arrays, {}, late=[("codes", 0, 48_000)])
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(DamagedIndexError, match="damaged"):
        IndexFile.open(path)


def test_other_files_are_refused(tmp_path):
    for content in (b"", b"twinlens", b"x" * 10_000, _file.MAGIC + b"\xff" * 100):
        (tmp_path / "f").write_bytes(content)
        with pytest.raises(DamagedIndexError, match="no index file"):
            IndexFile.open(tmp_path / "f")
    with pytest.raises(FileNotFoundError):
        IndexFile.open(tmp_path / "none")


def test_an_array_of_another_kind_is_refused(tmp_path):
    write(tmp_path / "f", {"a": np.zeros(3, dtype=np.complex128)}, {})
    with pytest.raises(DamagedIndexError):
        IndexFile.open(tmp_path / "f")
