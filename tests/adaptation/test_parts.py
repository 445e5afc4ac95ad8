from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from twinlens.adaptation.parts import FOLDER, PICTURE, drawn, grouped, ids_of, near_duplicates, unseen
from twinlens.collection.store import Entry
from twinlens.core.types import TwinlensError


def known(paths: list[str], vectors: np.ndarray | None = None, fields: list[dict] | None = None) -> SimpleNamespace:
    """As much of a collection as groups are made of."""
    vectors = np.eye(len(paths)) if vectors is None else vectors
    fields = fields or [{}] * len(paths)
    entries = [
        Entry(Path(p), b"", 0, 0, metadata=f, row=n + 1) for n, (p, f) in enumerate(zip(paths, fields, strict=True))
    ]
    pictures = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    return SimpleNamespace(entries=entries, at={str(e.row): n for n, e in enumerate(entries)}, pictures=pictures)


def together(groups: dict[str, str]) -> list[set[str]]:
    return sorted(({i for i, g in groups.items() if g == group} for group in set(groups.values())), key=min)


def test_near_duplicates_stay_together_through_others():
    angles = np.radians([0, 8, 16, 90])
    some = known(list("abcd"), np.stack([np.cos(angles), np.sin(angles)], axis=1))
    assert together(near_duplicates(some)) == [{"1", "2", "3"}, {"4"}]


def test_folders_and_fields_join_pictures():
    some = known(["/p/a.png", "/p/x/b.png", "/p/x/c.png", "/p/y/d.png"], fields=[{"who": "me"}, {}, {}, {"who": "me"}])
    near = near_duplicates(some)
    assert together(grouped(some, near, FOLDER)) == [{"1"}, {"2", "3"}, {"4"}]
    assert together(grouped(some, near, PICTURE)) == [{"1"}, {"2"}, {"3"}, {"4"}]
    assert together(grouped(some, near, "who")) == [{"1", "4"}, {"2"}, {"3"}]
    assert together(grouped(some, near, FOLDER, [("1", "4")])) == [{"1", "4"}, {"2", "3"}]
    with pytest.raises(TwinlensError, match=r"unknown column 'whom' \(did you mean 'who'"):
        grouped(some, near, "whom")


def test_moments_of_one_video_stay_together_however_pictures_are_grouped():
    clip = ["/p/clip.mp4/00-00-04.000", "/p/clip.mp4/00-00-13.000"]
    some = known([*clip, "/p/x/d.mov/00-00-02.000", "/p/x/b.png", "/p/e.png"], fields=[{"who": n} for n in range(5)])
    near = near_duplicates(some)
    assert together(grouped(some, near, PICTURE)) == [{"1", "2"}, {"3"}, {"4"}, {"5"}]
    assert together(grouped(some, near, "who")) == [{"1", "2"}, {"3"}, {"4"}, {"5"}]
    assert together(grouped(some, near, FOLDER)) == [{"1", "2"}, {"3", "4"}, {"5"}]  # a video is no folder


def test_pictures_that_all_belong_together_cannot_be_split():
    with pytest.raises(TwinlensError, match=r"nothing can be held out.*--group-by"):
        drawn({"1": "a", "2": "a"}, frozenset(), frozenset({"1", "2"}), 0, by=FOLDER)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(0, 30), min_size=8, max_size=80).filter(lambda g: len(set(g)) > 3), st.integers(0, 9))
def test_no_group_stands_in_two_parts(members, seed):
    groups = {str(n): f"g{member}" for n, member in enumerate(members)}
    test = frozenset(entry for entry, group in groups.items() if group == groups["0"])
    parts = drawn(groups, test, frozenset(groups) - test, seed, by=PICTURE)
    assert parts.test == test
    assert sorted(part for ids in parts for part in ids) == sorted(groups)
    held = [{groups[entry] for entry in ids} for ids in parts]
    assert all(held) and not held[0] & held[1] and not held[0] & held[2] and not held[1] & held[2]
    assert unseen(groups, parts.train | parts.validation) == parts.test


def test_a_group_is_seen_with_one_of_its_pictures():
    assert unseen({"1": "a", "2": "a", "3": "b"}, ids_of([(1, 1), (9, 9)])) == {"3"}
