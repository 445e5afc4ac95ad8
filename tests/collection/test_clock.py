"""A clock that is set back: nothing is lost, nothing is taken for unchanged, and nothing waits for the time to come."""

from __future__ import annotations

import itertools
import os
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.endurance import check
from tests.mean_color import MeanColor
from tests.pictures import ALONE, counts, paint
from twinlens.collection import Collection

AHEAD = int(datetime(2099, 1, 1, tzinfo=UTC).timestamp() * 1e9)
YEAR = 365 * 24 * 3600 * 10**9


@pytest.fixture
def later(collection, pictures):
    """A collection of pictures that were all written and indexed while the clock ran decades ahead."""
    for path in [*pictures.iterdir(), *collection.folder.rglob("*")]:
        os.utime(path, ns=(AHEAD, AHEAD))
    collection.add(pictures, options=ALONE)
    for path in collection.folder.rglob("*"):
        os.utime(path, ns=(AHEAD, AHEAD))
    return collection


def test_what_is_written_after_the_clock_was_set_back_is_seen(later, pictures):
    before = {path for path in pictures.iterdir() if path.suffix == ".png"}
    paint(pictures / "new.png", (1, 2, 3))
    paint(pictures / "red-0.png", (9, 9, 200))  # earlier than its entry, by decades
    same_size = (pictures / "red-1.png").stat().st_size
    os.utime(pictures / "red-1.png", ns=(AHEAD - YEAR, AHEAD - YEAR))
    (pictures / "red-2.png").unlink()
    told = counts(later.add(pictures, options=ALONE))
    assert (told["added"], told["changed"], told["removed"]) == (1, 1, 1)
    assert (pictures / "red-1.png").stat().st_size == same_size and later.check_files().lines == []
    assert check(later.folder, MeanColor.load, before - {pictures / "red-2.png"}) == {*pictures.glob("*.png")}


@pytest.mark.parametrize("step", [-YEAR, -1])
def test_a_clock_that_runs_backwards_hinders_no_command(later, pictures, monkeypatch, step):
    now = itertools.count(time.time_ns(), step)
    monkeypatch.setattr(time, "time_ns", lambda: next(now))
    monkeypatch.setattr(time, "time", lambda: next(now) / 1e9)
    paint(pictures / "new.png", (1, 2, 3))
    report = later.add(pictures, options=ALONE)
    assert report.added == 1 and report.seconds >= 0
    later.change_model(MeanColor(turn=2), options=ALONE)
    later.forget(pictures / "new.png")
    later.repair(options=ALONE)
    assert len(later) == 12 and later.verify() == []


def test_a_model_with_times_to_come_is_the_one_that_made_the_vectors(toy_composer, tmp_path):
    picture = paint(tmp_path.resolve() / "a.png", (200, 2, 3))
    with Collection.create(tmp_path / "c", toy_composer) as collection:
        collection.add(picture, options=ALONE)
    for path in Path(tmp_path / "c").rglob("*"):
        os.utime(path, ns=(AHEAD, AHEAD))
    for _ in range(2):
        with Collection.open(tmp_path / "c") as again:
            assert [hit.path for hit in again.search(text="red")] == [picture] and again.verify() == []
