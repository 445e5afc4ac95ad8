from __future__ import annotations

import multiprocessing
import os
import shutil
import signal
import sqlite3
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from twinlens.collection.store import DAMAGED, DATABASE, Entry, Matrix, Store, gallery, writing
from twinlens.collection.store.check import damaged_vectors, structure_faults
from twinlens.collection.store.salvage import salvage
from twinlens.core.types import TwinlensError

DIM = 4


def fill(store: Store, names, *, generation=None):
    """Entries with vectors that tell their row."""
    generation = generation or start(store)
    with store.change():
        for name in names:
            row = store.add(Entry(Path(f"/p/{name}"), str(name).encode(), 1, 2))
            store.put_vector(row, generation, np.full(DIM, row, dtype=np.float32))
    store.commit()
    return generation


def start(store: Store, digest="00" * 8):
    with store.change():
        generation = store.add_generation(digest, "test", DIM)
    store.commit()
    return generation


def held(found) -> dict[int, list[float]]:
    return dict(zip(found.rows.tolist(), found.vectors(found.rows).tolist(), strict=True))


@pytest.fixture
def store(tmp_path):
    with closing(Store.create(tmp_path / "c")) as store:
        yield store


def test_the_file_is_written_as_the_durable_store_it_is(store):
    pragmas = {name: store.ask(f"PRAGMA {name}")[0][0] for name in ("journal_mode", "synchronous", "page_size")}
    assert pragmas == {"journal_mode": "wal", "synchronous": 2, "page_size": 32768}


def test_an_entry_comes_back_as_it_was(store):
    path = Path(os.fsdecode(b"/p/\xff name\n.jpg"))
    entry = Entry(path, b"\0\1", 5, 2**60, "ein Hund 🐕", True, {"year": 2020, "tags": ["a"], "x": None}, None, 3, 4)
    with store.change():
        row = store.add(entry)
    found = store.at(path)
    assert found == Entry(**{**vars(entry), "row": row}) == store.get(row)


def test_what_is_inside_a_change_happens_all_or_not_at_all(store):
    generation = fill(store, ["a"])
    with store.change():
        store.add(Entry(Path("/p/b"), b"", 1, 2))
    with pytest.raises(ValueError, match="a vector of 3 numbers"), store.change():
        row = store.add(Entry(Path("/p/c"), b"", 1, 2))
        store.put_vector(row, generation, np.ones(3, dtype=np.float32))
    store.commit()
    assert [os.fsdecode(path)[3:] for path in store.paths(Path("/p"))] == ["a", "b"]
    with store.change():
        store.remove_path(Path("/p/a"))
    store.rollback()
    assert store.at(Path("/p/a")) is not None


def test_entries_below_a_folder(store):
    fill(store, ["a/1", "a/2", "a-b/3", "ab", "b"])
    assert list(store.paths(Path("/p/a"), page=1)) == [b"/p/a/1", b"/p/a/2"]


def test_only_a_collection_is_opened(tmp_path):
    with pytest.raises(TwinlensError, match="there is no collection in"):
        Store.open(tmp_path)
    path = tmp_path / DATABASE
    path.write_bytes(b"hello" * 1000)
    with pytest.raises(TwinlensError, match="is not a database"):
        Store.open(tmp_path)
    path.unlink()
    with closing(sqlite3.connect(path)) as sql:
        sql.execute("CREATE TABLE entry (row INTEGER)")
    with pytest.raises(TwinlensError, match="is not a collection of twinlens"):
        Store.open(tmp_path)


def test_a_newer_collection_asks_for_an_update(store, tmp_path):
    store.ask("PRAGMA user_version = 99")
    with pytest.raises(TwinlensError, match=r"has version 99.*update twinlens"):
        Store.open(tmp_path / "c")


def test_create_does_not_touch_what_is_there(store, tmp_path):
    fill(store, ["a"])
    with pytest.raises(TwinlensError, match="there is a collection in"):
        Store.create(tmp_path / "c")
    assert store.at(Path("/p/a"))


