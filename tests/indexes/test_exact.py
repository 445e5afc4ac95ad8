from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.neighbors import NearestNeighbors

from twinlens.core.types import TwinlensError
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
    index.fit(vectors, [str(row) for row in range(len(vectors))])
    return index


def found(index, queries, k):
    ids, scores = index.search(queries, k)
    return np.array([[int(entry) for entry in line] for line in ids]).reshape(scores.shape), scores


# Whole numbers make ties and duplicates common, and their distances exact.
WHOLE = arrays(np.float32, st.tuples(st.integers(1, 60), st.just(3)), elements=st.integers(-3, 3).map(float))


@settings(max_examples=60, deadline=None)
@given(vectors=WHOLE, queries=WHOLE, k=st.integers(1, 70))
def test_agrees_with_brute_force_on_ties_and_duplicates(vectors, queries, k):
    rows, distances = brute_force(vectors, queries, k)
    mine, scores = found(fitted(vectors), queries, k)
    assert np.array_equal(mine, rows)
    assert np.allclose(scores, 1 - distances**2 / 2, atol=1e-5)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), k=st.integers(1, 40), length=st.sampled_from([1e-6, 1.0, 1e4]))
def test_agrees_with_brute_force_over_many_blocks(seed, k, length):
    rng = np.random.default_rng(seed)
    vectors = (length * rng.standard_normal((300, 24))).astype(np.float32)
    queries = np.concatenate([vectors[:5], (length * rng.standard_normal((20, 24))).astype(np.float32)])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_scan, "FIRST", 16)
        patch.setattr(_scan, "ESTIMATES", 300)
        patch.setattr(_scan, "TOGETHER", 8)
        patch.setattr(_scan, "EXTRA_CANDIDATES", 2)
        mine, scores = found(fitted(vectors), queries, k)
    rows, distances = brute_force(vectors / length, queries / length, k)
    assert np.array_equal(mine, rows)
    # The slack is scikit-learn's own rounding near zero, and that of a score near 1 in float32.
    squares = (1 - scores.astype(np.float64)) * 2
    assert np.allclose(squares, (length * distances) ** 2, rtol=1e-5, atol=max(3e-7, 1e-12 * length**2))


def test_near_duplicates_far_from_the_origin_keep_their_order():
    # ‖x‖² − 2x·q in float32 says 0 for all of these distances.
    vectors = np.full((200, 8), 1000.0, dtype=np.float32)
    vectors[:, 0] += np.random.default_rng(0).permutation(200).astype(np.float32) / 1024
    mine, _ = found(fitted(vectors), np.full((1, 8), 1000.0, dtype=np.float32), 200)
    assert np.array_equal(mine[0], np.argsort(vectors[:, 0]))


def test_more_equal_vectors_than_spare_candidates_come_in_row_order():
    vectors = np.random.default_rng(0).standard_normal((3000, 16)).astype(np.float32)
    same = np.arange(7, 3000, 3)
    vectors[same] = vectors[7]
    mine, scores = found(fitted(vectors), vectors[[7]], 50)
    assert np.array_equal(mine[0], same[:50])
    assert np.all(scores == 1)


def test_the_score_of_unit_vectors_is_their_cosine():
    vectors = np.random.default_rng(0).standard_normal((50, 12)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    rows, scores = found(fitted(vectors), vectors[:9], 50)
    assert np.allclose(scores, np.take_along_axis(vectors[:9] @ vectors.T, rows, 1), atol=1e-6)


def test_adding_and_removing_equals_fitting_what_is_left():
    rng = np.random.default_rng(0)
    vectors = rng.standard_normal((30, 4)).astype(np.float32)
    index = Exact()
    index.add(vectors[:10], [str(n) for n in range(10)])
    index.add(vectors[10:], [str(n) for n in range(10, 30)])
    index.remove(["3", "17", "29"])
    kept = [n for n in range(30) if n not in (3, 17, 29)]
    expected = Exact()
    expected.fit(vectors[kept], [str(n) for n in kept])
    assert index.search(vectors, 27)[0] == expected.search(vectors, 27)[0]
    index.remove([str(n) for n in kept])
    assert index.search(vectors[:2], 5)[0] == [[], []]


def test_removing_what_is_not_there_drops_nothing():
    index = fitted(np.eye(3, dtype=np.float32))
    with pytest.raises(TwinlensError, match="'7'"):
        index.remove(["0", "7"])
    assert len(index.search(np.eye(3, dtype=np.float32), 3)[0][0]) == 3


def test_added_vectors_must_be_as_wide():
    index = fitted(np.eye(3, dtype=np.float32))
    with pytest.raises(TwinlensError, match="4 dimensions, the index 3"):
        index.add(np.ones((1, 4), dtype=np.float32), ["x"])
