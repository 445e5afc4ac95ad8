"""Rows that a graph forgets for a while."""

from __future__ import annotations

import numpy as np
import pytest

from tests.indexes.drawn import clustered
from twinlens.indexes import hnsw
from twinlens.indexes._recall import calibrated

faiss = pytest.importorskip("faiss")
ROWS = 1500


@pytest.fixture
def index(monkeypatch):
    monkeypatch.setattr(hnsw, "MIN_ROWS", 1)
    made = hnsw.Hnsw(links=8, build=40, search=ROWS)
    made.fit(clustered(ROWS))
    return made


def test_no_search_meets_hidden_rows_and_all_others_are_found(index):
    rows = np.arange(0, ROWS, 10)
    with index.without(rows) as hidden:
        assert set(hidden) <= set(rows) and len(hidden) > 0.7 * len(rows)
        found = np.unique(np.concatenate(index.shortlist(index.vectors, 10)))
        others = np.setdiff1d(np.arange(ROWS), hidden)
        assert not np.isin(found, hidden).any() and len(found) > 0.98 * len(others)


def test_the_graph_is_afterwards_as_it_was(index):
    before = faiss.serialize_index(index.structure)
    with pytest.raises(KeyError), index.without(np.arange(50)):
        assert (faiss.serialize_index(index.structure) != before).any()
        raise KeyError
    calibrated(index)
    np.testing.assert_array_equal(faiss.serialize_index(index.structure), before)


def test_a_mapped_graph_is_only_read(index, tmp_path):
    index.save(tmp_path / "f")
    with hnsw.Hnsw.load(tmp_path / "f", index.vectors).without(np.arange(50)) as hidden:
        assert not len(hidden)


def test_calibration_tells_the_recall_of_new_entries(index):
    assert 0.95 <= calibrated(index, recall=0.95).measured["new entries"] <= 1
