"""The model of Ray's overhead in benchmarks/cluster.py."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest


@pytest.fixture
def script(monkeypatch):
    monkeypatch.syspath_prepend(str(Path(__file__).resolve().parents[4] / "benchmarks"))
    return importlib.import_module("cluster")


def test_a_line_goes_through_both_runs(script):
    fit = script.line((10, 3.0), (110, 8.0))
    assert (fit.fixed, fit.each) == pytest.approx((2.5, 0.05))


def test_at_the_break_even_both_take_the_same_time(script):
    local, ray, cores, machines, pictures = script.Line(0.5, 0.02), script.Line(12.5, 0.05), 2, 4, 10_000
    cost = script.break_even(local, ray, cores, machines, pictures)
    here = local.fixed + pictures * cost / cores
    there = ray.fixed + pictures * (cost + ray.each - local.each) / (machines * cores)
    assert cost > 0 and here == pytest.approx(there)
