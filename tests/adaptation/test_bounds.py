"""The lower bound holds its level over few skewed groups; benchmarks/adoption.py has the whole simulation."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from twinlens.adaptation.bounds import TOTAL_LEVEL, group_means, level_of, lower_bound, p_value, smallest_gain

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"


@pytest.fixture
def simulation(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    for name in ("_results", "adoption"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    return importlib.import_module("adoption")


def test_the_p_value_of_equal_gains_has_a_closed_form():
    for groups in (1, 3, 20, 200):
        for gain in (0.001, 0.05, 0.2, 0.9):
            assert float(p_value(np.full(groups, gain))) == pytest.approx((1 + gain) ** -groups, rel=2e-3)
    assert float(p_value(np.zeros(50))) == pytest.approx(1, abs=1e-3)


@pytest.mark.parametrize("groups", [5, 20, 100])
def test_the_p_value_is_that_of_drawn_weights(groups):
    rng = np.random.default_rng(groups)
    for x in (
        rng.normal(0.05, 0.1, groups).clip(-1, 1),
        rng.choice([-1.0, 0.0, 1.0], groups, p=[0.02, 0.9, 0.08]),
        0.3 - rng.exponential(0.25, groups).clip(max=1.2),
    ):
        weights = rng.standard_exponential((100_000, groups + 1))
        drawn = (weights @ np.concatenate([[-1.0], x]) <= 0).mean()
        assert float(p_value(x)) == pytest.approx(drawn, abs=4 * np.sqrt(0.25 / 100_000))


@settings(max_examples=40, deadline=None)
@given(st.lists(st.floats(-1, 1), min_size=1, max_size=60), st.sampled_from([0.025, 0.0152, 0.0001]))
def test_the_bound_is_the_largest_mean_that_is_rejected(x, level):
    bound = lower_bound(x, level)
    assert -1 <= bound <= np.mean(x) + 1e-12
    assert float(p_value(x, bound + 1e-6)) > level * (1 - 1e-6)
    if bound > -1 + 1e-6:
        assert float(p_value(x, bound - 1e-6)) <= level * (1 + 1e-6)


def test_the_smallest_gain_is_where_equal_gains_begin_to_be_adopted():
    for groups, level in ((20, 0.025), (100, level_of(1)), (200, level_of(3))):
        gain = smallest_gain(groups, level)
        assert lower_bound(np.full(groups, gain * 1.01), level) > 0 > lower_bound(np.full(groups, gain * 0.99), level)


def test_attempts_share_one_level():
    levels = [level_of(attempt) for attempt in range(1, 20_000)]
    assert TOTAL_LEVEL * 0.999 < sum(levels) < TOTAL_LEVEL and levels == sorted(levels, reverse=True)


def test_a_group_counts_once():
    assert sorted(group_means([1.0, 0.0, 0.5], ["a", "a", "b"]).tolist()) == [0.5, 0.5]
    assert sorted(group_means([0.3] * 9 + [-1.0], ["a"] * 9 + ["b"]).tolist()) == pytest.approx([-1.0, 0.3])


@pytest.mark.parametrize("groups", [20, 200])
def test_no_more_than_a_fortieth_of_the_attempts_adopts_what_gains_nothing(simulation, groups):
    repeats = simulation.CHUNK
    allowed = TOTAL_LEVEL + 3 * np.sqrt(TOTAL_LEVEL * (1 - TOTAL_LEVEL) / repeats)
    rng = np.random.default_rng(groups)
    for draw in simulation.NULLS.values():
        x = draw(rng, simulation.unequal_sizes(rng, (repeats, groups)))
        assert x.min() >= -1 and x.max() <= 1
        assert simulation.gaffke(x, TOTAL_LEVEL).mean() <= allowed


@pytest.mark.parametrize("user", ["unrelated", "alike", "greedy"])
def test_a_sequence_of_attempts_keeps_to_the_level_together(simulation, user):
    allowed = TOTAL_LEVEL + 3 * np.sqrt(TOTAL_LEVEL / 1000)
    rng = np.random.default_rng(0)
    for draw in (simulation.sparse_hits, simulation.hits_lost_together, simulation.hardest):
        assert simulation.sequence(rng, draw, 100, 1000, user=user, attempts=5) <= allowed


def test_t_and_the_bootstrap_do_not_hold_the_level(simulation):
    rng = np.random.default_rng(0)
    found = simulation.one_attempt(rng, simulation.beta_losses, 20, simulation.CHUNK)
    assert min(found["t"], found["BCa"], found["earlier rule"]) > 4 * TOTAL_LEVEL
    assert max(found["Gaffke"], found["betting"]) <= TOTAL_LEVEL


def test_a_true_gain_is_adopted(simulation):
    rng = np.random.default_rng(0)
    assert simulation.power(rng, simulation.symmetric, 100, 0.1, 300)[1] > 0.95


def test_where_every_group_loses_all_the_bound_is_the_worst():
    assert lower_bound([-1.0] * 20, 0.025) == -1.0
