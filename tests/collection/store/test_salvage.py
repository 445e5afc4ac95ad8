"""Rows read from the pages themselves: all are saved but those whose own pages are damaged."""

from __future__ import annotations

import random
import shutil
import sqlite3
import struct
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from tests.repairs import row_bytes
from twinlens.collection.store import DATABASE, Entry, Store, writing
from twinlens.collection.store.check import structure_faults
from twinlens.collection.store.pages import read_pages
from twinlens.collection.store.salvage import salvage
from twinlens.core.types import TwinlensError

DIM, COUNT, PAGE = 96, 900, 32768


def path_of(n: int) -> Path:
    return Path(f"/pictures/{n:05}.png")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A collection's database of many pages, some of which were freed."""
    folder = tmp_path_factory.mktemp("salvage") / "c"
    with closing(Store.create(folder)) as store:
        with store.change():
            generation = store.add_generation("ab" * 8, "test", DIM)
            for n in range(COUNT + 300):
                caption = f"picture {n} " * (n % 30)
                row = store.add(Entry(path_of(n), n.to_bytes(20, "big"), n, 2, caption, True, {"n": n}))
                store.put_vector(row, generation, np.full(DIM, row, dtype=np.float32))
        store.commit()
        with store.change():
            for n in range(COUNT, COUNT + 300):
                store.remove_path(path_of(n))
        store.commit()
    return folder


@pytest.fixture(scope="module")
def places(made):
    """The bytes of every row by its path, and where the file has them."""
    whole, found = (made / DATABASE).read_bytes(), {}
    for path, body in row_bytes(made).items():
        found[path] = body, list(occurrences(whole, body))
    return found


