"""The laws of indexes that compare shortlists: recall, files, filters, answers of the exact scan at full effort."""

from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.damage import damaged
from tests.indexes.drawn import clustered, recall
from twinlens.core import variants
from twinlens.core.types import TwinlensError
from twinlens.indexes import _faiss, hnsw, ivf
from twinlens.indexes._faiss_index import FaissIndex
from twinlens.indexes._file import DamagedIndexError
from twinlens.indexes._recall import Question, calibrated
from twinlens.indexes._scan import direct
from twinlens.indexes._shortlist import ShortlistIndex
from twinlens.indexes.exact import Exact

pytest.importorskip("faiss")
MADE = {
    "ivf": {"cells": 32},
    "ivf flat": {"cells": 32, "codes": "flat"},
    "hnsw": {"links": 8, "build": 40},
    "hnsw flat": {"links": 8, "build": 40, "codes": "flat"},
    "cluster_svm": {"clusters": 32, "kernel": "linear"},
    "cluster_svm rbf": {"clusters": 8},
}
ROWS = 1500
ROUNDING = 2e-7
"""Error of a score near 1 whose distance was computed in float32."""


def make(name, **options):
    return variants.make("indexes", name.split()[0], **{**MADE[name], **options})


@pytest.fixture(autouse=True)
def small(monkeypatch):
    monkeypatch.setattr(ivf, "MIN_ROWS", 1)
    monkeypatch.setattr(hnsw, "MIN_ROWS", 1)


@pytest.fixture(scope="module")
def vectors():
    return clustered(ROWS)


@pytest.fixture(params=MADE)
def index(request, vectors):
    made = make(request.param)
    made.fit(vectors)
    return made


def exact(vectors, queries, k=10):
    scan = Exact()
    scan.fit(vectors)
    return scan.search(queries, k)


def test_every_index_that_is_not_exact_is_among_them():
    classes = {name: variants.variant_class("indexes", name) for name in variants.names("indexes")}
    assert {n for n, c in classes.items() if issubclass(c, ShortlistIndex)} == {name.split()[0] for name in MADE}


def test_full_effort_gives_the_answers_of_exact(index, vectors):
    queries = clustered(20, seed=1)
    index.effort = index.most_effort
    rows, scores = index.search(queries, 10)
    wanted, values = exact(vectors, queries)
    np.testing.assert_array_equal(rows, wanted)
    np.testing.assert_allclose(scores, values, rtol=0, atol=ROUNDING if isinstance(index, FaissIndex) else 0)


def test_calibration_reaches_the_recall_with_little_effort(index, vectors):
    assert calibrated(index, recall=0.95) is index
    assert index.recall == min(index.measured.values()) >= 0.95
    assert 1 <= index.effort < index.most_effort
    queries = clustered(100, seed=1)
    assert recall(index.search(queries, 10)[0], exact(vectors, queries)[0]) > 0.9


def test_calibration_is_for_the_searches_too(index, vectors):
    rng = np.random.default_rng(3)
    far = rng.standard_normal((30, vectors.shape[1])).astype(np.float32)
    questions = [Question((one / np.linalg.norm(one))[None]) for one in far]
    effort = calibrated(index, recall=0.99).effort
    calibrated(index, recall=0.99, questions={"far": questions})
    assert index.effort >= effort and set(index.measured) >= {"entries", "beside entries", "far"}
    assert index.recall >= 0.98


def test_a_recall_that_makes_no_sense_is_refused(index):
    for wrong in (0, 1.5, -1, "x", float("nan")):
        with pytest.raises(TwinlensError, match=r"recall (must be|wants)"):
            calibrated(index, recall=wrong)


def test_a_filter_is_answered_exactly(index, vectors):
    index.effort = 1
    rows = np.flatnonzero(np.random.default_rng(0).random(ROWS) < 0.01)
    found, _ = index.search(vectors[:5], 5, rows=rows)
    np.testing.assert_array_equal(found, rows[exact(vectors[rows], vectors[:5], 5)[0]])


def test_more_answers_than_a_shortlist_has(index, vectors):
    index.effort = 1
    rows, scores = index.search(vectors[:3], 400)
    assert rows.shape == (3, 400) and all(len(set(line)) == 400 for line in rows.tolist())
    assert np.all(np.diff(scores, axis=1) <= 0)


