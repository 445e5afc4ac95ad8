"""What every listed index promises, whatever its file does."""

from __future__ import annotations

import inspect

import numpy as np
import pytest

from twinlens.core import variants
from twinlens.core.types import TwinlensError
from twinlens.indexes import Index

NAMES = variants.names("indexes")


def unit(count, dim=16, seed=0):
    vectors = np.random.default_rng(seed).standard_normal((count, dim)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


@pytest.fixture(params=NAMES)
def index(request):
    return variants.make("indexes", request.param)


def test_the_menu_is_not_empty():
    assert {"exact", "tree", "cluster_svm"} <= set(NAMES)


def test_is_an_index_with_options_by_keyword(index):
    assert isinstance(index, Index)
    with pytest.raises(TwinlensError, match="no option 'colour'"):
        variants.make("indexes", type(index).__module__.rpartition(".")[2], colour="red")


def test_finds_an_entry_by_its_own_vector(index):
    vectors = unit(100)
    index.fit(vectors)
    rows, scores = index.search(vectors, 5)
    assert np.array_equal(rows[:, 0], np.arange(100))
    assert rows.dtype == np.int64
    assert scores.shape == (100, 5)
    assert scores.dtype == np.float32
    assert np.allclose(scores[:, 0], 1)


def test_scores_are_cosines_and_fall(index):
    vectors, queries = unit(80), unit(7, seed=1)
    index.fit(vectors)
    rows, scores = index.search(queries, 20)
    assert np.allclose(scores, np.take_along_axis(queries @ vectors.T, rows, 1), atol=1e-5)
    assert np.all(np.diff(scores, axis=1) <= 0)
    assert all(len(set(line)) == 20 for line in rows.tolist())


def test_equal_entries_come_in_the_order_of_their_rows(index):
    vectors = np.repeat(unit(10), 4, axis=0)
    index.fit(vectors)
    rows, _ = index.search(vectors[::4], 4)
    assert np.array_equal(rows.ravel(), np.arange(40))


def test_k_beyond_the_gallery_gives_all_of_it(index):
    index.fit(unit(9))
    rows, scores = index.search(unit(3, seed=1), 50)
    assert scores.shape == (3, 9)
    assert np.array_equal(np.sort(rows, axis=1), np.tile(np.arange(9), (3, 1)))


def test_one_vector(index):
    index.fit(unit(1))
    rows, scores = index.search(unit(2, seed=1), 3)
    assert rows.tolist() == [[0], [0]]
    assert scores.shape == (2, 1)


def test_no_vectors(index):
    index.fit(np.empty((0, 16), dtype=np.float32))
    rows, scores = index.search(unit(2), 3)
    assert rows.shape == scores.shape == (2, 0)


def test_no_queries(index):
    index.fit(unit(20))
    rows, scores = index.search(np.empty((0, 16), dtype=np.float32), 3)
    assert rows.shape == scores.shape == (0, 3)


def test_fitting_again_forgets(index):
    index.fit(unit(40))
    index.fit(unit(5, dim=3, seed=2))
    assert index.search(unit(1, dim=3), 40)[1].shape == (1, 5)


def test_two_equal_runs_answer_alike(index):
    vectors, queries = unit(120), unit(30, seed=1)
    index.fit(vectors)
    other = type(index)()
    other.fit(vectors)
    assert np.array_equal(index.search(queries, 10)[0], other.search(queries, 10)[0])


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_numbers_that_are_none_are_refused(index, bad):
    vectors = unit(10)
    vectors[3, 2] = bad
    with pytest.raises(TwinlensError, match="vector 3"):
        index.fit(vectors)
    index.fit(unit(10))
    with pytest.raises(TwinlensError, match="vector 3"):
        index.search(vectors, 1)


def test_what_does_not_fit_is_refused(index):
    with pytest.raises(TwinlensError, match="fit it"):
        index.search(unit(1), 1)
    with pytest.raises(TwinlensError, match="shape"):
        index.fit(np.ones(3, dtype=np.float32))
    index.fit(unit(10))
    with pytest.raises(TwinlensError, match="8 dimensions, the index 16"):
        index.search(unit(1, dim=8), 1)
    for k, told in ((0, "k must be at least 1"), (1.5, "k wants a whole number, not 1.5")):
        with pytest.raises(TwinlensError, match=told):
            index.search(unit(1), k)


def test_options_of_another_type_are_refused(index):
    kind = type(index)
    for option in inspect.signature(kind).parameters:
        for wrong in ("x", ["x"]):
            with pytest.raises(TwinlensError, match=option):
                kind(**{option: wrong})


@pytest.mark.parametrize("share", [0.02, 0.5, 1.0])
def test_a_filter_ranks_its_rows_alone(index, share):
    vectors, queries = unit(400), unit(12, seed=1)
    index.fit(vectors)
    rows = np.flatnonzero(np.random.default_rng(2).random(400) < share)
    found, scores = index.search(queries, 10, rows=rows)
    k = min(10, len(rows))
    assert found.shape == scores.shape == (12, k)
    if share < 1:  # an approximate index stays one without a filter that leaves something out
        order = np.argsort(-(queries @ vectors[rows].T), axis=1, kind="stable")[:, :k]
        assert np.array_equal(found, rows[order])
    assert np.isin(found, rows).all()


def test_a_filter_that_leaves_nothing_answers_nothing(index):
    index.fit(unit(10))
    rows, scores = index.search(unit(2), 3, rows=np.empty(0, dtype=np.int64))
    assert rows.shape == scores.shape == (2, 0)
