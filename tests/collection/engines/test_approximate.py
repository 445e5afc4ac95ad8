"""The engine with an approximate index: recall, changes, filters, files that are damaged, missing or outdated."""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from tests.collection.engines.indexed import KINDS, built, fill, synced, truth
from tests.damage import damaged
from tests.indexes.drawn import clustered, recall
from tests.mean_color import DIM, MeanColor
from twinlens.collection import Collection
from twinlens.collection.engines import _building, _index_files, local
from twinlens.collection.engines._index_files import IndexFiles
from twinlens.collection.store import Store, writing
from twinlens.core import system
from twinlens.indexes import _faiss, _file, hnsw, ivf

pytest.importorskip("faiss")
ROWS = 600


@pytest.fixture(autouse=True)
def small(monkeypatch):
    for module in (_building, ivf, hnsw):
        monkeypatch.setattr(module, "MIN_ROWS", 100)
    monkeypatch.setattr(_building, "MIN_AUTO", 100)


@pytest.fixture
def store(tmp_path):
    Collection.create(tmp_path / "c", MeanColor(), load=MeanColor.load).close()
    fill(tmp_path / "c", clustered(ROWS, DIM))
    with closing(Store.open(tmp_path / "c")) as opened:
        yield opened


def index_files(store):
    return sorted((store.folder / "cache").glob("*.index"))


@pytest.mark.parametrize("kind", KINDS)
def test_an_index_reaches_the_recall_and_is_found_again(store, kind, monkeypatch):
    engine = built(store, kind, recall=0.95)
    queries = clustered(60, DIM, seed=2)
    found, scores = engine.search(queries, 10)
    wanted, values = truth(store, queries, 10)
    assert engine.recall >= 0.95 and not engine.exact and len(index_files(store)) == 1
    assert recall(found, wanted) > 0.9
    assert np.isin(np.round(scores, 5), np.round(values, 5)).mean() > 0.9
    monkeypatch.setattr(_building, "build", None)
    again = synced(store, index=kind, recall=0.95)
    assert again.recall == engine.recall and not again.is_wanted
    np.testing.assert_array_equal(again.search(queries, 10)[0], found)


def test_a_filter_is_answered_exactly(store):
    engine, queries = built(store), clustered(20, DIM, seed=2)
    engine._indexed.index.effort = 1
    rows = truth(store, queries[:1], ROWS)[0][0]
    some = np.sort(rows[::40])
    np.testing.assert_array_equal(engine.search(queries, 5, rows=some)[0], truth(store, queries, 5, some)[0])


@pytest.mark.parametrize("kind", KINDS)
def test_additions_and_deletions_are_seen_at_once(store, kind):
    engine = built(store, kind)
    index = engine._indexed.index
    queries = clustered(20, DIM, seed=2)
    for step in range(4):
        fill(store.folder, clustered(7, DIM, seed=50 + step), ROWS + 7 * step)
        with writing(store.folder), closing(Store.open(store.folder)) as writer:
            with writer.change():
                for entry in writer.entries(truth(store, queries[:1], 3)[0][0].tolist()).values():
                    writer.remove_path(entry.path)
            writer.commit()
        for each in (synced(store, engine), synced(store, index=kind)):
            each._indexed.index.effort = index.most_effort
            wanted, values = truth(store, queries, 12)
            found, scores = each.search(queries, 12)
            np.testing.assert_allclose(scores, values, atol=1e-6)
            assert recall(found, wanted) > 0.98 and each.count() == ROWS + 4 * (step + 1)
            assert each.recall is not None


def test_more_answers_than_entries(store):
    engine, queries = built(store), clustered(3, DIM, seed=2)
    found, _ = engine.search(queries, 5 * ROWS)
    np.testing.assert_array_equal(found, truth(store, queries, 5 * ROWS)[0])


