from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.neighbors import NearestNeighbors

from twinlens.indexes import _scan
from twinlens.indexes.exact import Exact


def brute_force(vectors, queries, k):
    """scikit-learn's distances to everything, ordered by distance, then by row (it breaks ties in any order)."""
    search = NearestNeighbors(algorithm="brute", metric="euclidean").fit(vectors.astype(np.float64))
    distances, rows = search.kneighbors(queries.astype(np.float64), n_neighbors=len(vectors))
    k = min(k, len(vectors))
    order = np.lexsort((rows, np.round(distances, 9)), axis=1)[:, :k]
    return np.take_along_axis(rows, order, 1), np.take_along_axis(distances, order, 1)


def fitted(vectors, **options):
    index = Exact(**options)
    index.fit(vectors)
    return index


# Whole numbers make ties and duplicates common, and their distances exact.
WHOLE = arrays(np.float32, st.tuples(st.integers(1, 60), st.just(3)), elements=st.integers(-3, 3).map(float))


@settings(max_examples=60, deadline=None)
@given(vectors=WHOLE, queries=WHOLE, k=st.integers(1, 70))
def test_agrees_with_brute_force_on_ties_and_duplicates(vectors, queries, k):
    rows, distances = brute_force(vectors, queries, k)
    mine, scores = fitted(vectors).search(queries, k)
    assert np.array_equal(mine, rows)
    assert np.allclose(scores, 1 - distances**2 / 2, atol=1e-5)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), k=st.integers(1, 40), length=st.sampled_from([1e-6, 1.0, 1e4]))
def test_agrees_with_brute_force_over_many_blocks(seed, k, length):
    rng = np.random.default_rng(seed)
    vectors = (length * rng.standard_normal((300, 24))).astype(np.float32)
    queries = np.concatenate([vectors[:5], (length * rng.standard_normal((20, 24))).astype(np.float32)])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_scan, "FIRST_ROWS", 16)
        patch.setattr(_scan, "ESTIMATES_PER_PRODUCT", 300)
        patch.setattr(_scan, "QUERIES_PER_PRODUCT", 8)
        patch.setattr(_scan, "EXTRA_CANDIDATES", 2)
        mine, scores = fitted(vectors).search(queries, k)
    rows, distances = brute_force(vectors / length, queries / length, k)
    assert np.array_equal(mine, rows)
    # The slack is scikit-learn's own rounding near zero, and that of a score near 1 in float32.
    squares = (1 - scores.astype(np.float64)) * 2
    assert np.allclose(squares, (length * distances) ** 2, rtol=1e-5, atol=max(3e-7, 1e-12 * length**2))


def test_near_duplicates_far_from_the_origin_keep_their_order():
    # ‖x‖² − 2x·q in float32 says 0 for all of these distances.
    vectors = np.full((200, 8), 1000.0, dtype=np.float32)
    vectors[:, 0] += np.random.default_rng(0).permutation(200).astype(np.float32) / 1024
    mine, _ = fitted(vectors).search(np.full((1, 8), 1000.0, dtype=np.float32), 200)
    assert np.array_equal(mine[0], np.argsort(vectors[:, 0]))


def test_more_equal_vectors_than_spare_candidates_come_in_row_order():
    vectors = np.random.default_rng(0).standard_normal((3000, 16)).astype(np.float32)
    same = np.arange(7, 3000, 3)
    vectors[same] = vectors[7]
    mine, scores = fitted(vectors).search(vectors[[7]], 50)
    assert np.array_equal(mine[0], same[:50])
    assert np.all(scores == 1)


def test_the_score_of_unit_vectors_is_their_cosine():
    vectors = np.random.default_rng(0).standard_normal((50, 12)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    rows, scores = fitted(vectors).search(vectors[:9], 50)
    assert np.allclose(scores, np.take_along_axis(vectors[:9] @ vectors.T, rows, 1), atol=1e-6)


def test_a_filter_answers_as_a_gallery_of_its_rows_alone():
    rng = np.random.default_rng(0)
    vectors = rng.integers(-2, 3, (500, 4)).astype(np.float32)  # many ties
    for count in (1, 20, 250, 499):
        rows = np.sort(rng.permutation(500)[:count])
        mine, scores = fitted(vectors).search(vectors[:20], 60, rows=rows)
        alone, expected = fitted(vectors[rows]).search(vectors[:20], 60)
        assert np.array_equal(mine, rows[alone])
        assert np.array_equal(scores, expected)
