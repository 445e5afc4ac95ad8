"""The expectation of every metric, against the mean over all rankings of a small gallery."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest

from twinlens import metrics
from twinlens.evaluation import chance

KS = (1, 2, 5, 10)


@pytest.mark.parametrize(("relevant", "rejected"), [("a", "bc"), ("abc", "d"), ("abd", "ef"), ("abcde", "f")])
def test_expectations_are_means_over_all_rankings(relevant, rejected):
    names = "abcdefg"
    wanted, unwanted, ignore = (np.array([[name in given for name in names]]) for given in (relevant, rejected, "g"))
    siblings = np.array([0, 0, 1, 0, 1, 1, 1])
    orders = np.array([[*order, 9] for order in permutations(range(6))], dtype=np.float32)  # the ignored one first
    found = metrics.per_query(
        orders,
        *(mask.repeat(len(orders), axis=0) for mask in (wanted,)),
        ignore=ignore.repeat(len(orders), axis=0),
        rejected=unwanted.repeat(len(orders), axis=0),
        siblings=siblings,
        ks=KS,
    )
    expected = chance.expected_metrics(wanted, ignore, rejected=unwanted, siblings=siblings, ks=KS)
    assert set(expected) == set(found)
    for name, values in found.items():
        assert expected[name] == pytest.approx(values.mean(keepdims=True), abs=1e-12, nan_ok=True), name


def test_each_query_has_its_own_expectation():
    relevant = np.array([[True, False, False, False], [True, True, False, False]])
    ignore = np.array([[False, False, False, True], [False, False, False, False]])
    assert chance.expected_metrics(relevant, ignore)["hit@1"] == pytest.approx([1 / 3, 1 / 2])
    assert chance.shares_relevant(relevant, ignore) == pytest.approx([1 / 3, 1 / 2])


def test_large_galleries_stay_finite():
    relevant = np.arange(50_000)[None] < 20
    found = chance.expected_metrics(relevant, np.zeros_like(relevant))
    assert found["hit@1"] == pytest.approx([20 / 50_000])
    assert found["recall@10"] == pytest.approx([10 / 50_000])
    assert all(np.isfinite(values).all() for values in found.values())