def test_a_full_disk_is_one_line_and_keeps_what_was_committed(store):
    generation = fill(store, ["a"])
    pages = store.ask("PRAGMA page_count")[0][0]
    store.ask(f"PRAGMA max_page_count = {pages + 2}")
    with pytest.raises(TwinlensError, match="the disk is full; make room"):
        fill(store, [f"name-{n}" * 100 for n in range(1000)], generation=generation)
    store.rollback()
    assert [os.fsdecode(path)[3:] for path in store.paths(Path("/p"))] == ["a"]
    assert structure_faults(store) == []
    store.ask("PRAGMA max_page_count = 1000000")
    fill(store, ["b"], generation=generation)
    assert len(list(store.paths(Path("/p")))) == 2


# One writer --------------------------------------------------------------------------------------------------------


def hold(folder, pipe):
    with writing(folder):
        pipe.send(os.getpid())
        signal.pause()


def test_a_second_writer_is_told_who_writes_and_a_dead_one_leaves_nothing(tmp_path):
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe()
    process = context.Process(target=hold, args=(tmp_path, theirs))
    process.start()
    pid = ours.recv()
    with pytest.raises(TwinlensError, match=f"is being written by process {pid}"), writing(tmp_path):
        pass
    process.kill()
    process.join()
    with writing(tmp_path), pytest.raises(TwinlensError, match=str(os.getpid())), writing(tmp_path):
        pass
    with writing(tmp_path):
        pass


def test_readers_work_while_a_writer_writes(store, tmp_path):
    generation = fill(store, ["a"])
    with closing(Store.open(tmp_path / "c")) as reader, store.change():
        store.put_vector(store.add(Entry(Path("/p/b"), b"", 1, 2)), generation, np.ones(DIM, dtype=np.float32))
        assert len(held(gallery(reader, None))) == 1
    store.commit()


# The matrix --------------------------------------------------------------------------------------------------------


def test_the_matrix_is_extended_and_not_written_again(store, tmp_path):
    generation = fill(store, "abc")
    matrix = Matrix(tmp_path / "c")
    matrix.write(gallery(store, matrix.read()))
    before = {path.name: path.stat().st_ino for path in matrix.folder.iterdir() if path.suffix != ".json"}
    fill(store, "de", generation=generation)
    now = gallery(store, matrix.read())
    assert [len(block) for block in now.blocks] == [3, 2]
    matrix.write(now)
    assert {path.name: path.stat().st_ino for path in matrix.folder.iterdir() if path.suffix != ".json"} == before
    assert matrix.fault() is None
    read = matrix.read()
    assert read.state == store.state() and held(read) == held(gallery(store, None))
    assert gallery(store, read) is read


@pytest.mark.parametrize("damage", ["cut", "flip", "index", "rows", "gone"])
def test_a_damaged_matrix_is_found_and_made_again(store, tmp_path, damage):
    fill(store, "abc")
    matrix = Matrix(tmp_path / "c")
    matrix.write(gallery(store, None))
    good = held(matrix.read())
    vectors, rows = (next(matrix.folder.glob(f"*.{suffix}")) for suffix in ("f32", "i64"))
    if damage == "cut":
        os.truncate(vectors, 10)
    elif damage == "gone":
        rows.unlink()
    elif damage == "index":
        (matrix.folder / "matrix.json").write_text('{"state": 3}')
    else:
        path = vectors if damage == "flip" else rows
        path.write_bytes(path.read_bytes()[:-1] + b"\x7f")
    assert matrix.fault() is not None
    if damage not in ("flip", "rows"):
        assert matrix.read() is None
    matrix.clear()
    matrix.write(gallery(store, matrix.read()))
    assert matrix.fault() is None and held(matrix.read()) == good


