"""The table's figures, by hand and by simulation: means, intervals over queries and seeds, and corrected p-values."""

from __future__ import annotations

import numpy as np
import pytest

from twinlens.evaluation.comparison import resampling, summary
from twinlens.evaluation.comparison.outcome import Outcome

BY_ITSELF = [str(number) for number in range(40)]


def outcome(name: str, values: list[float], *, trained: bool = True) -> Outcome:
    facts = {"parameters": 5, "query_ms": 1.0, "seconds": 2.0, "processor_seconds": 3.0, "epochs": 3}
    facts |= {"method": name, "trained": trained, "learning_rate": 0.1, "shuffled_text": {"hit@1": 0.0}}
    low = {"hit@1": np.zeros(len(values))}
    variants = dict.fromkeys(("image_only", "text_only", "late_sum", "late_product"), low)
    return Outcome({"composed": {"hit@1": np.array(values)}, **variants}, facts)


def runs() -> dict[str, list[Outcome]]:
    return {
        "good": [outcome("good", [1, 1, 1, 0] * 10), outcome("good", [1, 1, 1, 1] * 10)],
        "same": [outcome("same", [0, 0, 1, 0] * 10), outcome("same", [0, 1, 0, 0] * 10)],
        "sum": [outcome("sum", [0, 0, 1, 0] * 10), outcome("sum", [0, 0, 1, 0] * 10)],
        "untrained_gate": [outcome("untrained_gate", [0] * 40, trained=False)] * 2,
    }


def test_means_spreads_and_tests_by_hand():
    result = summary.summarise_runs(runs(), BY_ITSELF, "hit@1")
    good = result["methods"]["good"]
    assert (result["best"], result["best_baseline"]) == ("good", "sum")
    assert good["kind"] == "trained"
    assert good["metrics"]["hit@1"]["mean"] == pytest.approx(0.875)
    assert good["metrics"]["hit@1"]["std"] == pytest.approx(np.std([0.75, 1.0], ddof=1))
    assert good["over_baseline"]["mean"] == pytest.approx(0.625)
    assert good["over_baseline"]["p_value"] < 0.01
    assert good["over_baseline"]["p_value"] == pytest.approx(2 * good["over_baseline"]["p_single"])
    assert result["methods"]["same"]["over_baseline"]["p_value"] > 0.9
    assert result["methods"]["sum"]["over_baseline"] is None
    assert "p_single" not in result["methods"]["text_only"]["over_baseline"]
    assert result["methods"]["sum"]["composition_gap"]["mean"] == pytest.approx(0.25)


def test_a_baseline_without_a_model_takes_part():
    count = {"pixel_count": {"hit@1": np.array([1.0, 0.0] * 20)}}
    result = summary.summarise_runs(runs(), BY_ITSELF, "hit@1", untrained=count)
    row = result["methods"]["pixel_count"]
    assert result["best_baseline"] == "pixel_count"
    assert (row["kind"], row["metrics"]["hit@1"]["mean"]) == ("baseline", 0.5)
    assert result["methods"]["good"]["over_baseline"]["over"] == "pixel_count"


def test_holm_by_hand():
    corrected = resampling.holm({"a": 0.03, "b": 0.001, "c": 0.04, "d": 0.9})
    assert corrected == pytest.approx({"a": 0.09, "b": 0.004, "c": 0.09, "d": 0.9})


def spread(ci95: list[float]) -> float:
    return (ci95[1] - ci95[0]) / (2 * 1.96)


@pytest.mark.parametrize(("of_queries", "of_seeds"), [(1.0, 0.0), (0.0, 1.0), (1.0, 0.3)])
def test_an_interval_knows_queries_and_seeds(of_queries, of_seeds):
    """Values of 400 queries and 5 seeds with known deviations of both: √(σ_q² / 400 + σ_s² / 5)."""
    rng, widths = np.random.default_rng(0), []
    for number in range(60):
        values = of_queries * rng.normal(size=400) + of_seeds * rng.normal(size=(5, 1))
        widths.append(spread(resampling.interval(values, [str(n) for n in range(400)], seed=number)["ci95"]) ** 2)
    assert np.mean(widths) ** 0.5 == pytest.approx((of_queries**2 / 400 + of_seeds**2 / 5) ** 0.5, rel=0.12)


def test_a_single_seed_leaves_the_interval_of_the_queries():
    values = np.random.default_rng(0).normal(size=(1, 400))
    found = resampling.interval(values, [str(n) for n in range(400)])
    assert spread(found["ci95"]) == pytest.approx(values.std() / 20, rel=0.1)
    assert (found["std"], found["seeds"]) == (None, [pytest.approx(values.mean())])


def test_queries_of_one_group_count_once():
    values = np.repeat(np.random.default_rng(0).normal(size=(1, 100)), 4, axis=1)
    groups = [str(n // 4) for n in range(400)]
    assert spread(resampling.interval(values, groups)["ci95"]) == pytest.approx(values.std() / 10, rel=0.15)
    assert resampling.interval(values, ["one"] * 400)["ci95"] is None


def test_queries_without_a_value_do_not_count():
    values = np.array([[0.0, 1.0, float("nan"), 1.0]])
    assert resampling.interval(values, list("abcd"))["mean"] == pytest.approx(2 / 3)
    assert resampling.difference(values, np.zeros((1, 4)), list("abcd"))["mean"] == pytest.approx(2 / 3)


def test_p_is_uniform_where_nothing_differs():
    """Two methods of equal skill on 200 common queries, 5 seeds each with a deviation of their own."""
    rng, p_values = np.random.default_rng(1), []
    for number in range(150):
        common = rng.normal(size=200)
        first, second = (common + 0.5 * rng.normal(size=(5, 200)) + 0.1 * rng.normal(size=(5, 1)) for _ in range(2))
        p_values.append(resampling.difference(first, second, BY_ITSELF * 5, seed=number)["p_value"])
    assert 0.01 <= np.mean(np.array(p_values) < 0.05) <= 0.15
    assert np.mean(p_values) == pytest.approx(0.5, abs=0.12)
