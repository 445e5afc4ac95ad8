"""Protocol A: the paper's experiment, every reading of its claims, beside baselines and the same without the leak."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import as_completed
from pathlib import Path
from typing import Any

import torch

from twinlens import metrics
from twinlens.core.atomic import whole_file
from twinlens.core.processes import held_signals, pool
from twinlens.core.progress import Bar, bar
from twinlens.core.recipe import Recipe
from twinlens.core.types import Dataset
from twinlens.evaluation.baselines import COMPOSED, LATE_SUM, SINGLE_SIDES, UNTRAINED
from twinlens.evaluation.paper.repeat import run_repeat
from twinlens.evaluation.summaries import Summary, distinct, to_json
from twinlens.training import feature_cache
from twinlens.version import __version__

BASELINES = (*SINGLE_SIDES, LATE_SUM, UNTRAINED)
EPOCHS = 3
"""The default, so that ten repeats take minutes; the published readings are at their ceiling by then."""
FORMAT = 2
"""Of a finished repeat's file; another number runs all repeats anew."""


def replicate(
    recipe: Recipe,
    dataset: Dataset,
    *,
    repeats: int = 10,
    seed: int = 0,
    device: str = "auto",
    processes: int = 1,
    cache: Path | None = None,
    progress: bool = False,
) -> dict[str, Any]:
    """Train and measure `repeats` times on fresh random splits, the paper's way and leak-free.

    {"metrics": {reading: summary}, "baselines": {name: {…}}, "leak_free": {…}, "leak_free_baselines": {…}, "leak":
    {…}, "run_environments": […]}: a summary has mean, standard deviation and 95 % interval over the repeats. `leak` is
    the share of test pictures of which the train part holds another picture of the scene, the same sentence, or
    something of the same group, on either split. processes: repeats that run in parallel, on one thread each; their
    number does not change the figures. cache: a folder that keeps finished repeats, which are read instead of run
    again, and arrays (see `loop.train_recipe`).
    """
    seeds = range(seed, seed + repeats)
    with bar("repeats", repeats, unit="repeats", progress=progress) as advance:
        run = functools.partial(_read_or_run, recipe, dataset, _runs_folder(recipe, dataset, cache), device=device)
        runs = _run_parallel(run, seeds, processes, advance)
    published = _summaries([run["with_leak"] for run in runs])
    fair = _summaries([run["leak_free"] for run in runs])
    return {
        "metrics": published[COMPOSED],
        "baselines": {name: published[name] for name in BASELINES},
        "leak_free": fair[COMPOSED],
        "leak_free_baselines": {name: fair[name] for name in BASELINES},
        "leak": _summaries([run["leak"] for run in runs]),
        "run_environments": distinct([run["environment"] for run in runs]),
    }


def explain_leak(result: Mapping[str, Any]) -> str:
    """Explain in words what the leak contributes, from the figures of `replicate`."""
    published, fair, leak = result["metrics"], result["leak_free"], result["leak"]["random"]
    text_only = result["baselines"]["text_only"]["hit@5"]["mean"]
    image_only = result["baselines"]["image_only"]["hit@5"]["mean"]
    return (
        f"Read as the paper reads it, {_percent(published['hit@5'])} of the queries find a picture with their sentence "
        f"among the first five, and the SVM names the cluster of {_percent(published['cluster_svm_accuracy'])}. "
        f"Little of that is understanding: in a random split the training part holds another picture of the same "
        f"scene, only with its boxes in another order, for {_percent(leak['sibling'])} of the test pictures, and the "
        f"very sentence for {_percent(leak['sentence'])}. The sentence alone, which the gallery carries as a caption, "
        f"finds {text_only:.1%} and the picture alone {image_only:.1%}; and an SVM can name clusters that k-means drew "
        f"whatever they mean. When no scene, sentence or presentation stands on both sides, captions are taken out of "
        f"the gallery and the query's own scene is not an answer, hit@5 is {_percent(fair['hit@5'])}."
    )


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
        for _ in as_completed(futures):
            advance()
        return [future.result() for future in futures]


def _runs_folder(recipe: Recipe, dataset: Dataset, cache: Path | None) -> Path | None:
    """Return the folder of finished repeats of this recipe on this dataset."""
    if cache is None:
        return None
    digest = hashlib.blake2b(f"{__version__} {FORMAT}\n{recipe.to_toml()}".encode(), digest_size=16)
    feature_cache.take_dataset(digest, dataset)
    return cache / "runs" / f"paper-{digest.hexdigest()}"


def _read_or_run(recipe: Recipe, dataset: Dataset, runs: Path | None, seed: int, *, device: str) -> dict[str, Any]:
    """Read a finished repeat, or run it if its file is missing or damaged."""
    if runs is None:
        return run_repeat(recipe, dataset, seed, device=device, array_cache=None)
    file = runs / f"{seed}.json"
    with contextlib.suppress(OSError, ValueError):
        finished: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        return finished
    values = run_repeat(recipe, dataset, seed, device=device, array_cache=runs.parents[1] / "notes")
    with whole_file(file) as draft:
        draft.write_text(json.dumps(values), encoding="utf-8")
    return values


def _summaries(runs: Sequence[Mapping[str, Mapping[str, float]]]) -> dict[str, dict[str, Summary]]:
    summaries: dict[str, dict[str, Summary]] = {}
    for name, values in runs[0].items():
        summaries[name] = {key: to_json(metrics.mean_std_ci([run[name][key] for run in runs])) for key in values}
    return summaries
