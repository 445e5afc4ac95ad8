"""What callers pass as paths: each mistake is one line that names what to pass instead."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from twinlens.collection import Collection
from twinlens.core.arguments import as_path, as_paths
from twinlens.core.types import TwinlensError
from twinlens.models.composer import Composer

WRONG = [
    (None, r"wants a path, not NoneType; give text or a pathlib\.Path"),
    (b"pictures", r"wants a path as text, not bytes; give os\.fsdecode\(data\)"),
    (bytearray(b"pictures"), "not bytes"),
    (5, "wants a path, not int"),
    (np.zeros((2, 2)), "wants a path, not ndarray"),
    ("a\ud800b", r"'a\\ud800b' has half a character in it; leave that out"),
    ("a\0b", r"'a\\x00b' has a NUL character in it; leave that out"),
]


def test_paths_are_taken_in_each_form(tmp_path):
    (tmp_path / "a").touch()
    (entry,) = os.scandir(tmp_path)
    assert as_path("it", entry) == as_path("it", str(tmp_path / "a")) == tmp_path / "a"
    assert as_paths("it", "a") == as_paths("it", Path("a")) == as_paths("it", ("a",)) == [Path("a")]
    with pytest.raises(TwinlensError, match="not bytes"):
        as_path("it", next(os.scandir(os.fsencode(tmp_path))))


def test_a_path_longer_than_any_is_one_line(toy_composer):
    for use in (Composer.load, toy_composer.save, Collection.open, Collection.exists):
        with pytest.raises(TwinlensError, match="wants a shorter path: xxx"):
            use("x" * 10**6)


@pytest.mark.parametrize(("given", "line"), WRONG)
def test_what_is_none_is_one_line(toy_composer, given, line):
    for use in (lambda it: as_path("it", it), Composer.load, toy_composer.save):
        with pytest.raises(TwinlensError, match=line) as told:
            use(given)
        assert "\n" not in str(told.value)
