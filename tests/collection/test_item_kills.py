"""SIGKILL at every file operation and commit of a change of items: each item is as before or as after, and whole."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import signal
import sys
from pathlib import Path

import pytest

from tests.mean_color import MeanColor
from tests.pictures import ALONE, png
from twinlens.collection import Collection
from twinlens.collection.items import Item
from twinlens.collection.store import PICTURES, Store

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
STEPS = {"open", "os.rename", "os.remove", "os.mkdir", "os.rmdir", "sqlite3.connect"}
BEFORE = [Item("a", png(1), "one"), Item("b", png(2), "two")]
AFTER = [Item("a", png(11), "new one"), Item("c", png(3), "three"), Item("b", png(2), "two")]
CHANGES = {
    "add": lambda it: it.add(AFTER, options=ALONE),
    "update": lambda it: it.update("a", image=png(11), caption="new one"),
    "remove": lambda it: it.remove("a"),
}


def state(folder: Path) -> dict[str, tuple[str, bytes]]:
    """Every item with its caption and its picture's bytes, after the checks that hold of every state."""
    with Collection.open(folder, load=MeanColor.load) as collection:
        assert collection.verify() == []
        entries, _ = collection.entries_with_vectors()
        assert len({hit.id for hit in collection.search(text="one", k=9)}) == len(entries) == len(collection)
        check = collection.check_files()
        assert (check.checked, check.lines) == (len(entries), [])
        return {entry.id: (entry.caption, entry.path.read_bytes()) for entry in entries}


def change_and_die(folder: Path, what: str, last: int) -> None:
    """Make a change, and be killed at one of its steps."""
    steps, commit = 0, Store.commit

    def step(event: str, _args: object = None) -> None:
        nonlocal steps
        if event in STEPS:  # a kill is an event too
            steps += 1
            if steps == last:
                os.kill(os.getpid(), signal.SIGKILL)

    def committed(self) -> None:
        step("os.rename")
        commit(self)
        step("os.rename")

    with Collection.open(folder, load=MeanColor.load) as collection:
        Store.commit = committed
        sys.addaudithook(step)
        CHANGES[what](collection)
    os._exit(0)


@pytest.mark.parametrize("what", CHANGES)
def test_an_item_is_as_before_or_as_after(tmp_path, what):
    with Collection.create(tmp_path / "start", MeanColor(), load=MeanColor.load) as made:
        made.add(BEFORE, options=ALONE)
    before = state(tmp_path / "start")
    shutil.copytree(tmp_path / "start", tmp_path / "end")
    with Collection.open(tmp_path / "end", load=MeanColor.load) as undisturbed:
        CHANGES[what](undisturbed)
    after, folder, seen = state(tmp_path / "end"), tmp_path / "c", set()
    for last in range(1, 500):
        shutil.copytree(tmp_path / "start", folder)
        process = multiprocessing.get_context("fork").Process(target=change_and_die, args=(folder, what, last))
        process.start()
        process.join()
        now = state(folder)
        for name in {*before, *after, *now}:
            assert now.get(name) in (before.get(name), after.get(name)), (last, name)
        seen.add(now == before)
        with Collection.open(folder, load=MeanColor.load) as again:
            if what != "remove" or "a" in now:
                CHANGES[what](again)
            else:
                again.add(BEFORE[1], options=ALONE)  # the next writer, of nothing new
        assert state(folder) == after
        assert len(list((folder / PICTURES).iterdir())) == len(after)  # nothing stays without an entry
        shutil.rmtree(folder)
        if process.exitcode == 0:
            break
        assert process.exitcode == -signal.SIGKILL
    assert process.exitcode == 0 and last > 20 and seen == {True, False}
    print(f"killed at {last - 1} steps")
