"""The learning rate of every method, chosen by the same small search on validation data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from twinlens.core.types import Dataset
from twinlens.evaluation.baselines import COMPOSED
from twinlens.evaluation.comparison.bench import Bench
from twinlens.evaluation.comparison.methods import Method
from twinlens.evaluation.comparison.runs import data_digest, run_all
from twinlens.models.composer import Composer

STEP = 3.0
"""Between one rate and the next: at first a recipe's, and those a step below and above."""
EXTENSIONS = 2
"""Most further rates, each a step beyond the best one where that is the lowest or highest tried."""
EPOCHS_SHARE = 0.5
"""Of the recipe's epochs, in a trial."""
_SEED = 0

Trials = dict[str, dict[float, float]]
"""Method → learning rate → mean on validation data."""


def trial_bench(bench: Bench, encoders: Composer, validation: Dataset, metric: str) -> Bench:
    """Return the bench of the search: shorter trainings, measured by one metric on validation data."""
    epochs = max(1, round(EPOCHS_SHARE * bench.base.recipe.training.epochs))
    data = data_digest(encoders, bench.train, validation)
    return replace(bench, test=validation, data=data, metrics=(metric,), epochs=epochs)


@dataclass(frozen=True)
class Search:
    """The search of learning rates on a `trial_bench`; its finished trials are kept in a folder."""

    bench: Bench
    folder: Path
    workers: int = 1
    progress: bool = False

    def choose(self, methods: Sequence[Method], rates: Sequence[float] = ()) -> tuple[list[Method], Trials]:
        """Give each trained method the rate with the best mean in one short training; of equal ones the lower.

        rates: those to try, the same for all and no others; a single one is taken as it is. By default the recipe's
        and its neighbours, and further ones beyond the best. Returns the methods, and their trials.
        """
        trained = [method for method in methods if self.bench.trains(method)]
        if len(rates) == 1:
            return [replace(method, learning_rate=rates[0]) if method in trained else method for method in methods], {}
        usual = self.bench.base.recipe.training.learning_rate
        tried = self._try({method: rates or (_beyond(usual, -1), usual, _beyond(usual, 1)) for method in trained})
        for _ in range(0 if rates else EXTENSIONS):
            further = {method: edge for method in trained if (edge := _past_the_edge(tried[method.name]))}
            for name, means in self._try(further).items():
                tried[name] |= means
        chosen = {name: max(sorted(means), key=means.__getitem__) for name, means in tried.items()}
        trials = {name: dict(sorted(means.items())) for name, means in tried.items()}
        return [replace(method, learning_rate=chosen.get(method.name)) for method in methods], trials

    def _try(self, rates: Mapping[Method, Sequence[float]]) -> Trials:
        tasks = [(replace(method, learning_rate=rate), _SEED) for method, of in rates.items() for rate in of]
        outcomes = run_all(
            self.bench, tasks, self.folder, title="learning rates", workers=self.workers, progress=self.progress
        )
        found: Trials = {method.name: {} for method in rates}
        for (method, _), outcome in outcomes.items():
            assert method.learning_rate is not None
            values = outcome.values[COMPOSED][self.bench.metrics[0]]
            found[method.name][method.learning_rate] = float(np.nanmean(values))
        return found


def _beyond(rate: float, steps: int) -> float:
    """Return the rate some steps further, with two digits."""
    return float(f"{rate * STEP**steps:.2g}")


def _past_the_edge(means: Mapping[float, float]) -> tuple[float, ...]:
    """Return the rate next to the best one if that is the lowest or the highest tried, else none."""
    rates = sorted(means)
    best = max(rates, key=means.__getitem__)
    return {rates[0]: (_beyond(best, -1),), rates[-1]: (_beyond(best, 1),)}.get(best, ())