def test_a_matrix_of_another_collection_or_of_a_later_state_is_not_used(store, tmp_path):
    generation = fill(store, "abc")
    store.ask("PRAGMA wal_checkpoint(TRUNCATE)")
    shutil.copy(tmp_path / "c" / DATABASE, tmp_path / "earlier")
    fill(store, "de", generation=generation)
    matrix = Matrix(tmp_path / "c")
    matrix.write(gallery(store, None))
    (tmp_path / "old").mkdir()
    shutil.copy(tmp_path / "earlier", tmp_path / "old" / DATABASE)
    with closing(Store.open(tmp_path / "old")) as old, closing(Store.create(tmp_path / "other")) as other:
        assert sorted(held(gallery(old, matrix.read()))) == [1, 2, 3]
        fill(other, "xy")
        assert sorted(held(gallery(other, matrix.read()))) == [1, 2]


def change(store, generation, what, n):
    """Add or remove a picture, or drop or restore the vector of a row."""
    if what == "+":
        row = store.add(Entry(Path(f"/p/{n}"), b"", 1, 2))
        store.put_vector(row, generation, np.full(DIM, row, dtype=np.float32))
    elif what == "-":
        store.remove_path(Path(f"/p/{n}"))
    elif what == "~" and n and store.get(n):
        store.drop_vector(n, generation.number)
    elif what == "!" and n and store.get(n):
        store.put_vector(n, generation, np.full(DIM, n, dtype=np.float32), late=True)


@settings(max_examples=40, deadline=None)
@given(steps=st.lists(st.tuples(st.sampled_from("+-~!wr"), st.integers(0, 9)), max_size=15))
def test_whatever_happens_the_gallery_is_what_the_store_has(tmp_path_factory, steps):
    folder = tmp_path_factory.mktemp("g") / "c"
    with closing(Store.create(folder)) as store:
        generation, matrix, kept = fill(store, range(3)), Matrix(folder), None
        for what, n in steps:
            with store.change():
                change(store, generation, what, n)
            store.commit()
            if what == "w":
                matrix.write(gallery(store, matrix.read()))
                assert matrix.fault() is None
            if what == "r":
                kept = gallery(store, kept)
        expected = {row: [float(row)] * DIM for row in store.rows(generation.number).tolist()}
        for base in (None, kept, matrix.read()):
            assert held(gallery(store, base)) == expected


# Damage ------------------------------------------------------------------------------------------------------------


def test_a_damaged_vector_is_found(store):
    generation = fill(store, "abc")
    store.ask("UPDATE vector SET data = zeroblob(16) WHERE row = 2")
    assert list(damaged_vectors(store)) == [(2, generation.number)]
    with pytest.raises(TwinlensError, match=r"damaged vector \(row 2\); mend it with: twinlens repair"):
        gallery(store, None)


def test_what_can_be_read_of_a_damaged_file_is_saved(tmp_path):
    folder = tmp_path / "c"
    with closing(Store.create(folder)) as store:
        generation = start(store)
        with store.change():
            for n in range(4000):
                row = store.add(Entry(Path(f"/p/{n:05}"), b"", 1, 2, "words " * 10))
                store.put_vector(row, generation, np.full(DIM, row, dtype=np.float32))
        store.commit()
        root = store.ask("SELECT rootpage FROM sqlite_master WHERE name = 'entry'")[0][0]
    data = bytearray((folder / DATABASE).read_bytes())
    page = next(n for n in range(root, len(data) // 32768) if b"/p/02000\x02words" in data[n * 32768 : (n + 1) * 32768])
    data[page * 32768 : (page + 1) * 32768] = b"\xa5" * 32768
    (folder / DATABASE).write_bytes(data)
    with closing(Store.open(folder)) as store:
        assert structure_faults(store)
    with writing(folder):
        saved = salvage(folder).entries
    assert 3000 < saved < 4000
    with closing(Store.open(folder)) as store:
        assert structure_faults(store) == [] and list(damaged_vectors(store)) == []
        assert len(held(gallery(store, None))) == saved
    assert (folder / DAMAGED).exists()
