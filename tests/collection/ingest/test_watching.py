from __future__ import annotations

import os
import shutil
from types import SimpleNamespace

import pytest

from tests.pictures import draw
from twinlens.collection.ingest import fingerprint, watch, watching
from twinlens.core.types import TwinlensError


class Clock:
    """Stands for the time between looks: each sleep does what the script says next, and the script's end is Ctrl-C."""

    def __init__(self, *script) -> None:
        self.script, self.slept = list(script), []

    def __call__(self, seconds: float) -> None:
        self.slept.append(seconds)
        if not self.script:
            raise KeyboardInterrupt
        step = self.script.pop(0)
        if step is not None:
            step()


def watched(folder, clock, act, told=None):
    tell = [] if told is None else told
    with pytest.raises(KeyboardInterrupt):
        watch(lambda: fingerprint([folder]), act, tell.append, every=2, sleep=clock)


def test_it_acts_at_once_and_after_a_change_has_come_to_rest(pictures):
    acts = []
    clock = Clock(None, lambda: draw(pictures / "6.png", 6), lambda: draw(pictures / "7.png", 7), None, None)
    watched(pictures, clock, lambda: acts.append(len(clock.slept)))
    assert acts == [0, 4]
    assert set(clock.slept) == {2}


def test_what_changes_while_it_acts_is_seen(pictures):
    acts = []

    def act():
        acts.append(1)
        if len(acts) == 1:
            draw(pictures / "late.png", 9)

    watched(pictures, Clock(None, None, None), act)
    assert len(acts) == 2


def test_a_folder_that_never_rests_is_indexed_all_the_same(pictures, monkeypatch):
    acts, now = [], [0.0]
    monkeypatch.setattr(watching, "time", SimpleNamespace(monotonic=lambda: now[0]))

    def restless():
        now[0] += 10
        draw(pictures / "log.png", int(now[0]))
        os.utime(pictures / "log.png", ns=(int(now[0]), int(now[0])))

    watched(pictures, Clock(*[restless] * 8), lambda: acts.append(now[0]))
    assert acts == [0.0, 40.0, 80.0]


def test_a_fault_is_told_once_and_tried_again(pictures):
    told, acts = [], []

    def act():
        acts.append(1)
        if len(acts) in (2, 3):
            raise TwinlensError("is being written by process 7")

    watched(pictures, Clock(lambda: draw(pictures / "6.png", 6), None, None, None, None), act, told)
    assert told == ["is being written by process 7"] and len(acts) == 4


def test_what_counts_as_a_change(pictures, tmp_path):
    collection = pictures / "sub" / "twinlens-collection"
    collection.mkdir()

    def look():
        return fingerprint([pictures, tmp_path / "captions.csv"], exclude=collection)

    def differs(change) -> bool:
        before = look()
        change()
        return look() != before

    assert differs(lambda: draw(pictures / "new" / "6.png", 6))
    assert differs(lambda: (pictures / "6.txt").write_text("a caption"))
    assert differs(lambda: os.utime(pictures / "6.txt", ns=(1, 1)))
    assert differs(lambda: (pictures / "6.txt").rename(pictures / "7.txt"))
    assert differs(lambda: (tmp_path / "captions.csv").write_text("path,text\n"))
    assert differs(lambda: (pictures / "0.png").unlink())
    assert differs(lambda: shutil.rmtree(pictures / "new"))
    assert not differs(lambda: None)
    assert not differs(lambda: (collection / "collection.sqlite").write_text("x"))
    assert not differs(lambda: (pictures / ".hidden").write_text("x"))
    (pictures / "loop").symlink_to(pictures)
    (pictures / "nowhere").symlink_to("gone")
    assert not differs(lambda: None)
