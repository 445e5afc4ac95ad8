from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.neighbors import NearestNeighbors

from twinlens.core.types import TwinlensError
from twinlens.indexes.exact import Exact
from twinlens.indexes.tree import Tree

WHOLE = arrays(np.float32, st.tuples(st.integers(1, 60), st.just(3)), elements=st.integers(-3, 3).map(float))


def fitted(index, vectors):
    index.fit(vectors)
    return index


def brute_force(vectors, queries, k):
    search = NearestNeighbors(algorithm="brute", metric="euclidean").fit(vectors.astype(np.float64))
    distances, rows = search.kneighbors(queries.astype(np.float64), n_neighbors=len(vectors))
    order = np.lexsort((rows, np.round(distances, 9)), axis=1)[:, :k]
    return np.take_along_axis(rows, order, 1), np.take_along_axis(distances, order, 1)


@settings(max_examples=60, deadline=None)
@given(
    vectors=WHOLE,
    queries=WHOLE,
    k=st.integers(1, 70),
    partition=st.sampled_from(["ball", "kd"]),
    leaf=st.integers(1, 9),
)
def test_agrees_with_brute_force_on_ties_and_duplicates(vectors, queries, k, partition, leaf):
    rows, distances = brute_force(vectors, queries, k)
    found, scores = fitted(Tree(partition=partition, leaf=leaf), vectors).search(queries, k)
    assert np.array_equal(found, rows)
    assert np.allclose(scores, 1 - distances**2 / 2, atol=1e-5)


@pytest.mark.parametrize("partition", ["ball", "kd"])
@pytest.mark.parametrize("length", [1e-6, 1.0, 1e4])
def test_gives_the_answers_and_scores_of_exact(partition, length):
    rng = np.random.default_rng(0)
    vectors = (length * rng.standard_normal((500, 20))).astype(np.float32)
    vectors[100:200] = vectors[:100]
    queries = np.concatenate([vectors[:30], (length * rng.standard_normal((30, 20))).astype(np.float32)])
    rows, scores = fitted(Tree(partition=partition, leaf=5), vectors).search(queries, 7)
    exact_rows, exact_scores = fitted(Exact(), vectors).search(queries, 7)
    assert np.array_equal(rows, exact_rows)
    assert np.array_equal(scores, exact_scores)


def test_an_unknown_partition_names_the_known_ones():
    with pytest.raises(TwinlensError, match="ball, kd"):
        Tree(partition="quad")
    with pytest.raises(TwinlensError, match="leaf"):
        Tree(leaf=0)
