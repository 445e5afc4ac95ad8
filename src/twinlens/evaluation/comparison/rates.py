"""The learning rate of every method, chosen by the same small search on validation data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from twinlens.core.types import Dataset
from twinlens.evaluation.baselines import COMPOSED
from twinlens.evaluation.comparison.bench import Bench
from twinlens.evaluation.comparison.methods import Method
from twinlens.evaluation.comparison.runs import data_digest, run_all
from twinlens.models.composer import Composer

FACTORS = (1 / 3, 1.0, 3.0)
"""Of the recipe's learning rate."""
EPOCHS_SHARE = 0.5
"""Of the recipe's epochs, in a trial."""
_SEED = 0


def usual_rates(learning_rate: float) -> tuple[float, ...]:
    """Return the rates around a recipe's that are tried by default, with two digits."""
    return tuple(float(f"{factor * learning_rate:.2g}") for factor in FACTORS)


def trial_bench(bench: Bench, encoders: Composer, validation: Dataset, metric: str) -> Bench:
    """Return the bench of the search: shorter trainings, measured by one metric on validation data."""
    epochs = max(1, round(EPOCHS_SHARE * bench.base.recipe.training.epochs))
    data = data_digest(encoders, bench.train, validation)
    return replace(bench, test=validation, data=data, metrics=(metric,), epochs=epochs)


def choose_rates(
    bench: Bench,
    methods: Sequence[Method],
    rates: Sequence[float],
    folder: Path,
    *,
    workers: int,
    progress: bool,
) -> tuple[list[Method], dict[str, dict[str, float]]]:
    """Give each trained method the rate with the best mean in one short training; of equal ones the earlier.

    bench: that of the search. Returns the methods, and their trials: name → {rate: mean}. A single rate is not tried.
    """
    trained = [method for method in methods if bench.trains(method)]
    tried = {method.name: [replace(method, learning_rate=rate) for rate in rates] for method in trained}
    if len(rates) < 2:
        return [tried[m.name][0] if m.name in tried and rates else m for m in methods], {}
    tasks = [(trial, _SEED) for trials in tried.values() for trial in trials]
    found = run_all(bench, tasks, folder, title="learning rates", workers=workers, progress=progress)
    means = {task[0]: float(np.nanmean(outcome.values[COMPOSED][bench.metrics[0]])) for task, outcome in found.items()}
    best = {name: max(trials, key=means.__getitem__) for name, trials in tried.items()}
    table = {name: {f"{t.learning_rate:g}": means[t] for t in trials} for name, trials in tried.items()}
    return [best.get(method.name, method) for method in methods], table
