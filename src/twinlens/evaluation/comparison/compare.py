"""Train and measure every fusion under the same conditions, and test the differences."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from twinlens import metrics
from twinlens.core import machine
from twinlens.core.recipe import Recipe
from twinlens.core.types import Dataset, Sample, TwinlensError
from twinlens.evaluation.baselines import query_variants
from twinlens.evaluation.comparison.bench import Bench
from twinlens.evaluation.comparison.methods import Method, select
from twinlens.evaluation.comparison.runs import run_all
from twinlens.evaluation.comparison.summary import summarise_runs
from twinlens.evaluation.judgements import Judgements
from twinlens.evaluation.summaries import distinct
from twinlens.models.composer import Composer
from twinlens.training import feature_cache


def compare(
    recipe: Recipe,
    train: Dataset,
    test: Dataset,
    *,
    names: Sequence[str],
    repeats: int,
    folder: Path,
    cache: Path,
    metric: str = "hit@1",
    ks: Sequence[int] = (1, 5, 10),
    seed: int = 0,
    device: str = "auto",
    workers: int = 1,
    progress: bool = False,
) -> dict[str, Any]:
    """Train every named fusion `repeats` times on `train`, measure it on `test`, and test the differences.

    folder: files of finished runs; cache: features. metric: orders the table, one of those that `Judgements.per_query`
    computes with the cut-offs `ks`. workers: processes that run at the same time. Returns the table of
    `summary.summarise_runs`, "run_environments" (the distinct ones, see `machine.environment`) and "skipped": fusion →
    why it does not fit the recipe's encoders. Raises TwinlensError for an unknown fusion, or data that nothing can be
    learned from or measured on.
    """
    train, test = _hash_pictures(train), _hash_pictures(test)
    judgements, seeds = Judgements.of(test), range(seed, seed + repeats)
    _check_metric(judgements, metric, ks)
    base = _base(recipe, train.queries, device)
    samples = [*train.queries, *train.gallery, *_test_samples(judgements, seeds)]
    base = feature_cache.cache_features(base, samples, cache, progress=progress)
    bench = Bench(base, train, test, folder, device, tuple(ks))
    methods, skipped = _fitting(bench, select(recipe, names))
    tasks = [(method, number) for method in methods for number in seeds]
    outcomes = run_all(bench, tasks, workers=workers, progress=progress)
    runs = {m.name: [outcomes[m, number].balanced(judgements.parts) for number in seeds] for m in methods}
    queries, gallery = len(judgements.queries), len(judgements.gallery)
    sizes = {"queries": queries, "gallery": gallery, "training_queries": len(train.queries)}
    environments = distinct([outcome.facts["environment"] for outcome in outcomes.values()])
    table = summarise_runs(runs, judgements.groups, metric)
    return {"repeats": repeats, **sizes, **table, "run_environments": environments, "skipped": skipped}


def _hash_pictures(dataset: Dataset) -> Dataset:
    """Identify every picture by its content; those that queries and gallery share are read once for both."""
    samples = feature_cache.keyed([*dataset.queries, *dataset.gallery])
    count = len(dataset.queries)
    return replace(dataset, queries=samples[:count], gallery=samples[count:])


def _check_metric(judgements: Judgements, metric: str, ks: Sequence[int]) -> None:
    one = np.ones((1, 1), dtype=np.bool_)
    rejected = one if judgements.rejected.any() else None
    known = metrics.per_query(np.zeros((1, 1), dtype=np.float32), one, rejected=rejected, ks=ks)
    if metric not in known:
        raise TwinlensError(f"no metric {metric!r} here; known: {', '.join(sorted(known))}")


def _base(recipe: Recipe, queries: Sequence[Sample], device: str) -> Composer:
    composer = Composer.build(recipe)
    composer.fit(queries)
    return composer.to(machine.pick_device(device))


def _test_samples(judgements: Judgements, seeds: Sequence[int]) -> list[Sample]:
    """List the gallery and all query variants that the runs ask: each seed shuffles the texts its own way."""
    samples = list(judgements.gallery)
    for seed in seeds:
        for variant in query_variants(judgements.queries, seed).values():
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
