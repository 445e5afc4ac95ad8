"""The first pass over 8-bit codes: the answers are those of the scan, whatever the numbers are."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from twinlens.indexes import _codes, _first_pass, _trial
from twinlens.indexes._codes import Codes
from twinlens.indexes._first_pass import proved
from twinlens.indexes._scan import Scan, nearest, squared_lengths
from twinlens.indexes.exact import Exact

WHOLE = arrays(np.float32, st.tuples(st.integers(1, 90), st.just(3)), elements=st.integers(-3, 3).map(float))


@pytest.fixture(autouse=True)
def always(monkeypatch):
    """The first pass whatever a trial measures, for any number of rows, whose codes are spread over graphs."""
    monkeypatch.setattr(_first_pass, "MIN_ROWS", 1)
    monkeypatch.setattr(_trial, "GAIN", np.inf)
    monkeypatch.setattr(_first_pass, "RESCORED_SHARE", 1)
    monkeypatch.setattr(_codes, "ROWS_PER_GRAPH", 40)


@pytest.fixture(params=_codes.LEVELS, autouse=True)
def levels(request, monkeypatch):
    """The largest code, of those that this processor multiplies rightly."""
    if request.param > _codes.most_levels():
        pytest.skip(f"this processor multiplies codes up to {_codes.most_levels()}")
    monkeypatch.setattr(_codes, "most_levels", lambda: request.param)
    return request.param


def clustered(seed: int, rows: int = 300, width: int = 24, spread: float = 0.3) -> np.ndarray:
    rng = np.random.default_rng(seed)
    vectors = rng.standard_normal((5, width))[rng.integers(0, 5, rows)] + spread * rng.standard_normal((rows, width))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def in_float64(vectors, query, k):
    """Rows by their distances in float64, then by row."""
    squares = np.square(vectors.astype(np.float64) - query.astype(np.float64)).sum(axis=1)
    return np.lexsort((np.arange(len(vectors)), squares))[:k]


def passed(vectors, query, k):
    found = proved(vectors, squared_lengths(vectors), Codes(vectors), query, k)
    return None if found is None else found[0]


@settings(max_examples=30, deadline=None)
@given(vectors=WHOLE, query=WHOLE, k=st.integers(1, 60))
def test_ties_and_duplicates_come_in_the_order_of_their_rows(vectors, query, k):
    k = min(k, len(vectors))
    found = passed(vectors, query[0], k)
    assert found is None or np.array_equal(found, in_float64(vectors, query[0], k))


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), k=st.integers(1, 40), length=st.sampled_from([1e-12, 1e-3, 1.0, 1e6]))
def test_answers_are_those_of_all_distances_in_float64(seed, k, length):
    vectors = np.float32(length) * clustered(seed)
    query = np.float32(length) * clustered(seed + 1, 1)[0]
    found = passed(vectors, query, k)
    assert found is not None and np.array_equal(found, in_float64(vectors, query, k))


@pytest.mark.parametrize("apart", [1e-3, 1e-5, 1e-6, 1e-7, 0.0])
def test_near_ties_made_to_mislead_are_told_apart(apart):
    rng = np.random.default_rng(3)
    (query,) = clustered(7, 1)
    near = query + apart * rng.standard_normal((200, len(query))).astype(np.float32)
    vectors = np.concatenate([clustered(8), near.astype(np.float32)])[rng.permutation(500)]
    found = passed(vectors, query, 10)
    assert found is not None and np.array_equal(found, in_float64(vectors, query, 10))


@settings(max_examples=30, deadline=None)
@given(vectors=arrays(np.float32, (8, 6), elements=st.floats(-(2.0**50), 2.0**50, width=32, allow_subnormal=False)))
@pytest.mark.parametrize("levels", _codes.LEVELS)
def test_the_bound_of_the_error_holds_in_float64(levels, vectors):
    codes, scales, errors = _codes._coded(vectors, np.empty(0, dtype=np.intp), levels)
    apart = vectors.astype(np.float64) - codes.T.astype(np.float64) * scales.astype(np.float64)[:, None]
    assert (np.linalg.norm(apart, axis=1) <= errors).all()
    assert np.abs(codes.astype(int)).max(initial=0) <= levels


@settings(max_examples=30, deadline=None)
@given(query=arrays(np.float32, 6, elements=st.floats(-(2.0**50), 2.0**50, width=32, allow_subnormal=False)))
def test_a_querys_two_steps_leave_little(query):
    codes, steps, error = _codes._coded_query(query)
    back = (steps.astype(np.float64) @ (codes.astype(np.float64) - _codes.ZERO))[0]
    assert np.linalg.norm(query - back) <= error * (1 + 1e-9) + 1e-300
    assert error <= np.linalg.norm(query.astype(np.float64)) / 1e4 + 1e-43  # steps are float32


def flagged(seed: int) -> np.ndarray:
    """Vectors with flags of missing sides, far larger than the other numbers."""
    vectors = np.hstack([clustered(seed, width=200), np.zeros((300, 2), dtype=np.float32)])
    vectors[::2, -1], vectors[::3, -2] = 4, 7
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def test_flags_of_missing_sides_do_not_coarsen_the_codes():
    vectors, query = flagged(2), flagged(3)[5]
    coded = Codes(vectors)
    assert coded.apart.tolist() == [200, 201]
    assert coded.largest_error < 0.02
    np.testing.assert_allclose(coded.products(query)[0], -2 * vectors @ query, atol=0.04)
    assert np.array_equal(passed(vectors, query, 10), in_float64(vectors, query, 10))


@pytest.mark.parametrize("sign", [1, -1])
def test_a_query_may_ask_most_of_all_for_a_flag_that_no_row_has(sign, monkeypatch):
    monkeypatch.setattr(_first_pass, "RESCORED_SHARE", 16)
    vectors = np.hstack([clustered(2, 3000, spread=1.0), np.zeros((3000, 1), dtype=np.float32)])
    query = np.append(0.1 * clustered(3, 1)[0], np.float32(sign))
    assert Codes(vectors).apart.tolist() == [24]
    assert np.array_equal(passed(vectors, query, 10), in_float64(vectors, query, 10))


def test_a_column_of_zeros_may_hold_numbers_in_rows_that_were_not_looked_at(monkeypatch):
    monkeypatch.setattr(_codes, "ROWS_LOOKED_AT", 30)
    vectors = np.hstack([clustered(2), np.zeros((300, 1), dtype=np.float32)])
    vectors[5::7, -1] = 2
    vectors[::10, -1] = 0
    query = np.append(0.1 * clustered(3, 1)[0], np.float32(1))
    assert Codes(vectors).apart.tolist() == [24]
    assert np.array_equal(passed(vectors, query, 10), in_float64(vectors, query, 10))


def test_products_are_those_of_the_codes():
    vectors, query = clustered(1), clustered(2, 1)[0]
    products, *_ = Codes(vectors).products(query)
    np.testing.assert_allclose(products, -2 * vectors @ query, atol=0.02)


def test_a_scan_uses_the_codes_and_falls_back_where_nothing_is_proved(monkeypatch):
    vectors = clustered(4)
    norms = squared_lengths(vectors)
    scan = Scan(vectors, norms)
    assert scan.prepare()
    queries = clustered(5, 3)
    for asked in (queries[:1], queries, clustered(6, 9)):
        for found, wanted in zip(scan.nearest(asked, 7), nearest(vectors, norms, asked, 7), strict=True):
            np.testing.assert_array_equal(found, wanted)
    assert scan.first_pass.fallbacks == 0
    monkeypatch.setattr(_first_pass, "RESCORED_SHARE", len(vectors) + 1)
    np.testing.assert_array_equal(scan.nearest(queries, 7)[0], nearest(vectors, norms, queries, 7)[0])
    assert scan.first_pass.fallbacks == 3


def test_rows_that_are_never_answers_are_none():
    vectors = clustered(9)
    vectors[3] = np.nan
    vectors[4, 0] = np.inf
    vectors[5:90:3, 7] = 40.0  # a column that is kept apart
    norms = squared_lengths(vectors)
    norms[~np.isfinite(norms)] = np.inf
    norms[10:20] = np.inf
    query = vectors[12]
    rows, _ = proved(vectors, norms, Codes(vectors), query, 50)
    assert not set(rows.tolist()) & {3, 4, *range(10, 20)}
    np.testing.assert_array_equal(rows, nearest(vectors, norms, query[None], 50)[0][0])


def test_a_processor_that_saturates_keeps_the_scan(monkeypatch):
    monkeypatch.setattr(_first_pass, "most_levels", lambda: 0)
    scan = Scan(clustered(1), squared_lengths(clustered(1)))
    assert not scan.prepare() and scan.first_pass is None


def test_a_trial_without_gain_keeps_the_scan(monkeypatch):
    monkeypatch.setattr(_trial, "GAIN", 0.0)
    scan = Scan(clustered(1), squared_lengths(clustered(1)))
    assert not scan.prepare() and scan.first_pass is None


def test_few_rows_are_not_coded(monkeypatch):
    monkeypatch.setattr(_first_pass, "MIN_ROWS", 1000)
    assert not Scan(clustered(1), squared_lengths(clustered(1))).prepare()


def test_the_exact_index_answers_alike_with_and_without():
    vectors, queries = clustered(11), clustered(12, 5)
    found = []
    for first_pass in (False, True):
        index = Exact(first_pass=first_pass)
        index.fit(vectors)
        found.append([index.search(query[None], 6) for query in queries])
        assert (index.scan.first_pass is not None) == first_pass
    for plain, coded in zip(*found, strict=True):
        np.testing.assert_array_equal(plain[0], coded[0])
        np.testing.assert_array_equal(plain[1], coded[1])
