from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np
import pytest

from twinlens.core.recipe import Variant
from twinlens.evaluation.comparison import rates
from twinlens.evaluation.comparison.methods import Method
from twinlens.evaluation.comparison.outcome import Outcome

GATE, PRODUCT = Method("gate", Variant(name="gate")), Method("product", Variant(name="product"))


@dataclass
class Bench:
    """A bench whose gate learns best at a rate of its own."""

    best: float
    metrics: tuple[str, ...] = ("hit@1",)
    base = SimpleNamespace(recipe=SimpleNamespace(training=SimpleNamespace(learning_rate=0.004)))

    def trains(self, method: Method) -> bool:
        return method.name == "gate"

    def value(self, rate: float) -> float:
        return -abs(np.log(rate / self.best))


@pytest.fixture(autouse=True)
def runs(monkeypatch):
    def run_all(bench, tasks, folder, **_):
        return {
            task: Outcome({"composed": {"hit@1": np.array([bench.value(task[0].learning_rate)])}}, {}) for task in tasks
        }

    monkeypatch.setattr(rates, "run_all", run_all)


@pytest.mark.parametrize(
    ("best", "tried"),
    [
        (0.004, [0.0013, 0.004, 0.012]),
        (0.0005, [0.00014, 0.00043, 0.0013, 0.004, 0.012]),
        (0.036, [0.0013, 0.004, 0.012, 0.036, 0.11]),
        (9.0, [0.0013, 0.004, 0.012, 0.036, 0.11]),
    ],
)
def test_the_search_goes_on_where_the_best_rate_is_at_an_edge(tmp_path, best, tried):
    (gate, product), trials = rates.Search(Bench(best), tmp_path).choose([GATE, PRODUCT])
    assert list(trials) == ["gate"]
    assert list(trials["gate"]) == tried
    assert gate.learning_rate == max(tried, key=Bench(best).value)
    assert product == PRODUCT


def test_given_rates_are_the_only_ones(tmp_path):
    (gate,), trials = rates.Search(Bench(9.0), tmp_path).choose([GATE], [0.2, 0.1])
    assert (gate.learning_rate, list(trials["gate"])) == (0.2, [0.1, 0.2])


def test_a_single_rate_is_not_tried(tmp_path):
    assert rates.Search(Bench(9.0), tmp_path).choose([GATE, PRODUCT], [0.2]) == (
        [Method("gate", Variant(name="gate"), learning_rate=0.2), PRODUCT],
        {},
    )
