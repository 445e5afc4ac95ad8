"""The runs of a comparison: their keys, the files of the finished ones, and the processes that do the others."""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Generator, Iterable, Mapping
from contextlib import closing
from dataclasses import fields
from pathlib import Path
from typing import TypeAlias

import torch

from twinlens.core import digests, processes
from twinlens.core.progress import bar
from twinlens.core.types import Dataset, TwinlensError
from twinlens.evaluation.comparison.bench import Bench
from twinlens.evaluation.comparison.methods import Method
from twinlens.evaluation.comparison.outcome import Outcome
from twinlens.evaluation.comparison.source import code_digest
from twinlens.models.composer import Composer
from twinlens.training import feature_cache

FORMAT = 3
"""Raise it when code that all methods share, such as the training loop, changes what a run finds: all runs repeat."""
Task: TypeAlias = tuple[Method, int]
"""A method and a seed."""


def run_all(
    bench: Bench, tasks: Iterable[Task], folder: Path, *, title: str, workers: int, progress: bool
) -> dict[Task, Outcome]:
    """Return the outcome of every task; only those without a file in `folder` run, and are written as they finish.

    Raises TwinlensError if one has no file, and the bench reads finished runs only.
    """
    files = {task: folder / f"{_key(bench, *task)}.json" for task in tasks}
    missing = {task: file.stem for task, file in files.items() if not file.is_file()}
    if missing and bench.finished_only:
        first = next(iter(missing.values()))
        raise TwinlensError(
            f"{title}: {len(missing)} of {len(files)} are missing in {folder}, the first is {first}.json; "
            "train them first"
        )
    with (
        bar(title, len(files), unit="runs", progress=progress) as advance,
        closing(_outcomes(bench, missing, workers)) as new,
    ):
        advance(len(files) - len(missing))
        for (method, seed), outcome in new:
            outcome.save(files[method, seed])
            advance(1, note=f"{method.name}, seed {seed}")
    return {task: Outcome.read(file) for task, file in files.items()}


def _outcomes(bench: Bench, missing: Mapping[Task, str], workers: int) -> Generator[tuple[Task, Outcome], None, None]:
    if workers < 2 or len(missing) < 2:
        for task, key in missing.items():
            yield task, bench.run(*task, key)
        return
    with processes.pool(min(workers, len(missing)), _start_worker, (bench, workers)) as pool:
        with processes.held_signals():
            futures = {pool.submit(_run, *task, key): task for task, key in missing.items()}
        for future in processes.completed(futures):
            yield futures[future], future.result()


_worker: dict[str, Bench] = {}  # a worker process's own bench, sent once and not with every run


def _start_worker(bench: Bench, workers: int) -> None:
    torch.set_num_threads(max(1, torch.get_num_threads() // workers))
    _worker["bench"] = bench


def _run(method: Method, seed: int, key: str) -> Outcome:
    return _worker["bench"].run(method, seed, key)


def _key(bench: Bench, method: Method, seed: int) -> str:
    """Return a readable name that ends in a digest of all that decides a run: recipe, method, data and seed.

    Folders, the machine, the version of twinlens and code outside the method do not count.
    """
    recipe = bench.recipe_of(method)
    content = {
        "format": FORMAT,
        "recipe": recipe.model_dump(mode="json", exclude={"name", "description", "rerank"}),
        "code": code_digest(bench.composer(method, 0).fusion),
        "trained": method.trained,
        "seed": seed,
        "metrics": bench.metrics,
        "data": bench.data,
    }
    digest = hashlib.blake2b(json.dumps(content, sort_keys=True).encode(), digest_size=6).hexdigest()
    rate = f"-{method.learning_rate:g}" if method.learning_rate else ""
    return f"{method.name}{rate}-{seed}-{digest}"


def data_digest(base: Composer, train: Dataset, test: Dataset) -> str:
    """Hash (hex) both datasets with their relations, the encoders' vocabularies and the weights of frozen ones.

    The initial weights of the others follow from the recipe.
    """
    digest = hashlib.blake2b(digest_size=16)
    for part, encoder in zip(base.recipe.encoders, feature_cache.parts_of(base), strict=True):
        if part.name in base.frozen:
            digests.update_with_tensors(digest, encoder.state_dict())
        with tempfile.TemporaryDirectory() as folder:
            encoder.save_assets(Path(folder))
            for path in sorted(p for p in Path(folder).rglob("*") if p.is_file()):
                digest.update(path.read_bytes())
    for dataset in (train, test):
        _update_with_dataset(digest, dataset)
    return digest.hexdigest()


def _update_with_dataset(digest: hashlib.blake2b, dataset: Dataset) -> None:
    """Feed a digest the content of every sample and all relations that a dataset has; empty ones do not count."""
    for sample in (*dataset.queries, *dataset.gallery):
        digest.update(sample.id.encode() + feature_cache.sample_key(sample))
    for known in fields(dataset):
        relation = getattr(dataset, known.name)
        if isinstance(relation, Mapping) and relation:
            rows = [(key, sorted(of) if isinstance(of, frozenset) else of) for key, of in sorted(relation.items())]
            digest.update(f"{known.name} {rows}".encode())
