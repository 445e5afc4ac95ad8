"""SIGKILL at random moments of indexing and of a change of model: nothing that was committed is lost, nothing is torn.

TWINLENS_KILLS=100 kills as often as one likes.
"""

from __future__ import annotations

import multiprocessing
import os
import random
import sys
import time
from pathlib import Path

import pytest

from tests.endurance import check, draw, found
from tests.mean_color import MeanColor
from twinlens.collection import Collection
from twinlens.collection.ingest import Options

KILLS = int(os.environ.get("TWINLENS_KILLS", "10"))
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")


class Slow(MeanColor):
    """Takes its time, so that kills find it at work."""

    def forward(self, batch):
        time.sleep(0.003)
        return super().forward(batch)


def work(folder: Path, pictures: Path, turn: int, pipe) -> None:
    """One of a user's commands: make or open the collection, change to a model, bring it up to date."""
    pipe.send("ready")
    options = Options(workers=1, batch_size=4)
    if not Collection.exists(folder):
        collection = Collection.create(folder, Slow(turn), load=Slow.load)
    else:
        collection = Collection.open(folder, load=Slow.load)
        collection.change_model(Slow(turn), options=options)
    collection.add(pictures, options=options)


def run(folder: Path, pictures: Path, turn: int, seconds: float | None) -> bool:
    """The command in a process of its own, killed after a while, or let through; whether it was killed at work."""
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe()
    process = context.Process(target=work, args=(folder, pictures, turn, theirs))
    process.start()
    assert ours.recv() == "ready"
    if seconds is not None:
        process.join(seconds)
        process.kill()
    process.join()
    assert process.exitcode in ((0,) if seconds is None else (0, -9))
    return process.exitcode == -9


def test_nothing_is_lost_whenever_it_is_killed(tmp_path):
    pictures, folder, rng = tmp_path.resolve() / "p", tmp_path / "c", random.Random(0)
    draw(pictures, 60, 0)
    known, killed = set[Path](), 0
    for kill in range(KILLS):
        killed += run(folder, pictures, turn=kill // 4, seconds=rng.uniform(0, 0.25))
        known = check(folder, Slow.load, known)
        draw(pictures, 6, 1000 + 6 * kill)
    assert killed > KILLS / 2
    last = KILLS // 4 + 1
    run(folder, pictures, last, None)
    assert len(check(folder, Slow.load, known)) == 60 + 6 * KILLS
    run(tmp_path / "undisturbed", pictures, last, None)
    assert found(folder, Slow.load) == found(tmp_path / "undisturbed", Slow.load)
    assert len(list((folder / "model").iterdir())) <= 2  # the one before goes with the next writer
