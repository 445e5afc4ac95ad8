"""Train and measure every fusion under the same conditions, and test the differences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from twinlens import metrics
from twinlens.core import machine
from twinlens.core.recipe import Recipe
from twinlens.core.types import Dataset, Sample, TwinlensError
from twinlens.evaluation.baselines import PIXEL_COUNT, RANDOM, count_scores, query_variants
from twinlens.evaluation.comparison.bench import Bench, cut_offs
from twinlens.evaluation.comparison.methods import Method, deviations, select
from twinlens.evaluation.comparison.outcome import Outcome
from twinlens.evaluation.comparison.rates import Search, Trials, trial_bench
from twinlens.evaluation.comparison.runs import data_digest, run_all
from twinlens.evaluation.comparison.summary import summarise_runs
from twinlens.evaluation.judgements import Judgements
from twinlens.evaluation.summaries import balance_parts, distinct
from twinlens.metrics import PerQuery
from twinlens.models.composer import Composer
from twinlens.training import feature_cache

SHOWN = ("hit@1", "hit@5", "hit@10", "map")
"""Metrics of every table, beside the one that orders it."""
Runs = Mapping[str, Sequence[Outcome]]
"""Method → its runs, one per seed."""


@dataclass(frozen=True)
class Parts:
    """Data of a comparison: learned from, chosen by (learning rates), and measured on."""

    train: Dataset
    validation: Dataset
    test: Dataset

    def hashed(self) -> Parts:
        """Identify every picture by its content; those that several share are read once."""
        return Parts(*(_hash_pictures(part) for part in (self.train, self.validation, self.test)))


@dataclass(frozen=True)
class ComparisonSettings:
    """Choices of a comparison beside recipe and data.

    names: rows, see `methods.Method`. repeats: seeds, from `seed` on. runs: folder of finished runs, in one of the
    recipe's name; cache: features and checkpoints. metric: orders the table, one of those that `Judgements.per_query`
    computes. rates: learning rates to choose from (see `rates.Search.choose`). workers: processes that run at the
    same time. finished_only: read finished runs, train none, and raise TwinlensError where one is missing.
    """

    names: Sequence[str]
    repeats: int
    runs: Path
    cache: Path
    metric: str = "hit@1"
    rates: Sequence[float] = ()
    seed: int = 0
    device: str = "auto"
    workers: int = 1
    finished_only: bool = False
    progress: bool = False

    @property
    def seeds(self) -> range:
        """Return the seeds."""
        return range(self.seed, self.seed + self.repeats)


def compare(recipe: Recipe, parts: Parts, settings: ComparisonSettings) -> dict[str, Any]:
    """Choose each fusion's learning rate, train it with every seed, measure it, and test the differences.

    Returns the table of `summary.summarise_runs`, each method with its "deviations" from the paper, "trials" (mean on
    validation data by learning rate), "run_environments" (the distinct ones, see `machine.environment`), and "skipped":
    row → why it does not fit the recipe's encoders. Raises TwinlensError for an unknown fusion, or data that nothing
    can be learned from or measured on.
    """
    parts = parts.hashed()
    judgements = Judgements.of(parts.test)
    _check_metric(judgements, settings.metric)
    encoders = _encoders(recipe, parts.train.queries, settings.device)
    bench = _bench(encoders, parts, settings)
    fitting, skipped = _fitting(bench, select(recipe, settings.names))
    methods, trials = _choose_rates(trial_bench(bench, encoders, parts.validation, settings.metric), fitting, settings)
    runs = _run(bench, methods, settings)
    untrained = _untrained(judgements, bench.metrics)
    table = summarise_runs(runs, judgements.groups, settings.metric, untrained=untrained)
    for method in methods:
        table["methods"][method.name]["deviations"] = deviations(method.fusion)
    environments = distinct([outcome.facts["environment"] for outcomes in runs.values() for outcome in outcomes])
    queries, gallery = len(judgements.queries), len(judgements.gallery)
    sizes = {"queries": queries, "gallery": gallery, "training_queries": len(parts.train.queries)}
    facts = {"run_environments": environments, "trials": trials, "skipped": skipped}
    return {"repeats": settings.repeats, **sizes, **table, **facts}


def _hash_pictures(dataset: Dataset) -> Dataset:
    samples = feature_cache.keyed([*dataset.queries, *dataset.gallery])
    count = len(dataset.queries)
    return replace(dataset, queries=samples[:count], gallery=samples[count:])


def _check_metric(judgements: Judgements, metric: str) -> None:
    one = np.ones((1, 1), dtype=np.bool_)
    rejected, ks = one if judgements.rejected.any() else None, cut_offs([metric, *SHOWN])
    known = metrics.per_query(np.zeros((1, 1), dtype=np.float32), one, rejected=rejected, ks=ks)
    if metric not in known:
        raise TwinlensError(f"no metric {metric!r} here; known: {', '.join(sorted(known))}")


def _encoders(recipe: Recipe, queries: Sequence[Sample], device: str) -> Composer:
    composer = Composer.build(recipe)
    composer.fit(queries)
    return composer.to(machine.pick_device(device))


def _bench(encoders: Composer, parts: Parts, settings: ComparisonSettings) -> Bench:
    features, checkpoints = settings.cache / "features", settings.cache / "checkpoints"
    base = encoders
    if not settings.finished_only:  # nothing is embedded where no run is left to do
        samples = _samples(parts, settings.seeds)
        base = feature_cache.cache_features(encoders, samples, features, progress=settings.progress)
    data, kept = data_digest(encoders, parts.train, parts.test), tuple(dict.fromkeys([settings.metric, *SHOWN]))
    return Bench(
        base,
        parts.train,
        parts.test,
        data,
        kept,
        checkpoints,
        settings.device,
        finished_only=settings.finished_only,
    )


def _samples(parts: Parts, seeds: Sequence[int]) -> list[Sample]:
    """List all samples that runs and trials embed: each seed shuffles the texts of the queries its own way."""
    samples = [*parts.train.queries, *parts.train.gallery]
    for dataset in (parts.validation, parts.test):
        samples += dataset.gallery
        queries = Judgements.of(dataset).queries
        for seed in {0, *seeds}:
            for variant in query_variants(queries, seed).values():
                samples += variant
    return samples


def _fitting(bench: Bench, methods: Sequence[Method]) -> tuple[list[Method], dict[str, str]]:
    """Divide methods into those that can be built on the encoders, and the reasons why the others cannot."""
    fitting, skipped = [], {}
    for method in methods:
        try:
            bench.base.with_fusion(method.fusion)
            fitting.append(method)
        except TwinlensError as error:
            skipped[method.name] = str(error)
    return fitting, skipped


def _choose_rates(bench: Bench, methods: Sequence[Method], settings: ComparisonSettings) -> tuple[list[Method], Trials]:
    folder = settings.runs / bench.base.recipe.name / "rates"
    return Search(bench, folder, settings.workers, settings.progress).choose(methods, settings.rates)


def _run(bench: Bench, methods: Sequence[Method], settings: ComparisonSettings) -> Runs:
    """Run every method with every seed, a whole table for one seed after the other."""
    tasks = [(method, seed) for seed in settings.seeds for method in methods]
    folder = settings.runs / bench.base.recipe.name
    outcomes = run_all(bench, tasks, folder, title="runs", workers=settings.workers, progress=settings.progress)
    return {method.name: [outcomes[method, seed] for seed in settings.seeds] for method in methods}


def _untrained(judgements: Judgements, kept: Sequence[str]) -> dict[str, dict[str, PerQuery]]:
    """Measure the baselines that no model stands behind: counted pixels, which cannot read, and a random ranking."""
    counts, ks = count_scores(judgements.queries, judgements.gallery), cut_offs(kept)
    values = {PIXEL_COUNT: judgements.per_query(counts, ks), RANDOM: judgements.by_chance(ks)}
    return {
        name: dict(balance_parts({metric: of[metric] for metric in kept}, judgements.parts))
        for name, of in values.items()
    }