def test_a_file_gives_the_same_answers(index, vectors, tmp_path):
    calibrated(index, recall=0.9)
    index.save(tmp_path / "f")
    other = type(index).load(tmp_path / "f", vectors)
    assert (other.options, dict(other.measured)) == (index.options, index.measured)
    queries = clustered(40, seed=5)
    for one, two in zip(index.search(queries, 10), other.search(queries, 10), strict=True):
        np.testing.assert_array_equal(one, two)
    rows = np.arange(0, ROWS, 3)
    np.testing.assert_array_equal(index.search(queries, 4, rows=rows)[0], other.search(queries, 4, rows=rows)[0])


def test_a_file_of_other_vectors_or_another_index_is_refused(index, vectors, tmp_path):
    index.save(tmp_path / "f")
    changed = vectors.copy()
    changed[-1, 0] += 1e-4
    for wrong in (vectors[:-1], vectors[:, :-1], changed):
        with pytest.raises(DamagedIndexError, match="other vectors"):
            type(index).load(tmp_path / "f", wrong)
    other = next(make(name) for name in MADE if not isinstance(make(name), type(index)))
    with pytest.raises(DamagedIndexError, match="another index"):
        type(other).load(tmp_path / "f", vectors)


@pytest.mark.parametrize("name", MADE)
def test_damaged_files_never_reach_a_search(name, tmp_path):
    vectors, path, rng = clustered(300, 12, centres=8), tmp_path / "f", random.Random(1)
    index = make(name)
    index.fit(vectors)
    index.save(path)
    whole, wanted = path.read_bytes(), index.search(vectors[:5], 5)[0]
    for _ in range(1000 // len(MADE)):
        path.unlink()  # an earlier one is mapped
        path.write_bytes(damaged(whole, rng))
        try:
            other = type(index).load(path, vectors)
        except DamagedIndexError:
            continue
        np.testing.assert_array_equal(other.search(vectors[:5], 5)[0], wanted)


def test_fitting_again_forgets_the_measured_recall(index):
    calibrated(index, recall=0.9)
    index.fit(clustered(800, 7))
    assert index.search(clustered(2, 7), 3)[0].shape == (2, 3) and index.recall is None


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 1000), count=st.integers(1, 80), k=st.integers(1, 90), cells=st.integers(1, 20))
def test_all_cells_probed_gives_the_answers_of_exact(seed, count, k, cells):
    vectors = np.random.default_rng(seed).standard_normal((count, 5)).astype(np.float32)
    vectors[count // 2 :] = vectors[: count - count // 2]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ivf, "MIN_ROWS", 1)
        index = ivf.Ivf(cells=cells, probes=cells)
        index.fit(vectors)
        rows, scores = index.search(vectors, k)
    wanted, values = exact(vectors, vectors, k)
    np.testing.assert_allclose(scores, values, atol=ROUNDING * (1 + np.abs(values).max()))
    if k >= count:
        np.testing.assert_array_equal(np.sort(rows), np.sort(wanted))
        for query, found in zip(vectors, rows, strict=True):
            steps = np.diff(direct(vectors, found, query))
            assert (steps > -1e-5).all() and (np.diff(found)[steps == 0] > 0).all()  # equal vectors come by row


@pytest.mark.parametrize(
    "made",
    [lambda: ivf.Ivf(cells=-1), lambda: ivf.Ivf(codes="pq"), lambda: hnsw.Hnsw(links=1), lambda: hnsw.Hnsw(codes="")],
)
def test_options_that_make_no_sense_are_refused(made):
    with pytest.raises(TwinlensError):
        made()


def test_small_galleries_are_scanned(monkeypatch):
    monkeypatch.undo()
    for made in (ivf.Ivf(), hnsw.Hnsw()):
        made.fit(clustered(500))
        assert made.most_effort == 0 and calibrated(made).recall is None


def test_a_missing_package_is_named(monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "faiss", None)
    _faiss.faiss.cache_clear()
    with pytest.raises(TwinlensError, match=r"pip install 'twinlens\[faiss\]'"):
        ivf.Ivf().fit(clustered(50))
