"""Protocol A: the paper's experiment, every reading of its claims, beside baselines and the same without the leak."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from twinlens import metrics
from twinlens.core.processes import completed, held_signals, pool
from twinlens.core.progress import Bar, bar
from twinlens.core.recipe import Recipe
from twinlens.core.types import Dataset
from twinlens.evaluation.baselines import (
    COMPOSED,
    IMAGE_ONLY,
    LATE_SUM,
    PIXEL_COUNT,
    RANDOM,
    SINGLE_SIDES,
    UNTRAINED,
)
from twinlens.evaluation.paper import finished
from twinlens.evaluation.paper.repeat import run_repeat
from twinlens.evaluation.summaries import Summary, distinct, to_json

BASELINES = (*SINGLE_SIDES, LATE_SUM, PIXEL_COUNT, RANDOM, UNTRAINED)
EPOCHS = 3
"""The default, so that ten repeats take minutes; the published readings are at their ceiling by then."""


def replicate(
    recipe: Recipe,
    dataset: Dataset,
    *,
    repeats: int = 10,
    seed: int = 0,
    device: str = "auto",
    processes: int = 1,
    cache: Path | None = None,
    runs: Path | None = None,
    progress: bool = False,
) -> dict[str, Any]:
    """Train and measure `repeats` times on fresh random splits, the paper's way and leak-free.

    {"metrics": {reading: summary}, "baselines": {name: {…}}, "leak_free": {…}, "leak_free_baselines": {…}, "leak":
    {…}, "run_environments": […]}: a summary has mean, standard deviation and 95 % interval over the repeats. `leak` is
    the share of test pictures of which the train part holds another picture of the same items, the same sentence, or
    something of the same group, on either split. processes: repeats that run in parallel, on one thread each; their
    number does not change the figures. cache: a folder that keeps arrays (see `loop.train_recipe`) and, unless `runs`
    is another folder for them, finished repeats, which are read instead of run again. Raises TwinlensError if `runs`
    has repeats of something else.
    """
    seeds = range(seed, seed + repeats)
    key = finished.key_of(recipe, dataset)
    if runs is None and cache is not None:
        runs = cache / "runs" / f"paper-{key}"
    arrays = None if cache is None else cache / "notes"
    with bar("repeats", repeats, unit="repeats", progress=progress) as advance:
        run = functools.partial(_read_or_run, recipe, dataset, runs, key, device=device, array_cache=arrays)
        found = _run_parallel(run, seeds, processes, advance)
    published = _summaries([run["with_leak"] for run in found])
    fair = _summaries([run["leak_free"] for run in found])
    return {
        "metrics": published[COMPOSED],
        "baselines": {name: published[name] for name in BASELINES},
        "leak_free": fair[COMPOSED],
        "leak_free_baselines": {name: fair[name] for name in BASELINES},
        "leak": _summaries([run["leak"] for run in found]),
        "run_environments": distinct([run["environment"] for run in found]),
    }


def explain_leak(result: Mapping[str, Any]) -> str:
    """Explain in words what the leak contributes, from the figures of `replicate`."""
    published, fair, leak = result["metrics"], result["leak_free"], result["leak"]["random"]
    text_only = result["baselines"]["text_only"]["hit@5"]["mean"]
    image_only = result["baselines"]["image_only"]["hit@5"]["mean"]
    rest = result["leak_free_baselines"]
    floors = ", ".join(f"{rest[name]['hit@5']['mean']:.1%} {words}" for name, words in _FLOORS.items())
    return (
        f"Read as the paper reads it, {_percent(published['hit@5'])} of the queries find a picture with their sentence "
        f"among the first five, and the SVM names the cluster of {_percent(published['cluster_svm_accuracy'])}. "
        f"Little of that is understanding: in a random split the training part holds another picture of the same "
        f"items, mostly the same scene with its boxes in another order, for {_percent(leak['sibling'])} of the test "
        f"pictures, and the very sentence for {_percent(leak['sentence'])}. The sentence alone, which the gallery "
        f"carries as a caption, finds {text_only:.1%} and the picture alone {image_only:.1%}; and an SVM can name "
        f"clusters that k-means drew whatever they mean. When no sentence, presentation or set of items stands on both "
        f"sides, captions are taken out of the gallery and pictures of the query's own items are no answers, hit@5 is "
        f"{_percent(fair['hit@5'])}, beside {floors}."
    )


_FLOORS = {
    IMAGE_ONLY: "by the picture alone",
    PIXEL_COUNT: "by counting pixels, untrained",
    RANDOM: "at random",
}
"""Baselines that `explain_leak` names beside the leak-free figure."""


def _percent(summary: Summary) -> str:
    return f"{summary['mean']:.1%}"


def _run_parallel(
    run: Callable[[int], dict[str, Any]], seeds: Sequence[int], processes: int, advance: Bar
) -> list[dict[str, Any]]:
    """Run one repeat for each seed; return them in the order of the seeds."""
    if processes < 2:
        runs = []
        for seed in seeds:
            runs.append(run(seed))
            advance()
        return runs
    with pool(processes, torch.set_num_threads, (1,)) as workers:
        with held_signals():
            futures = [workers.submit(run, seed) for seed in seeds]
        for _ in completed(futures):
            advance()
        return [future.result() for future in futures]


def _read_or_run(
    recipe: Recipe,
    dataset: Dataset,
    runs: Path | None,
    key: str,
    seed: int,
    *,
    device: str,
    array_cache: Path | None,
) -> dict[str, Any]:
    """Read a finished repeat, or run it and keep it."""
    values = None if runs is None else finished.read(runs, seed, key)
    if values is None:
        started = time.monotonic()
        values = run_repeat(recipe, dataset, seed, device=device, array_cache=array_cache)
        if runs is not None:
            finished.write(runs, seed, key, values, recipe=recipe.name, seconds=time.monotonic() - started)
    return values


def _summaries(runs: Sequence[Mapping[str, Mapping[str, float]]]) -> dict[str, dict[str, Summary]]:
    summaries: dict[str, dict[str, Summary]] = {}
    for name, values in runs[0].items():
        summaries[name] = {key: to_json(metrics.mean_std_ci([run[name][key] for run in runs])) for key in values}
    return summaries
