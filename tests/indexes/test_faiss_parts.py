"""Shortlists from faiss: with the nearest in spite of the codes, and of rows that exist."""

from __future__ import annotations

import numpy as np
import pytest

from tests.indexes.drawn import clustered
from twinlens.indexes import _faiss, hnsw, ivf
from twinlens.indexes._scan import best, direct

pytest.importorskip("faiss")
ROWS, COUNT = 1500, 10


@pytest.fixture(params=["ivf", "hnsw"])
def index(request, monkeypatch):
    monkeypatch.setattr(ivf, "MIN_ROWS", 1)
    monkeypatch.setattr(hnsw, "MIN_ROWS", 1)
    made = ivf.Ivf(cells=32, probes=32) if request.param == "ivf" else hnsw.Hnsw(search=ROWS)
    made.fit(clustered(ROWS))
    return made


def test_a_shortlist_has_the_nearest(index):
    queries = clustered(40, seed=1)
    for query, rows in zip(queries, index.shortlist(queries, COUNT), strict=True):
        wanted = np.argsort(direct(index.vectors, np.arange(ROWS), query))[:COUNT]
        assert set(wanted) <= set(rows.tolist())


def test_vectors_that_codes_cannot_tell_apart_are_all_compared(index):
    index.fit(np.repeat(clustered(100), 25, axis=0))
    for query, rows in zip(index.vectors[::250], index.shortlist(index.vectors[::250], COUNT), strict=True):
        assert np.count_nonzero(direct(index.vectors, rows, query) == 0) == 25


def test_the_nearest_are_those_of_the_scan_in_float32(index, tmp_path):
    queries = clustered(20, seed=1)
    np.save(tmp_path / "v.npy", index.vectors)
    for vectors in (index.vectors, np.load(tmp_path / "v.npy", mmap_mode="r")):
        rows, squares = index.nearest(vectors, index.squares, queries, COUNT)
        wanted = [best(vectors, np.arange(ROWS), query, COUNT) for query in queries]
        np.testing.assert_array_equal(rows, [found for found, _ in wanted])
        np.testing.assert_allclose(squares, [right for _, right in wanted], rtol=1e-5)


def test_where_the_structure_finds_too_few_all_rows_are_scanned(index, monkeypatch):
    few = np.full((2, _faiss.with_spare(COUNT, ROWS)), -1)
    few[0, :2], few[1, 0] = (5, 1 << 40), ROWS
    monkeypatch.setattr(_faiss, "_candidates", lambda *args: few)
    queries = index.vectors[:2]
    rows, _ = index.nearest(index.vectors, index.squares, queries, COUNT)
    wanted = [best(index.vectors, np.arange(ROWS), query, COUNT)[0] for query in queries]
    np.testing.assert_array_equal(rows, wanted)


def test_equal_vectors_come_by_row(index):
    index.fit(np.repeat(clustered(ROWS // 5), 5, axis=0))
    for row, found in zip(range(0, ROWS, 50), index.search(index.vectors[::50], 5)[0], strict=True):
        assert found.tolist() == list(range(row, row + 5))


def test_numbers_of_no_row_are_left_out(index, monkeypatch):
    monkeypatch.setattr(_faiss, "_candidates", lambda *args: np.array([[3, -1, ROWS, 1 << 40], [0, 1, 2, 3]]))
    assert [rows.tolist() for rows in index.shortlist(index.vectors[:2], COUNT)] == [[3], [0, 1, 2, 3]]