def test_a_thousand_damaged_files_are_noticed_answered_exactly_and_made_again(store):
    built(store)
    (path,), rng = index_files(store), random.Random(0)
    whole, queries = path.read_bytes(), clustered(4, DIM, seed=2)
    wanted, noticed = truth(store, queries, 5), 0
    by_index = synced(store).search(queries, 5)
    for _ in range(1000):
        path.unlink(missing_ok=True)  # an earlier one is mapped
        path.write_bytes(damaged(whole, rng))
        engine = synced(store, index="ivf")
        noticed += engine.recall is None
        found, scores = engine.search(queries, 5)
        expected = wanted if engine.recall is None else by_index
        np.testing.assert_array_equal(found, expected[0])
        np.testing.assert_array_equal(scores, expected[1])
        assert (engine.recall is None) == (not path.exists()) == engine.is_wanted == (engine.problem is not None)
    assert noticed > 950
    if not path.exists():
        assert built(store).recall is not None and len(index_files(store)) == 1


def test_bytes_that_are_checked_later_end_the_use_of_the_file(store, monkeypatch):
    built(store)
    (path,) = index_files(store)
    content = bytearray(path.read_bytes())
    content[-4097] ^= 255
    path.write_bytes(content)
    monkeypatch.setattr(_file, "SMALL", 0)
    monkeypatch.setattr(_file, "BLOCK", _file.PAGE)
    engine = synced(store, index="ivf")
    until = time.monotonic() + 120
    while engine.problem is None and time.monotonic() < until:
        time.sleep(0.01)
    assert engine.recall is None and "damaged" in engine.problem and not index_files(store)


def test_an_index_of_another_model_is_not_used(store):
    engine = built(store)
    with Collection.open(store.folder, load=MeanColor.load) as collection:
        collection.replace_model(collection.generation, MeanColor(1), lambda vectors: vectors[:, ::-1].copy())
    queries = clustered(5, DIM, seed=2)
    for each in (synced(store, engine), synced(store, index="ivf")):
        assert each.recall is None and each.is_wanted
        np.testing.assert_array_equal(each.search(queries, 5)[0], truth(store, queries, 5)[0])
    assert built(store).recall is not None


def test_an_index_is_outdated_once_a_fifth_is_new(store):
    built(store)
    fill(store.folder, clustered(100, DIM, seed=8), ROWS)
    assert not synced(store, index="ivf").is_wanted
    fill(store.folder, clustered(100, DIM, seed=9), ROWS + 100)
    assert synced(store, index="ivf").is_wanted
    assert not built(store).is_wanted and len(index_files(store)) == 1


def test_an_engine_in_use_makes_its_index_again_once_the_matrix_file_has_a_fifth_more(store, monkeypatch):
    engine = built(store)
    fill(store.folder, clustered(200, DIM, seed=8), ROWS)
    assert not synced(store, engine).is_wanted  # a new index would lack the entries behind its file as well
    monkeypatch.setattr(local, "TAIL_ROWS", 0)
    assert synced(store, engine).is_wanted
    engine._building.join()
    assert not synced(store, engine).is_wanted and len(index_files(store)) == 1


def test_of_files_written_at_once_the_last_stays(store):
    indexed, files = built(store)._indexed, IndexFiles(store.folder)
    (first,) = index_files(store)
    os.utime(first, (time.time() + 3600,) * 2)  # the clock was set back since
    for _ in range(50):
        with ThreadPoolExecutor(4) as pool:
            written = list(pool.map(files.write, [indexed] * 4))
        assert files.newest() in written and set(index_files(store)) <= set(written)
    last = files.write(indexed)
    assert index_files(store) == [last]


def test_after_a_warm_up_the_index_is_built_beside_the_searches(store):
    engine = synced(store, index="ivf")
    assert engine.recall is None and not index_files(store)
    engine.warm_up()
    engine._building.join()
    assert synced(store, engine).recall > 0.9 and len(index_files(store)) == 1
    index_files(store)[0].unlink()
    assert synced(store, engine).recall > 0.9


