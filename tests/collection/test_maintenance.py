from __future__ import annotations

import os
import shutil
import threading
from pathlib import Path

import numpy as np
import pytest

from tests.mean_color import MeanColor
from tests.pictures import ALONE, draw, names, paint
from twinlens.collection import Collection
from twinlens.collection.ingest import Options
from twinlens.collection.store import DATABASE, Matrix, writing
from twinlens.core.types import TwinlensError

COLORS = {"red", "green", "blue"}


# Another model -----------------------------------------------------------------------------------------------------


class Watching(MeanColor):
    """Runs something before each of its batches."""

    before = staticmethod(lambda: None)

    def forward(self, batch):
        self.before()
        return super().forward(batch)


def test_the_old_model_serves_until_the_new_one_is_complete(collection, pictures):
    served, new = [], Watching(turn=3)
    with Collection.open(collection.folder, load=MeanColor.load) as reader:
        new.before = lambda: served.append((reader.generation.digest, names(reader.search(text="red", k=4))))
        ids = {hit.sample.id for hit in collection.search(text="red", k=12)}
        assert collection.change_model(new, options=ALONE).added == 12
        assert {digest for digest, _ in served} == {MeanColor().digest} and len(served) == 3
        assert all(sorted(found) == [f"red-{n}" for n in range(4)] for _, found in served)
        new.before = lambda: None
        assert reader.generation.digest == collection.generation.digest == new.digest
        for opened in (reader, collection):
            assert {hit.sample.id for hit in opened.search(text="red", k=12)} == ids
            assert names(opened.search(pictures / "blue-1.png", "blue", 1, with_self=True)) == ["blue-1"]
    assert collection.verify() == []
    assert {g.digest for g in collection._store.generations()} == {new.digest}


def test_a_change_of_model_that_is_stopped_goes_on(collection, pictures):
    new, batches = Watching(turn=3), []

    def stop():
        batches.append(1)
        if len(batches) == 3:
            raise KeyboardInterrupt

    new.before = stop
    report = collection.change_model(new, options=ALONE)
    assert report.stopped and report.added == 8
    assert collection.info().building.digest == new.digest
    assert collection.generation.digest == MeanColor().digest and collection.verify() == []
    new.before = lambda: None
    assert collection.change_model(new, options=ALONE).added == 4
    assert collection.generation.digest == new.digest and collection.verify() == []


def test_the_same_model_changes_nothing(collection):
    assert collection.change_model(MeanColor(), options=ALONE).found == 0


def test_pictures_that_are_gone_keep_their_rows_and_come_back(collection, pictures):
    hidden = (pictures / "red-0.png").rename(pictures.parent / "red-0.png")
    report = collection.change_model(MeanColor(turn=5), options=ALONE)
    assert report.added == 11 and report.failed == 1
    assert len(collection) == 11 and collection.info().lacking == 1
    hidden.rename(pictures / "red-0.png")
    collection.add(pictures, options=ALONE)
    assert len(collection) == 12 and collection.verify() == []


def test_a_model_that_can_read_nothing_is_not_adopted(collection, pictures):
    for path in pictures.glob("*.png"):
        path.unlink()
    with pytest.raises(TwinlensError, match="the old one stays"):
        collection.change_model(MeanColor(turn=5), options=ALONE)
    assert len(collection) == 12


# Damage ------------------------------------------------------------------------------------------------------------


def damage(collection: Collection, what: str) -> None:
    if what == "vector":
        collection._store.ask("UPDATE vector SET data = zeroblob(length(data)) WHERE row = 3")
    elif what == "missing":
        collection._store.ask("DELETE FROM vector WHERE row = 3")
    elif what == "matrix":
        (path,) = (collection.folder / "cache").glob("vectors-*.f32")
        path.write_bytes(path.read_bytes()[:-4] + b"\0\0\0\0")


@pytest.mark.parametrize(
    ("what", "line"),
    [
        ("vector", "the vector of row 3 is damaged"),
        ("missing", "1 picture lacks its vector"),
        ("matrix", "has damage"),
    ],
)
def test_damage_is_found_and_mended(collection, pictures, what, line):
    assert collection.verify() == []
    good = [(hit.sample.id, hit.score) for hit in collection.search(pictures / "red-1.png", "red", 12, with_self=True)]
    damage(collection, what)
    (problem,) = collection.verify()
    assert line in problem
    repair = collection.repair(options=ALONE)
    assert repair.done and collection.verify() == []
    assert [
        (hit.sample.id, hit.score) for hit in collection.search(pictures / "red-1.png", "red", 12, with_self=True)
    ] == good


def test_the_cache_can_be_deleted_at_any_time(collection, pictures):
    good = names(collection.search(text="red", k=12))
    shutil.rmtree(collection.folder / "cache")
    with Collection.open(collection.folder, load=MeanColor.load) as again:
        assert names(again.search(text="red", k=12)) == good
        assert again.verify() == []


