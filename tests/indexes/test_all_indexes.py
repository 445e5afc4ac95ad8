"""What every listed index promises, whatever its file does."""

from __future__ import annotations

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


def fit(index, vectors):
    index.fit(vectors, [f"entry {row}" for row in range(len(vectors))])


def test_the_menu_is_not_empty():
    assert {"exact", "tree", "cluster_svm"} <= set(NAMES)


def test_is_an_index_with_options_by_keyword(index):
    assert isinstance(index, Index)
    with pytest.raises(TwinlensError, match="no option 'colour'"):
        variants.make("indexes", type(index).__module__.rpartition(".")[2], colour="red")


def test_finds_an_entry_by_its_own_vector(index):
    vectors = unit(100)
    fit(index, vectors)
    ids, scores = index.search(vectors, 5)
    assert [line[0] for line in ids] == [f"entry {row}" for row in range(100)]
    assert scores.shape == (100, 5)
    assert scores.dtype == np.float32
    assert np.allclose(scores[:, 0], 1)


def test_scores_are_cosines_and_fall(index):
    vectors, queries = unit(80), unit(7, seed=1)
    fit(index, vectors)
    ids, scores = index.search(queries, 20)
    rows = np.array([[int(entry.split()[1]) for entry in line] for line in ids])
    assert np.allclose(scores, np.take_along_axis(queries @ vectors.T, rows, 1), atol=1e-5)
    assert np.all(np.diff(scores, axis=1) <= 0)
    assert all(len(set(line)) == 20 for line in ids)


def test_equal_entries_come_in_the_order_of_their_rows(index):
    vectors = np.repeat(unit(10), 4, axis=0)
    fit(index, vectors)
    ids, _ = index.search(vectors[::4], 4)
    assert ids == [[f"entry {4 * n + m}" for m in range(4)] for n in range(10)]


def test_k_beyond_the_gallery_gives_all_of_it(index):
    fit(index, unit(9))
    ids, scores = index.search(unit(3, seed=1), 50)
    assert scores.shape == (3, 9)
    assert all(sorted(line) == [f"entry {row}" for row in range(9)] for line in ids)


def test_one_vector(index):
    fit(index, unit(1))
    ids, scores = index.search(unit(2, seed=1), 3)
    assert ids == [["entry 0"], ["entry 0"]]
    assert scores.shape == (2, 1)


def test_no_vectors(index):
    fit(index, np.empty((0, 16), dtype=np.float32))
    ids, scores = index.search(unit(2), 3)
    assert ids == [[], []]
    assert scores.shape == (2, 0)


def test_no_queries(index):
    fit(index, unit(20))
    ids, scores = index.search(np.empty((0, 16), dtype=np.float32), 3)
    assert ids == []
    assert scores.shape == (0, 3)


def test_fitting_again_forgets(index):
    fit(index, unit(40))
    fit(index, unit(5, dim=3, seed=2))
    assert index.search(unit(1, dim=3), 40)[1].shape == (1, 5)


def test_two_equal_runs_answer_alike(index):
    vectors, queries = unit(120), unit(30, seed=1)
    fit(index, vectors)
    other = type(index)()
    fit(other, vectors)
    assert index.search(queries, 10)[0] == other.search(queries, 10)[0]


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_numbers_that_are_none_are_refused(index, bad):
    vectors = unit(10)
    vectors[3, 2] = bad
    with pytest.raises(TwinlensError, match="vector 3"):
        fit(index, vectors)
    fit(index, unit(10))
    with pytest.raises(TwinlensError, match="vector 3"):
        index.search(vectors, 1)


def test_what_does_not_fit_is_refused(index):
    with pytest.raises(TwinlensError, match="fit it"):
        index.search(unit(1), 1)
    with pytest.raises(TwinlensError, match="shape"):
        index.fit(np.ones(3, dtype=np.float32), ["a", "b", "c"])
    with pytest.raises(TwinlensError, match="one id per vector"):
        index.fit(unit(3), ["a", "b"])
    fit(index, unit(10))
    with pytest.raises(TwinlensError, match="8 dimensions, the index 16"):
        index.search(unit(1, dim=8), 1)
    with pytest.raises(TwinlensError, match="k must be"):
        index.search(unit(1), 0)
