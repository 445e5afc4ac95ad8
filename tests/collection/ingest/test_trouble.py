from __future__ import annotations

import faulthandler
import math
import os
import signal
import struct
import time
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.mean_color import MeanColor
from tests.pictures import ALONE, counts, draw
from twinlens.collection import Collection
from twinlens.collection.ingest import Limits, Options
from twinlens.collection.ingest.executors import local
from twinlens.collection.store import Store
from twinlens.core import system
from twinlens.core.types import TwinlensError


def header_of(width: int, height: int) -> bytes:
    """A tiny PNG that says it is this large."""
    chunks = (b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0), b"IDAT" + zlib.compress(b"\0" * 100))
    packed = (struct.pack(">I", len(c) - 4) + c + struct.pack(">I", zlib.crc32(c)) for c in chunks)
    return b"\x89PNG\r\n\x1a\n" + b"".join(packed)


def spoil(folder: Path) -> None:
    Image.effect_noise((60, 60), 50).save(folder / "cut.jpg")
    os.truncate(folder / "cut.jpg", 700)
    (folder / "text.png").write_text("no picture")
    (folder / "empty.gif").touch()
    (folder / "huge.png").write_bytes(header_of(60_000, 60_000))
    (folder / "nowhere.png").symlink_to(folder / "gone.png")
    (folder / "loop").symlink_to(folder)
    (folder / os.fsdecode(b"\xff odd\n.jpg")).write_bytes(b"\xff\xd8\xff")


@pytest.mark.parametrize("workers", [0, 2])
def test_bad_pictures_are_listed_and_the_rest_is_taken(collection, pictures, workers):
    spoil(pictures)
    report = collection.add(pictures, options=Options(workers=workers))
    assert counts(report) == {"added": 6, "failed": 6}
    named = {path.name: reason for reason, paths in report.failures.items() for path in paths}
    assert len(named) == 6
    assert "pixels" in named["huge.png"] and "empty" in named["empty.gif"] and "no picture" in named["text.png"]
    assert not any(str(pictures) in reason or "\n" in reason for reason in named.values())
    assert len(collection) == 6


def test_a_bad_picture_is_not_tried_again_until_it_changes(collection, pictures, model):
    (pictures / "bad.png").write_text("no picture")
    collection.add(pictures, options=ALONE)
    prepared = model.prepared
    assert counts(collection.add(pictures, options=ALONE)) == {"unchanged": 6, "skipped": 1}
    assert model.prepared == prepared
    assert counts(collection.add(pictures, options=Options(workers=0, retry=True))) == {"unchanged": 6, "failed": 1}
    draw(pictures / "bad.png", 8)
    assert counts(collection.add(pictures, options=ALONE)) == {"changed": 1, "unchanged": 6}
    assert collection.info().failed == 0


class Poisoned(MeanColor):
    """A decoder that some files hang, kill, or drive mad."""

    def prepare(self, sample):
        match sample.image.stem:
            case "hang":
                time.sleep(600)
            case "kill":
                os.kill(os.getpid(), signal.SIGKILL)
            case "eat":
                np.ones(2**28)
        return super().prepare(sample)


def test_a_poisonous_picture_costs_one_line(tmp_path, pictures):
    reasons = {"hang": "took longer than 2 s", "kill": "its decoder ended (SIGKILL)"}
    if system.NAME == "linux":  # elsewhere nothing limits memory
        reasons["eat"] = "needs too much memory"
    for name in reasons:
        draw(pictures / f"{name}.png", len(name))
    with Collection.create(tmp_path / "p", Poisoned(), load=Poisoned.load) as collection:
        started = time.monotonic()
        report = collection.add(pictures, options=Options(workers=2, limits=Limits(seconds=2, memory=2**29)))
        assert time.monotonic() - started < 300  # no hang: not a measurement
    assert counts(report) == {"added": 6, "failed": len(reasons)}
    assert {paths[0].stem: reason for reason, paths in report.failures.items()} == reasons


class Aborted(MeanColor):
    """A decoder that ends at the memory limit, as native code does that cannot say that it has none."""

    def prepare(self, sample):
        if sample.image.stem == "eat":
            try:
                np.ones(2**28)
            except MemoryError:
                faulthandler.disable()  # pytest's, which would print
                os.abort()
        return super().prepare(sample)