def test_a_damaged_database_is_saved_and_completed(collection, pictures):
    collection._store.ask("PRAGMA wal_checkpoint(TRUNCATE)")
    root = collection._store.ask("SELECT rootpage FROM sqlite_master WHERE name = 'vector'")[0][0]
    collection.close()
    with (collection.folder / DATABASE).open("r+b") as file:
        file.seek((root - 1) * 32768)
        file.write(os.urandom(32768))
    with Collection.open(collection.folder, load=MeanColor.load) as again:
        assert again.verify() != []
        repair = again.repair(options=ALONE)
        assert "12 entries" in repair.done[0] and repair.embedded.added == 12
        assert again.verify() == [] and len(again) == 12
        assert len(again.search(text="red", k=12)) == 12


def test_a_lost_model_is_a_problem(collection):
    shutil.rmtree(collection.folder / "model")
    with Collection.open(collection.folder, load=load_or_tell) as again:
        (line,) = again.verify()
        assert "is missing; put a copy of the model back with: twinlens repair --model DIR" in line
        with pytest.raises(TwinlensError, match="did not make this collection's vectors"):
            again.repair(composer=MeanColor(turn=9), options=ALONE)
        again.repair(composer=MeanColor(), options=ALONE)
        assert again.verify() == []
        assert len(again.search(text="red", k=12)) == 12


def load_or_tell(folder: Path) -> MeanColor:
    if not folder.is_dir():
        raise TwinlensError("no such model")
    return MeanColor.load(folder)


# Threads and other processes ---------------------------------------------------------------------------------------


def test_threads_search_while_pictures_are_added(collection, pictures, tmp_path):
    more = tmp_path.resolve() / "more"
    for n in range(60):
        paint(more / f"gray-{n}.png", (n, n, n))
    found, faults, done = [], [], threading.Event()

    def search():
        try:
            while not done.is_set():
                found.append(len(collection.search(text="red", k=100)))
        except Exception as error:
            faults.append(error)

    threads = [threading.Thread(target=search) for _ in range(3)]
    for thread in threads:
        thread.start()
    collection.add(more, options=Options(workers=0, batch_size=4))
    done.set()
    for thread in threads:
        thread.join()
    assert not faults and min(found) >= 12
    assert len(collection.search(text="red", k=100)) == 72


def test_a_search_files_what_a_killed_writer_left_unfiled(collection, monkeypatch):
    from twinlens.collection.engines import local

    shutil.rmtree(collection.folder / "cache")
    monkeypatch.setattr(local, "TAIL_ROWS", 5)
    with Collection.open(collection.folder, load=MeanColor.load) as again:
        with writing(collection.folder):
            assert len(again.search(text="red", k=20)) == 12
            assert not (collection.folder / "cache").exists()
        assert len(again.search(text="red", k=20)) == 12
        assert Matrix(collection.folder).fault() is None and len(Matrix(collection.folder).read()) == 12


def test_a_collection_on_read_only_media_is_searched(collection, monkeypatch):
    collection.close()
    before = sorted(collection.folder.rglob("*"))
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with Collection.open(collection.folder, load=MeanColor.load) as again:
        assert len(again.search(text="red", k=20)) == 12
        assert sorted(collection.folder.rglob("*")) == before


def test_scores_do_not_depend_on_where_a_vector_is_kept(collection, pictures, tmp_path):
    with Collection.open(collection.folder, load=MeanColor.load) as reader:
        reader.search(text="red")
        more = paint(tmp_path / "x" / "red-9.png", (200, 10, 10))
        collection.add(more, options=ALONE)
        kept = [(hit.sample.id, hit.score) for hit in reader.search(text="red", k=20)]
    with Collection.open(collection.folder, load=MeanColor.load) as fresh:
        assert [(hit.sample.id, hit.score) for hit in fresh.search(text="red", k=20)] == kept
    assert np.diff([score for _, score in kept]).max() <= 0


def test_what_is_out_of_reach_is_not_called_gone(tmp_path):
    draw(tmp_path / "drive" / "0.png", 0)
    draw(tmp_path / "home" / "1.png", 1)
    (tmp_path / "home" / "link").symlink_to(tmp_path / "drive")
    with Collection.create(tmp_path / "c", MeanColor(), load=MeanColor.load) as collection:
        collection.add(tmp_path / "home", options=ALONE)
        assert len(collection) == 2
        (tmp_path / "drive").rename(tmp_path / "elsewhere")
        (tmp_path / "home" / "1.png").unlink()
        found = collection.check_files()
        assert [path.name for path in found.gone] == ["1.png"]
        assert list(found.unreadable.values()) == [f"{tmp_path / 'home' / 'link'} is a link that leads nowhere"]


def test_a_closed_collection_says_so(collection):
    collection.close()
    for use in (lambda: collection.search(text="red"), collection.info, lambda: len(collection), collection.fields):
        with pytest.raises(TwinlensError, match="was closed; open it again"):
            use()