def test_no_process_forks_while_an_index_is_built(store, monkeypatch):
    """A fork stops the threads of OpenBLAS, and the build would never end."""
    monkeypatch.setattr(system, "QUIET_SECONDS", 0.0)
    build, might = _building.build, list[bool]()

    def watched(*args):
        might.append(system.may_fork())
        return build(*args)

    monkeypatch.setattr(_building, "build", watched)
    assert built(store).recall is not None and might == [False] and system.may_fork()


def test_few_entries_are_scanned(store, monkeypatch):
    monkeypatch.setattr(_building, "MIN_ROWS", ROWS + 1)
    engine = synced(store, index="ivf")
    engine.warm_up()
    assert engine._building is None and engine.recall is None and not engine.is_wanted


def test_auto_takes_the_fastest_that_reaches_the_recall_or_none(store, monkeypatch):
    times = iter([10.0, 2.0, 1.0])
    monkeypatch.setattr(_building, "_median", lambda *_: next(times))
    engine = synced(store, index="auto", recall=0.9)
    assert engine.build().about["kind"] == "auto"
    assert type(engine._indexed.index) is hnsw.Hnsw
    times = iter([1.0, 2.0, 3.0])
    other = synced(store, index="auto", recall=0.9)
    assert other.build() is None and "faster than a scan" in other.problem
    other._indexed = other._cover = None
    assert not other.is_wanted


def test_a_missing_package_leaves_exact_answers_and_the_file(store, monkeypatch):
    built(store)
    monkeypatch.setitem(sys.modules, "faiss", None)
    _faiss.faiss.cache_clear()
    engine, queries = synced(store, index="ivf"), clustered(5, DIM, seed=2)
    assert "twinlens[faiss]" in engine.problem and len(index_files(store)) == 1
    np.testing.assert_array_equal(engine.search(queries, 5)[0], truth(store, queries, 5)[0])
    engine.warm_up()
    engine._building.join()
    assert "twinlens[faiss]" in synced(store, engine).problem


def test_without_memory_for_an_index_answers_stay_exact_and_it_is_not_tried_again(store, monkeypatch):
    def too_large(*_):
        raise MemoryError

    monkeypatch.setattr(_building, "build", too_large)
    engine, queries = synced(store, index="ivf"), clustered(5, DIM, seed=2)
    engine.warm_up()
    engine._building.join()
    assert not synced(store, engine).is_wanted and "memory" in engine.problem
    np.testing.assert_array_equal(engine.search(queries, 5)[0], truth(store, queries, 5)[0])


def test_a_full_disk_leaves_the_index_in_memory(store, monkeypatch):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(_file, "write", full)
    engine = built(store)
    assert engine.recall > 0.9 and "No space" in engine.problem and not index_files(store)


def _killed_while_writing(folder: Path) -> None:
    for module in (_building, ivf, hnsw):
        module.MIN_ROWS = 100
    truncate = Path.chmod

    def die(self, mode):
        if self.name.endswith(".tmp"):
            os.kill(os.getpid(), signal.SIGKILL)
        return truncate(self, mode)

    Path.chmod = die
    with closing(Store.open(folder)) as store:
        built(store)


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
def test_a_kill_while_building_leaves_nothing_wrong(store, monkeypatch):
    process = multiprocessing.get_context("spawn").Process(target=_killed_while_writing, args=(store.folder,))
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    drafts = list((store.folder / "cache").glob("*.tmp"))
    assert len(drafts) == 1 and not index_files(store)
    queries = clustered(5, DIM, seed=2)
    engine = synced(store, index="ivf")
    np.testing.assert_array_equal(engine.search(queries, 5)[0], truth(store, queries, 5)[0])
    built(store)
    assert drafts[0].exists()  # it may be of a process that is still writing
    monkeypatch.setattr(_index_files, "ABANDONED_SECONDS", -1.0)
    built(store)
    assert not drafts[0].exists() and len(index_files(store)) == 1
