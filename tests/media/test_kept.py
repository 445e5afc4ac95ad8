"""Names of the pictures that a collection keeps: one per id and content, and back again."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twinlens.media import kept, sources

HASH = bytes(range(20))


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20))
def test_an_id_is_read_back_from_the_name(item_id):
    name = kept.name_of(item_id, HASH, ".png")
    assert kept.is_name(name) and name.isascii() and name == name.lower() and "/" not in name
    assert kept.id_of(Path("/c") / kept.FOLDER / name) == item_id


@given(st.lists(st.text(max_size=4), min_size=2, max_size=2, unique=True))
def test_no_name_of_an_item_begins_as_that_of_another(ids):
    one, other = map(kept.beginning, ids)
    assert not one.startswith(other) and not other.startswith(one)


@pytest.mark.parametrize(
    "path",
    ["/c/pictures/a.png", "/c/other/a~{0}.png", "/c/pictures/A~{0}.png", "/c/pictures/~{0}.png", "/c/pictures/a~00.png",
     "/c/pictures/%ff~{0}.png", "/c/pictures/a~{0}"],
)  # fmt: skip
def test_other_paths_have_no_id(path):
    assert kept.id_of(Path(path.format(HASH.hex()))) is None


def test_the_time_of_a_kept_picture_means_nothing(tmp_path):
    (tmp_path / kept.FOLDER).mkdir()
    for name, time in ((kept.name_of("a", HASH, ".png"), kept.TIME_NS), ("a.png", None)):
        path = tmp_path / kept.FOLDER / name
        path.write_bytes(b"x")
        assert sources.status(path) == (1, path.stat().st_mtime_ns if time is None else time)
