"""Comparison: every fusion under the same encoders, data, budget and seeds, and how sure the differences are.

A finished run, one fusion with one seed, is a small file named by the content of all that it follows from; it is read
instead of run again. What frozen encoders say is computed once for all runs (see `feature_cache`).
"""

from __future__ import annotations

import hashlib
import inspect
import multiprocessing
from collections.abc import Generator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import torch

from twinlens import __version__, metrics
from twinlens.core import machine, variants
from twinlens.core.progress import bar
from twinlens.core.recipe import Recipe, Variant
from twinlens.core.types import Dataset, TwinlensError
from twinlens.evaluation import Judgements
from twinlens.evaluation.comparison.bench import Bench, Method, query_variants
from twinlens.evaluation.comparison.outcome import Outcome
from twinlens.evaluation.comparison.summary import BASELINES, REFERENCE, UNTRAINED, summarise
from twinlens.fusions import Fusion
from twinlens.models.composer import Composer
from twinlens.training import feature_cache

__all__ = ["BASELINES", "compare", "fusion_part", "fusions"]

CELLWISE, LEARNED = "cellwise", "learned"
Task: TypeAlias = tuple[Method, int]
"""A method and a seed."""


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
    """Train every fusion named `repeats` times on `train`, measure it on `test`, and say how sure the differences are.

    folder: where finished runs are kept; cache: where features are. metric: what methods are ordered by, one of those
    that `evaluation` computes with the cut-offs `ks`. workers: processes that run at the same time. Returns what
    `summary.summarise` does and `skipped`: fusion → why it does not fit the recipe's encoders. Raises TwinlensError for
    an unknown fusion, or data that nothing can be learned from or measured on.
    """
    train, test = (_keyed(dataset) for dataset in (train, test))
    judged = Judgements.of(test)
    _check_metric(judged, metric, ks)
    bench = Bench(_base(recipe, train, test, cache, device, progress), train, test, folder, device, tuple(ks))
    methods, skipped = _fitting(bench, _methods(recipe, names))
    seeds, data = range(seed, seed + repeats), _digest(bench)
    keys = {(method, number): _key(bench, method, number, data) for method in methods for number in seeds}
    _run_missing(
        bench,
        {task: key for task, key in keys.items() if not _path(bench, key).is_file()},
        workers,
        len(keys),
        progress,
    )
    runs = {
        method.name: [Outcome.read(_path(bench, keys[method, number])).balanced(judged.parts) for number in seeds]
        for method in methods
    }
    found = {"queries": len(judged.queries), "gallery": len(judged.gallery), "training_queries": len(train.queries)}
    return {"repeats": repeats, **found, **summarise(runs, judged.groups, metric), "skipped": skipped}


def fusions() -> list[str]:
    """All that can be compared: `cellwise` and `learned` are ways to apply the others."""
    return [name for name in variants.names("fusions") if name not in (CELLWISE, LEARNED)]


def fusion_part(recipe: Recipe, name: str) -> Variant:
    """A fusion with those options of the recipe's own fusion that it knows, such as `dropout`.

    Where the recipe's fusion is `cellwise`, so is every other that composes vectors.
    """
    fusion, cls = recipe.fusion, variants.variant_class("fusions", name)
    known = inspect.signature(cls).parameters
    if fusion.name != CELLWISE:
        return Variant(name=name, **{key: value for key, value in fusion.options.items() if key in known})
    options = fusion.options.get("options", {}).get(name, {})
    if cls.similarity is not Fusion.similarity:
        return Variant(name=name, **options)
    return Variant(name=CELLWISE, **{**fusion.options, "method": name, "options": {name: options}})


def _methods(recipe: Recipe, chosen: Sequence[str]) -> list[Method]:
    """The fusions asked for, the sum, whose lenses are baselines, and an untrained gate."""
    names = dict.fromkeys([*chosen, REFERENCE])
    return [
        *(Method(name, fusion_part(recipe, name)) for name in names),
        Method(UNTRAINED, fusion_part(recipe, "gate"), trained=False),
    ]


