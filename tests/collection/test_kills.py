"""SIGKILL at random moments of everything that writes: nothing that was committed is lost, nothing is torn.

TWINLENS_KILLS=200 kills as often as one likes; `-rP` shows how many commands were at work.
"""

from __future__ import annotations

import multiprocessing
import os
import random
import shutil
import sqlite3
import sys
import time
from collections import Counter
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from tests.endurance import check, draw, found
from tests.mean_color import MeanColor
from twinlens.collection import Collection
from twinlens.collection.ingest import Options
from twinlens.collection.store import DATABASE

KILLS = int(os.environ.get("TWINLENS_KILLS", "16"))
OPTIONS = Options(workers=1, batch_size=4)
LATE = (1.0, 3.0)
"""Kills come within so many times what a short run takes here: at work on any machine, and in long runs as well."""
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")


class Slow(MeanColor):
    """Takes its time, so that kills find it at work."""

    def forward(self, batch):
        time.sleep(0.003)
        return super().forward(batch)


def work(folder: Path, pictures: Path, turn: int) -> None:
    """Make or open the collection, change to a model, bring it up to date."""
    if not Collection.exists(folder):
        collection = Collection.create(folder, Slow(turn), load=Slow.load)
    else:
        collection = Collection.open(folder, load=Slow.load)
        collection.change_model(Slow(turn), options=OPTIONS)
    collection.add(pictures, options=OPTIONS)


def act(what: str, folder: Path, pictures: Path, turn: int) -> None:
    """One of a user's commands."""
    match what:
        case "index":
            work(folder, pictures, turn)
        case "create":
            if not Collection.exists(folder):
                Collection.create(folder, Slow(turn), load=Slow.load)
        case "repair":
            Collection.mend(folder, load=Slow.load, options=OPTIONS)
        case "adopt":
            with Collection.open(folder, load=Slow.load) as collection:
                was = collection.model.turn
                collection.replace_model(
                    collection.generation, Slow(was + 100), lambda vectors: np.roll(vectors, 100 % Slow.dim, axis=1)
                )


def run(what: str, folder: Path, pictures: Path, turn: int, seconds: float | None) -> tuple[bool, float]:
    """The command in a process of its own, killed after a while or let through: was it killed at work? how long?"""
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe()

    def body() -> None:
        theirs.send("ready")
        act(what, folder, pictures, turn)

    process = context.Process(target=body)
    process.start()
    assert ours.recv() == "ready"
    started = time.perf_counter()
    if seconds is not None:
        process.join(seconds)
        process.kill()
    process.join()
    assert process.exitcode in ((0,) if seconds is None else (0, -9)), what
    return process.exitcode == -9, time.perf_counter() - started


def seconds_of(what: str, folder: Path, pictures: Path, copy: Path) -> float:
    """How long a command takes on a copy of a collection, at the second time: the first one finds cold caches."""
    if what != "create":
        shutil.copytree(folder, copy)
    for _ in range(2):
        if what == "repair":
            damage(copy)
        if what == "create":
            shutil.rmtree(copy, ignore_errors=True)
        _, seconds = run(what, copy, pictures, 0, None)
    shutil.rmtree(copy)
    return seconds


def damage(folder: Path) -> None:
    """Take away what no collection opens without."""
    with closing(sqlite3.connect(folder / DATABASE)) as connection:
        connection.execute("DELETE FROM state")
        connection.commit()


def test_nothing_is_lost_whenever_it_is_killed(tmp_path):
    pictures, folder, rng = tmp_path.resolve() / "p", tmp_path / "c", random.Random(0)
    draw(pictures, 60, 0)
    known, killed, drawn = set[Path](), Counter[str](), 60
    run("index", folder, pictures, 0, None)
    took = {what: seconds_of(what, folder, pictures, tmp_path / "copy") for what in ("index", "adopt", "repair")}
    kills = 0
    # Where other work slowed the measured runs down, many kills come late, and more are made.
    while kills < KILLS or (sum(killed.values()) <= KILLS / 3 and kills < 3 * KILLS):
        what = ("index", "index", "adopt", "repair")[kills % 4]
        if what == "repair":
            damage(folder)
        late = rng.uniform(0, took[what] * rng.choice(LATE))
        killed[what] += run(what, folder, pictures, kills // 8, late)[0]
        if what == "repair":
            run(what, folder, pictures, 0, None)
        known = check(folder, Slow.load, known)
        draw(pictures, 4, 1000 + 4 * kills)
        drawn, kills = drawn + 4, kills + 1
    assert sum(killed.values()) > KILLS / 3, killed
    print(f"killed at work: {dict(killed)} of {kills}")
    last = 1000
    run("index", folder, pictures, last, None)
    assert len(check(folder, Slow.load, known)) == drawn
    run("index", tmp_path / "undisturbed", pictures, last, None)
    assert found(folder, Slow.load) == found(tmp_path / "undisturbed", Slow.load)
    assert len(list((folder / "model").iterdir())) <= 2  # the one before goes with the next writer


def test_a_creation_is_killed_at_any_moment_and_completed(tmp_path):
    pictures, rng, killed = tmp_path.resolve() / "p", random.Random(1), 0
    draw(pictures, 1, 0)
    took = seconds_of("create", tmp_path, pictures, tmp_path / "copy")
    for kill in range(KILLS):
        folder = tmp_path / f"c{kill // 3}"
        killed += run("create", folder, pictures, 0, rng.uniform(0, took * rng.choice(LATE)))[0]
        assert check(folder, Slow.load, set()) == set()
        if kill % 3 == 2:
            run("index", folder, pictures, 0, None)
            assert len(check(folder, Slow.load, set())) == 1
            left = {path.name for path in folder.iterdir()} - {"cache", "model", "writer.lock", "writer.pid"}
            assert left == {DATABASE} and len(list((folder / "model").iterdir())) == 1
    print(f"creations killed at work: {killed} of {KILLS}")
