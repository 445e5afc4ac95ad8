"""The runs of a comparison: their keys, the files of the finished ones, and the processes that do the others."""

from __future__ import annotations

import hashlib
from collections.abc import Generator, Iterable, Mapping
from concurrent.futures import as_completed
from contextlib import closing
from typing import TypeAlias

import torch

from twinlens.core import processes
from twinlens.core.progress import bar
from twinlens.evaluation.comparison.bench import Bench
from twinlens.evaluation.comparison.methods import Method
from twinlens.evaluation.comparison.outcome import Outcome
from twinlens.training import feature_cache
from twinlens.version import __version__

FORMAT = 2
"""Of a run's file; another number makes all runs anew."""
Task: TypeAlias = tuple[Method, int]
"""A method and a seed."""


def run_all(bench: Bench, tasks: Iterable[Task], *, workers: int, progress: bool) -> dict[Task, Outcome]:
    """Return the outcome of every task; only those without a file are run, and each is written as it finishes."""
    data = _data_digest(bench)
    files = {task: bench.folder / f"{_key(bench, *task, data)}.safetensors" for task in tasks}
    missing = {task: file.stem for task, file in files.items() if not file.is_file()}
    with (
        bar("runs", len(files), unit="runs", progress=progress) as advance,
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
        for future in as_completed(futures):
            yield futures[future], future.result()


_worker: dict[str, Bench] = {}  # a worker process's own bench, sent once and not with every run


def _start_worker(bench: Bench, workers: int) -> None:
    torch.set_num_threads(max(1, torch.get_num_threads() // workers))
    _worker["bench"] = bench


def _run(method: Method, seed: int, key: str) -> Outcome:
    return _worker["bench"].run(method, seed, key)


def _key(bench: Bench, method: Method, seed: int, data: str) -> str:
    """Return a readable name that ends in a digest of recipe, encoders, data, seed and version."""
    recipe = bench.base.recipe.model_copy(update={"fusion": method.fusion}).to_toml()
    content = f"{__version__} {FORMAT}\n{recipe}\n{method.trained}\n{seed}\n{bench.ks}\n{data}"
    return f"{method.name}-{seed}-{hashlib.blake2b(content.encode(), digest_size=8).hexdigest()}"


def _data_digest(bench: Bench) -> str:
    """Hash (hex) the encoders and both datasets with their relations."""
    digest = hashlib.blake2b(digest_size=16)
    for part, encoder in zip(bench.base.recipe.encoders, feature_cache.parts_of(bench.base), strict=True):
        digest.update(feature_cache.encoder_digest(part, encoder).encode())
    for dataset in (bench.train, bench.test):
        feature_cache.take_dataset(digest, dataset)
    return digest.hexdigest()
