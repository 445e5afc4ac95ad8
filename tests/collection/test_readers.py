"""Readers that may write nothing, beside a writer: they see what is committed, and leave nothing behind."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import sys
import tempfile
from pathlib import Path

import pytest

from tests import unprivileged
from tests.mean_color import MeanColor
from tests.pictures import ALONE, paint
from twinlens.collection import Collection
from twinlens.collection.store import DATABASE, Store
from twinlens.core.types import TwinlensError

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="users of Linux")
IS_ROOT = sys.platform == "linux" and os.geteuid() == 0


@pytest.fixture
def shared(collection, pictures):
    """A folder that others may read, with a copy of a collection."""
    collection.search(text="red")
    collection.close()
    folder = Path(tempfile.mkdtemp(prefix="shared-")).resolve()
    folder.chmod(0o755)
    shutil.copytree(collection.folder, folder / "c")
    yield folder
    shutil.rmtree(folder)


def as_reader() -> None:
    """Let this process write nothing: root's child is another user by now; an ordinary user's must be told so."""
    if not IS_ROOT:
        os.access = lambda path, mode: False


class Writer:
    """A process that adds a picture whenever it is told to, and closes its files when it is told that."""

    def __init__(self, folder: Path, pictures: Path) -> None:
        context = multiprocessing.get_context("fork")
        self.pipe, theirs = context.Pipe()
        self.process = context.Process(target=self._serve, args=(folder, pictures, theirs), daemon=True)
        self.process.start()

    def tell(self, what: str) -> None:
        self.pipe.send(what)
        assert self.pipe.recv() == "done"

    @staticmethod
    def _serve(folder: Path, pictures: Path, pipe) -> None:
        collection, held = None, None
        while (what := pipe.recv()) != "end":
            match what:
                case "hold":
                    held = Store.open(folder)  # so that the log stays
                case "add":
                    collection = collection or Collection.open(folder, load=MeanColor.load)
                    name = f"new-{len(list(pictures.iterdir()))}.png"
                    collection.add(paint(pictures / name, (len(name), 3, 4)), options=ALONE)
                case "close":
                    for opened in filter(None, (collection, held)):
                        opened.close()
                    collection = held = None
            pipe.send("done")
        pipe.send("done")


@pytest.mark.parametrize("first", [(), ("hold",), ("add", "close"), ("add",)])
def test_a_reader_sees_the_rows_of_a_writer(shared, first):
    (shared / "pictures").mkdir()
    writer = Writer(shared / "c", shared / "pictures")

    def body():
        as_reader()
        count = 12
        for what in first:
            writer.tell(what)
            count += what == "add"
        with Collection.open(shared / "c", load=MeanColor.load) as reader:
            assert len(reader.search(text="red", k=50)) == count
            for what in ("add", "add", "close", "add", "close", "hold", "add", "close"):
                writer.tell(what)
                count += what == "add"
                assert len(reader) == count, what
                assert len(reader.search(text="red", k=50)) == count, what
                assert len(reader.entries_with_vectors()[0]) == count
            assert reader.verify() == []
            if IS_ROOT:
                with pytest.raises(TwinlensError, match="cannot be written to"):
                    reader.add(shared / "pictures", options=ALONE)

    unprivileged.run(body)
    writer.tell("end")


def test_on_read_only_media_nothing_is_written_and_everything_found(shared):
    for path in [shared, *shared.rglob("*")]:
        path.chmod(0o555 if path.is_dir() else 0o444)
    before = sorted(shared.rglob("*"))

    def body():
        as_reader()
        with Collection.open(shared / "c", load=MeanColor.load) as reader:
            assert len(reader.search(text="red", k=50)) == 12 and reader.verify() == []
        assert sorted(shared.rglob("*")) == before

    unprivileged.run(body)
    for path in [shared, *shared.rglob("*")]:
        path.chmod(0o755)


def test_a_copy_with_rows_in_its_log_alone_is_one_line(shared):
    (shared / "pictures").mkdir()
    writer = Writer(shared / "c", shared / "pictures")
    writer.tell("hold")
    writer.tell("add")
    shutil.copytree(shared / "c", shared / "copy", ignore=shutil.ignore_patterns("*-shm"))
    writer.tell("end")
    assert (shared / "copy" / f"{DATABASE}-wal").stat().st_size

    def body():
        as_reader()
        with pytest.raises(TwinlensError, match="cannot be opened; check the folder's permissions"):
            Collection.open(shared / "copy", load=MeanColor.load)

    unprivileged.run(body)


def test_a_change_in_the_middle_of_a_snapshot_is_told(collection, pictures, monkeypatch):
    collection.close()
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with Collection.open(collection.folder, load=MeanColor.load) as reader, reader.snapshot():
        assert len(reader) == 12
        monkeypatch.undo()
        with Collection.open(collection.folder, load=MeanColor.load) as writer:
            writer.add(paint(pictures / "new.png", (1, 2, 3)), options=ALONE)
        with pytest.raises(TwinlensError, match="was changed while it was read"):
            len(reader)
