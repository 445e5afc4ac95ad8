"""Rows on a device of torch: the answers are those of the scan. The processor stands for the graphics card."""

from __future__ import annotations

import sys

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from twinlens.indexes import _gpu, _trial
from twinlens.indexes._gpu import GpuRows, gpu_rows
from twinlens.indexes._scan import Scan, nearest, squared_lengths


def clustered(seed: int, rows: int = 300, width: int = 12) -> np.ndarray:
    """Rows around five centres, a third of them twice."""
    rng = np.random.default_rng(seed)
    vectors = rng.standard_normal((5, width))[rng.integers(0, 5, rows)] + 0.2 * rng.standard_normal((rows, width))
    vectors[rows // 3 : 2 * (rows // 3)] = vectors[: rows // 3]
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def agree(found, wanted):
    for one, other in zip(found, wanted, strict=True):
        np.testing.assert_array_equal(one, other)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), queries=st.integers(1, 300), k=st.integers(1, 300))
def test_answers_are_those_of_the_scan(seed, queries, k):
    vectors, asked = clustered(seed), clustered(seed + 1, queries)
    norms = squared_lengths(vectors)
    agree(GpuRows(vectors, norms, "cpu").nearest(asked, k), nearest(vectors, norms, asked, k))


def test_rows_are_estimated_part_by_part(monkeypatch):
    monkeypatch.setattr(_gpu, "ESTIMATES_PER_PRODUCT", 500)
    vectors, asked = clustered(1), clustered(2, 7)
    norms = squared_lengths(vectors)
    agree(GpuRows(vectors, norms, "cpu").nearest(asked, 5), nearest(vectors, norms, asked, 5))


def test_a_query_of_few_columns_is_answered_alike():
    vectors, asked = clustered(3), clustered(4, 3)
    asked[:, :4], asked[:, 9:] = 0, 0
    norms = squared_lengths(vectors)
    agree(GpuRows(vectors, norms, "cpu").nearest(asked, 9), nearest(vectors, norms, asked, 9))


def test_masked_and_damaged_rows_are_no_answers():
    vectors = clustered(5)
    vectors[3], vectors[4, 0] = np.nan, np.inf
    norms = squared_lengths(vectors)
    norms[~np.isfinite(norms)] = np.inf
    norms[10:20] = np.inf
    with np.errstate(invalid="ignore"):
        rows, _ = GpuRows(vectors, norms, "cpu").nearest(vectors[12:13], 100)
    assert not set(rows[0].tolist()) & {3, 4, *range(10, 20)}


class TestAskedForFewerBits:
    @pytest.fixture(params=["high", "untold"], autouse=True)
    def fewer(self, request, monkeypatch):
        def untold():
            raise RuntimeError("a mix of the legacy and new APIs")

        answers = {"high": lambda: "high", "untold": untold}
        monkeypatch.setattr(torch, "get_float32_matmul_precision", answers[request.param])

    def test_the_card_computes_nothing(self, monkeypatch):
        vectors = clustered(6)
        rows = GpuRows(vectors, norms := squared_lengths(vectors), "cpu")
        monkeypatch.setattr(rows, "_candidates", lambda *_: pytest.fail("the bound of the rounding does not hold"))
        agree(rows.nearest(vectors[:2], 4), nearest(vectors, norms, vectors[:2], 4))


def test_a_full_card_leaves_a_search_to_the_processor(monkeypatch):
    vectors = clustered(7)
    rows = GpuRows(vectors, norms := squared_lengths(vectors), "cpu")

    def full(*_):
        raise torch.OutOfMemoryError("no room")

    monkeypatch.setattr(rows, "_candidates", full)
    agree(rows.nearest(vectors[:2], 4), nearest(vectors, norms, vectors[:2], 4))


class TestACard:
    """What is found of a card, with one that has a little room."""

    @pytest.fixture(autouse=True)
    def card(self, monkeypatch):
        monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
        monkeypatch.setattr(torch.cuda, "mem_get_info", lambda: (40_000, 80_000))
        monkeypatch.setattr(_gpu, "GpuRows", lambda vectors, norms, device: GpuRows(vectors, norms, "cpu"))
        monkeypatch.setattr(_trial, "GAIN", np.inf)

    def test_a_scan_uses_it(self):
        vectors = clustered(8)
        scan = Scan(vectors, norms := squared_lengths(vectors))
        assert scan.prepare() and scan.on_gpu is not None and scan.first_pass is None
        for asked in (vectors[:1], vectors[:9]):
            agree(scan.nearest(asked, 4), nearest(vectors, norms, asked, 4))

    def test_rows_that_would_fill_it_stay_away(self):
        vectors = clustered(9, 900)
        assert gpu_rows(vectors, squared_lengths(vectors)) is None

    def test_one_that_is_no_faster_is_not_used(self, monkeypatch):
        monkeypatch.setattr(_trial, "GAIN", 0.0)
        assert gpu_rows(clustered(8), squared_lengths(clustered(8))) is None

    def test_a_program_without_torch_looks_for_none(self, monkeypatch):
        monkeypatch.delitem(sys.modules, "torch")
        assert gpu_rows(clustered(8), squared_lengths(clustered(8))) is None


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no graphics card")
def test_a_real_card_answers_alike():
    vectors, asked = clustered(10, 20_000), clustered(11, 40)
    norms = squared_lengths(vectors)
    agree(GpuRows(vectors, norms, "cuda").nearest(asked, 10), nearest(vectors, norms, asked, 10))