def _fitting(bench: Bench, methods: Sequence[Method]) -> tuple[list[Method], dict[str, str]]:
    """The methods that can be built on the recipe's encoders, and why the others cannot."""
    fitting, skipped = [], {}
    for method in methods:
        try:
            bench.fusion(method, 0)
            fitting.append(method)
        except TwinlensError as error:
            skipped[method.name] = str(error)
    return fitting, skipped


def _base(recipe: Recipe, train: Dataset, test: Dataset, cache: Path, device: str, progress: bool) -> Composer:
    composer = Composer.build(recipe)
    composer.fit(train.queries)
    composer.to(machine.pick_device(device))
    asked = [sample for samples in query_variants(Judgements.of(test).queries).values() for sample in samples]
    known = [*train.queries, *train.gallery, *asked, *test.gallery]
    return feature_cache.cache_features(composer, known, cache, progress=progress)


def _check_metric(judged: Judgements, metric: str, ks: Sequence[int]) -> None:
    one = np.ones((1, 1), dtype=np.bool_)
    rejected = one if judged.rejected.any() else None
    known = metrics.per_query(np.zeros((1, 1), dtype=np.float32), one, rejected=rejected, ks=ks)
    if metric not in known:
        raise TwinlensError(f"no metric {metric!r} here; known: {', '.join(sorted(known))}")


def _keyed(dataset: Dataset) -> Dataset:
    """Pictures that queries and gallery share are read once for both."""
    samples = feature_cache.keyed([*dataset.queries, *dataset.gallery])
    count = len(dataset.queries)
    return replace(dataset, queries=samples[:count], gallery=samples[count:])


def _run_missing(bench: Bench, missing: Mapping[Task, str], workers: int, total: int, progress: bool) -> None:
    """Run what has no file yet; each run's file is written as soon as it is finished."""
    with (
        bar("runs", total, unit="runs", progress=progress) as advance,
        closing(_outcomes(bench, missing, workers)) as new,
    ):
        advance(total - len(missing))
        for (method, number), outcome in new:
            outcome.save(_path(bench, missing[method, number]))
            advance(1, note=f"{method.name}, seed {number}")


def _outcomes(bench: Bench, missing: Mapping[Task, str], workers: int) -> Generator[tuple[Task, Outcome], None, None]:
    if workers < 2 or len(missing) < 2:
        for (method, number), key in missing.items():
            yield (method, number), bench.run(method, number, key)
        return
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(min(workers, len(missing)), context, _begin, (bench, workers))
    try:
        waiting = {pool.submit(_run, *task, key): task for task, key in missing.items()}
        for done in as_completed(waiting):
            yield waiting[done], done.result()
    finally:
        pool.shutdown(cancel_futures=True)


_worker: dict[str, Bench] = {}  # a worker process's own bench, sent once and not with every run


def _begin(bench: Bench, workers: int) -> None:
    torch.set_num_threads(max(1, torch.get_num_threads() // workers))
    _worker["bench"] = bench


def _run(method: Method, number: int, key: str) -> Outcome:
    return _worker["bench"].run(method, number, key)


def _path(bench: Bench, key: str) -> Path:
    return bench.folder / f"{key}.safetensors"


def _key(bench: Bench, method: Method, number: int, data: str) -> str:
    """A readable name that ends in a digest of recipe, encoders, data, seed and version."""
    recipe = bench.base.recipe.model_copy(update={"fusion": method.fusion}).to_toml()
    content = f"{__version__}\n{recipe}\n{method.trained}\n{number}\n{bench.ks}\n{data}"
    return f"{method.name}-{number}-{hashlib.blake2b(content.encode(), digest_size=8).hexdigest()}"


def _digest(bench: Bench) -> str:
    """Content hash (hex) of the encoders, of both parts of the data and of all that is known about them."""
    digest = hashlib.blake2b(digest_size=16)
    for part, encoder in zip(bench.base.recipe.encoders, feature_cache.parts_of(bench.base), strict=True):
        digest.update(feature_cache.encoder_digest(part, encoder).encode())
    for dataset in (bench.train, bench.test):
        feature_cache.take_dataset(digest, dataset)
    return digest.hexdigest()