@pytest.mark.skipif(system.NAME != "linux", reason="no limit of memory")
def test_a_decoder_that_the_memory_limit_ends_costs_one_line(tmp_path, pictures):
    draw(pictures / "eat.png", 9)
    with Collection.create(tmp_path / "p", Aborted(), load=Aborted.load) as collection:
        report = collection.add(pictures, options=Options(workers=2, limits=Limits(memory=2**29)))
        assert counts(report) == {"added": 6, "failed": 1}
        assert list(report.failures) == ["its decoder ended (SIGABRT)"]
        assert collection.verify() == []


class Interrupted(MeanColor):
    """Ctrl-C comes at some batch."""

    at: int = 0

    def forward(self, batch):
        self.at -= 1
        if self.at == 0:
            raise KeyboardInterrupt
        return super().forward(batch)


def test_ctrl_c_keeps_what_was_done_and_the_next_run_goes_on(tmp_path, pictures, monkeypatch):
    monkeypatch.setattr(local, "BATCH_SECONDS", math.inf)  # on a busy machine a batch is full too
    model = Interrupted()
    with Collection.create(tmp_path / "i", model, load=MeanColor.load) as collection:
        model.at = 3
        report = collection.add(pictures, options=Options(workers=2, batch_size=2))
        assert report.stopped and counts(report) == {"added": 4}
        with Collection.open(tmp_path / "i", load=MeanColor.load) as reader:
            assert len(reader) == 4 and reader.verify() == []
        assert counts(collection.add(pictures, options=ALONE)) == {"added": 2, "unchanged": 4}


def test_a_file_that_changes_while_it_is_read_waits_for_the_next_run(tmp_path, pictures):
    class Late(MeanColor):
        def forward(self, batch):
            os.utime(pictures / "0.png", ns=(5, 5))
            return super().forward(batch)

    with Collection.create(tmp_path / "l", Late(), load=MeanColor.load) as collection:
        report = collection.add(pictures, options=ALONE)
        assert counts(report) == {"added": 5, "failed": 1}
        assert "changed while it was read" in next(iter(report.failures))
        assert counts(collection.add(pictures, options=ALONE)) == {"added": 1, "unchanged": 5}


def test_a_vector_that_is_no_number_is_a_failure(tmp_path, pictures):
    class Broken(MeanColor):
        def forward(self, batch):
            vectors = super().forward(batch)
            vectors[0] = float("nan")
            return vectors

    with Collection.create(tmp_path / "n", Broken(), load=MeanColor.load) as collection:
        assert counts(collection.add(pictures, options=Options(workers=0))) == {"added": 5, "failed": 1}
        assert collection.verify() == []


@pytest.mark.parametrize(
    ("what", "line"), [("nowhere", "there is no folder"), (".", "there are no pictures"), (None, "name at least one")]
)
def test_a_wrong_folder_is_one_line(collection, tmp_path, what, line):
    (tmp_path / "empty").mkdir()
    with pytest.raises(TwinlensError, match=line):
        collection.add([] if what is None else tmp_path / "empty" / what, options=ALONE)


def test_a_full_disk_stops_with_one_line_and_can_be_taken_up_again(collection, pictures, monkeypatch):
    collection.add(pictures / "sub", options=ALONE)
    opened = Store.open

    def small(folder):
        store = opened(folder)
        store.ask(f"PRAGMA max_page_count = {store.ask('PRAGMA page_count')[0][0]}")
        return store

    for n in range(300):
        draw(pictures / f"more-{n}.png", 100 + n)
    monkeypatch.setattr(Store, "open", small)
    with pytest.raises(TwinlensError, match="the disk is full; make room and run the same command again"):
        collection.add(pictures, options=Options(workers=0, batch_size=8))
    monkeypatch.setattr(Store, "open", opened)
    assert len(collection) >= 3 and collection.verify() == []
    collection.add(pictures, options=ALONE)
    assert len(collection) == 306 and collection.verify() == []


def test_captions_that_are_read_in_part_are_told(collection, pictures):
    (pictures / "0.txt").write_text("red " * 200)
    (pictures / "2.txt").write_text("red " * 50)
    report = collection.add(pictures, options=ALONE)
    assert report.cut == 1
    assert report.problems == ["1 caption is longer than the model reads: the end is not searched"]
    assert collection.add(pictures, options=ALONE).problems == []
