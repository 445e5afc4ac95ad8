"""Shortlists from faiss: as short as the error of the codes allows, and of rows that exist."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tests.indexes.drawn import clustered
from twinlens.indexes import _faiss, hnsw, ivf
from twinlens.indexes._scan import direct

pytest.importorskip("faiss")
ROWS, COUNT = 1500, 10


@pytest.fixture(params=["ivf", "hnsw"])
def index(request, monkeypatch):
    monkeypatch.setattr(ivf, "MIN_ROWS", 1)
    monkeypatch.setattr(hnsw, "MIN_ROWS", 1)
    made = ivf.Ivf(cells=32, probes=32) if request.param == "ivf" else hnsw.Hnsw(search=ROWS)
    made.fit(clustered(ROWS))
    return made


def test_a_shortlist_has_the_nearest_and_few_others(index):
    queries = clustered(40, seed=1)
    shortlists = index.shortlist(queries, COUNT)
    for query, rows in zip(queries, shortlists, strict=True):
        wanted = np.argsort(direct(index.vectors, np.arange(ROWS), query))[:COUNT]
        assert set(wanted) <= set(rows.tolist())
    assert np.mean([len(rows) for rows in shortlists]) < _faiss.with_spare(COUNT, ROWS) - 5


def test_without_a_slack_all_candidates_are_compared(index):
    index.slack = math.inf
    assert {len(rows) for rows in index.shortlist(clustered(5, seed=1), COUNT)} == {_faiss.with_spare(COUNT, ROWS)}


def test_vectors_that_codes_cannot_tell_apart_are_all_compared(index):
    index.fit(np.repeat(clustered(100), 25, axis=0))
    for query, rows in zip(index.vectors[::250], index.shortlist(index.vectors[::250], COUNT), strict=True):
        assert np.count_nonzero(direct(index.vectors, rows, query) == 0) == 25


def test_the_slack_is_the_error_of_the_codes(index):
    assert 0 < index.slack < 0.1
    whole = type(index)(codes="flat")
    whole.fit(index.vectors)
    assert whole.slack < index.slack / 100


def test_a_file_keeps_the_slack(index, tmp_path):
    index.save(tmp_path / "f")
    assert type(index).load(tmp_path / "f", index.vectors).slack == index.slack


@pytest.mark.parametrize("squares", [[0.0, 1.0, 4.0, 9.0], [math.nan] * 4, [0.0, math.inf, math.inf, math.nan]])
def test_numbers_of_no_row_are_left_out(squares):
    distances, labels = np.array(squares, np.float32), np.array([3, -1, 7, 1 << 40])
    assert _faiss._near(distances, labels, 4, 4, math.inf).tolist() == [3]