@pytest.fixture(scope="module")
def pages(made):
    """Number → the pages (from 1) that have the bytes of its entry."""
    whole = (made / DATABASE).read_bytes()
    words = [bytes(path_of(n)) + n.to_bytes(20, "big") for n in range(COUNT)]
    return {n: {at // PAGE + 1 for at in occurrences(whole, word)} for n, word in enumerate(words)}


def occurrences(whole: bytes, part: bytes) -> Iterator[int]:
    """Where a part begins in the bytes of a file."""
    at = whole.find(part)
    while at >= 0:
        yield at
        at = whole.find(part, at + 1)


@pytest.fixture
def folder(made, tmp_path):
    return Path(shutil.copytree(made, tmp_path / "c"))


def saved(folder: Path) -> dict[int, Entry]:
    with closing(Store.open(folder)) as store:
        assert structure_faults(store) == []
        return {int(entry.path.stem): entry for entry in store.good()}


def test_the_pages_tell_what_sqlite_tells(made):
    read = sorted(
        (key, record) for key, record in read_pages(made / DATABASE, default=PAGE).rows() if len(record) == 11
    )
    with closing(sqlite3.connect(made / DATABASE)) as connection:
        rows = connection.execute("SELECT * FROM entry ORDER BY row").fetchall()
    assert [(key, *record[1:]) for key, record in read] == rows and len(rows) == COUNT


@pytest.mark.parametrize("seed", range(12))
def test_every_row_is_saved_whose_page_is_whole(folder, pages, seed):
    rng, data = random.Random(seed), bytearray((folder / DATABASE).read_bytes())
    lost = set(rng.sample(range(1, len(data) // PAGE + 1), rng.randint(1, 6)))
    for page in lost:
        data[(page - 1) * PAGE : page * PAGE] = rng.choice((bytes(PAGE), rng.randbytes(PAGE), b"\xff" * PAGE))
    if cut := rng.choice((0, 0, PAGE, 3 * PAGE)):
        lost |= set(range((len(data) - cut) // PAGE + 1, len(data) // PAGE + 1))
        data = data[: len(data) - cut]
    (folder / DATABASE).write_bytes(data)
    expected = {n for n, those in pages.items() if those and not those & lost}
    with writing(folder):
        told = salvage(folder)
    found = saved(folder)
    assert set(found) >= expected and told.entries == len(found)
    for n, entry in found.items():
        assert (entry.row, entry.size, entry.metadata) == (n + 1, n, {"n": n})
        assert entry.caption == f"picture {n} " * (n % 30)
    assert set(found) <= set(range(COUNT)) or not told.knows_free
    with closing(Store.open(folder)) as store:
        serving = store.serving()
        rows, vectors = store.vectors_there(serving, np.array([entry.row for entry in found.values()]))
        assert (vectors == rows[:, None]).all()


SPOILS = {
    "the kinds of pages": lambda data, rng: _kinds(data, rng),
    "the list of free pages": lambda data, rng: _free_list(data, rng),
    "pages lost": lambda data, rng: _moved(data, rng, b"", PAGE * rng.randint(1, 3)),
    "a sector lost": lambda data, rng: _without_sector(data, rng),
    "pages that came in": lambda data, rng: _moved(data, rng, bytes(PAGE), 0),
    "the headers of pages": lambda data, rng: _over(data, rng, 8),
    "the first sectors of pages": lambda data, rng: _over(data, rng, 512),
    "headers and a row of the page": lambda data, rng: _over(_over(data, rng, 8), rng, 64, at=PAGE - 4_000),
    "the size of a page": lambda data, rng: (
        data[:16] + rng.choice((512, 4096, 16384, 1)).to_bytes(2, "big") + data[18:]
    ),
    "the bytes that are reserved": lambda data, rng: data[:20] + bytes([rng.randint(1, 255)]) + data[21:],
    "bytes lost": lambda data, rng: _moved(data, rng, b"", rng.randint(1, 3 * PAGE)),
    "bytes that came in": lambda data, rng: _moved(data, rng, rng.randbytes(rng.randint(1, 3 * PAGE)), 0),
    "the size of the file": lambda data, rng: data[: rng.randint(len(data) // 2, len(data))],
}


def _over(data: bytes, rng: random.Random, size: int, at: int = 0) -> bytes:
    """Overwrite bytes of three pages with rows."""
    pages = [n for n in range(1, len(data) // PAGE) if data[n * PAGE + 5] and b"/pictures/" in data[n * PAGE :][:PAGE]]
    for n in rng.sample(pages, 3):
        data = data[: n * PAGE + at] + rng.choice((bytes(size), b"\xff" * size)) + data[n * PAGE + at + size :]
    return data


def _kinds(data: bytes, rng: random.Random) -> bytes:
    """Give all pages with rows the first byte of others."""
    spoiled = bytearray(data)
    for n in range(1, len(data) // PAGE):
        if data[n * PAGE] == 13:
            spoiled[n * PAGE] = rng.choice((2, 5, 10))
    return bytes(spoiled)


def _free_list(data: bytes, rng: random.Random) -> bytes:
    """Flip a bit of a number in the list of free pages."""
    (trunk,) = struct.unpack_from(">I", data, 32)
    (count,) = struct.unpack_from(">I", data, (trunk - 1) * PAGE + 4)
    at = (trunk - 1) * PAGE + 8 + 4 * rng.randrange(count) + 3
    return data[:at] + bytes([data[at] ^ 1 << rng.randrange(5)]) + data[at + 1 :]


def _without_sector(data: bytes, rng: random.Random) -> bytes:
    at = 4096 * rng.randrange(8, len(data) // 4096)
    return data[:at] + data[at + 4096 :]


def _moved(data: bytes, rng: random.Random, new: bytes, lost: int) -> bytes:
    place = rng.randint(100, len(data) // 2)
    return data[:place] + new + data[place + lost :]


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("what", SPOILS)
def test_every_row_is_saved_whose_bytes_are_there(folder, places, what, seed):
    rng, whole = random.Random(f"{what}{seed}"), (folder / DATABASE).read_bytes()
    spoiled = SPOILS[what](whole, rng)
    (folder / DATABASE).write_bytes(spoiled)
    with writing(folder):
        told = salvage(folder)
    found = saved(folder)
    # pages that were split keep a copy of what moved away: a row counts where all of its copies are there
    assert {path_of(n) for n in found} >= {
        path
        for path, (body, at) in places.items()
        if all(spoiled[n : n + len(body)] == body for n in at) or spoiled.count(body) == len(at)
    }
    for n, entry in found.items():
        assert (entry.row, entry.size, entry.metadata, entry.caption) == (
            n + 1,
            n,
            {"n": n},
            f"picture {n} " * (n % 30),
        )
    assert set(found) <= set(range(COUNT)) or not told.knows_free


@pytest.mark.parametrize("bit", range(10))
def test_no_vector_is_given_to_another_row(folder, bit):
    """A vector's checksum is of its row too."""
    data = bytearray((folder / DATABASE).read_bytes())
    row = 300
    at = data.index(np.full(DIM, row, dtype="<f4").tobytes()) - 6  # behind the row's number of two bytes: a checksum
    assert data[at : at + 2] == row.to_bytes(2, "big")
    data[at + 1 - bit // 8] ^= 1 << bit % 8
    (folder / DATABASE).write_bytes(data)
    with writing(folder):
        salvage(folder)
    with closing(Store.open(folder)) as store:
        rows, vectors = store.vectors_there(store.serving(), np.arange(1, COUNT + 1))
        assert len(rows) == COUNT and (vectors == rows[:, None]).all()


def test_lost_checksums_are_told(made, tmp_path):
    folder = Path(shutil.copytree(made, tmp_path / "c"))
    with closing(sqlite3.connect(folder / DATABASE)) as connection:
        connection.execute("DELETE FROM entry_check WHERE row < 11")
        connection.commit()
    with writing(folder):
        told = salvage(folder)
    assert told.unchecked == 10 and "10 of them have lost their checksums" in " ".join(told.lines())


def test_long_rows_reach_over_several_pages(tmp_path):
    with closing(Store.create(tmp_path / "c")) as store:
        with store.change():
            store.add_generation("ab" * 8, "test", DIM)
            store.add(Entry(path_of(0), b"", 1, 2, "long " * 50_000, metadata={"x": "y" * 100_000}))
        store.commit()
        before = store.at(path_of(0))
    with writing(tmp_path / "c"):
        salvage(tmp_path / "c")
    with closing(Store.open(tmp_path / "c")) as store:
        assert store.at(path_of(0)) == before


def test_what_was_deleted_does_not_come_back_while_it_is_known(folder):
    with writing(folder):
        assert salvage(folder).knows_free
    assert set(saved(folder)) == set(range(COUNT))


@pytest.mark.parametrize("name", ["entry", "vector", "state"])
def test_no_row_is_made_of_noise(tmp_path, name):
    rng = random.Random(name)
    with closing(Store.create(tmp_path / "c")):
        pass
    data = bytearray((tmp_path / "c" / DATABASE).read_bytes())
    for page in range(2, len(data) // PAGE):
        data[page * PAGE + 8 : (page + 1) * PAGE] = rng.randbytes(PAGE - 8)
        data[page * PAGE : page * PAGE + 8] = bytes([13, 0, 0, 1, 0, 0, 8, 0])  # it says that it has 256 rows
    (tmp_path / "c" / DATABASE).write_bytes(data)
    with writing(tmp_path / "c"), pytest.raises(TwinlensError, match="nothing can be read"):
        salvage(tmp_path / "c")
    assert not list((tmp_path / "c").glob(f"{DATABASE}.*"))
