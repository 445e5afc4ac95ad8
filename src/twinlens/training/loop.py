"""The one training loop: any composer on any Dataset, resumable, early stopping on a leak-free part."""

from __future__ import annotations

import copy
import hashlib
import math
import os
import time
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader

from twinlens import losses, metrics, splits
from twinlens.core.arguments import as_kind, as_path
from twinlens.core.atomic import whole_file
from twinlens.core.machine import pick_device
from twinlens.core.processes import begin_worker, held_signals, killed_on_error
from twinlens.core.progress import Bar, bar
from twinlens.core.recipe import Recipe
from twinlens.core.types import Dataset, Features, TwinlensError
from twinlens.models.composer import Composer, to_device
from twinlens.training.batches import PreparedCache, Step, Steps
from twinlens.training.callbacks import Callback
from twinlens.training.run import Epoch, Run

CHECKPOINT = "checkpoint.pt"
SCALE = 10.0


def train_recipe(
    recipe: Recipe,
    dataset: Dataset,
    *,
    seed: int = 0,
    device: str = "auto",
    folder: Path | None = None,
    workers: int = 0,
    array_cache: Path | None = None,
    progress: bool = True,
    callback: Callback | None = None,
) -> tuple[Composer, list[Epoch]]:
    """Train a recipe from scratch: vocabularies, a leak-free held-out part for early stopping, the loop.

    array_cache: a folder where encoders note what does not follow from learning, so that the next training finds it.
    callback: see `train`.
    """
    composer = Composer.build(recipe, seed=seed)
    if array_cache:
        composer.cache_to(array_cache)
    composer.fit(dataset.queries)
    part, validation = splits.hold_out(dataset, recipe.training.validation, seed)
    epochs = train(
        composer,
        part,
        validation,
        seed=seed,
        device=device,
        folder=folder,
        workers=workers,
        progress=progress,
        callback=callback,
    )
    return composer, epochs


def train(
    composer: Composer,
    dataset: Dataset,
    validation: Dataset,
    *,
    seed: int = 0,
    device: str = "auto",
    folder: Path | None = None,
    workers: int = 0,
    progress: bool = True,
    callback: Callback | None = None,
) -> list[Epoch]:
    """Train in place and leave the best epoch's weights in the composer (evaluation mode).

    With a `folder` every epoch ends with a checkpoint there, and a run that was cut off goes on from the last one with
    the same result as an undisturbed run. `workers` are processes that prepare batches ahead. callback: is called after
    every step and every epoch, and can end the training; see `callbacks.Callback`. What it raises ends the training.
    """
    _check(composer, dataset, validation)
    composer.to(pick_device(device))
    _freeze(composer)
    steps = _steps(composer, dataset, seed, workers)
    total_steps = len(steps) * composer.recipe.training.epochs
    run = _start(composer, total_steps, _run_key(composer, dataset, seed))
    run.callback = callback
    checkpoint = as_path("folder", folder) / CHECKPOINT if folder else None
    if checkpoint and checkpoint.is_file():
        run.restore(torch.load(checkpoint, map_location=composer.device, weights_only=True))
    with bar("training", total_steps, unit="steps", progress=progress) as advance:
        advance(len(run.epochs) * len(steps))
        while not _finished(run):
            _run_epoch(run, steps, validation, seed, workers, advance)
            if checkpoint:
                _save(run, checkpoint)
    composer.eval().load_state_dict(run.best)
    return run.epochs


def _steps(composer: Composer, dataset: Dataset, seed: int, workers: int) -> Steps:
    return Steps(
        dataset,
        prepare=composer.prepare if workers else PreparedCache(composer.prepare),
        stack=composer.stack,
        batch_size=composer.recipe.training.batch_size,
        rejected_per_query=composer.recipe.training.rejected_per_query,
        seed=seed,
    )


def validation_score(composer: Composer, dataset: Dataset) -> float:
    """Measure the mean average precision on unit vectors embedded in one pass: one number for early stopping.

    Where each query has one answer it is the mean reciprocal rank; where many have, it asks for all of them, not only
    for the most alike.
    """
    queries = [query for query in dataset.queries if dataset.relevant.get(query.id)]
    ids, entries = [query.id for query in queries], [entry.id for entry in dataset.gallery]
    relevant = metrics.mask(dataset.relevant, ids, entries)
    ignore = metrics.mask(dataset.ignore, ids, entries)
    asked = np.asarray((relevant & ~ignore).any(axis=1))
    vectors = composer.embed([*queries, *dataset.gallery])
    scores = vectors[: len(queries)][asked] @ vectors[len(queries) :].T  # (Q, N)
    return float(metrics.per_query(scores, relevant[asked], ignore=ignore[asked])["map"].mean())


def _check(composer: Composer, *data: Dataset) -> None:
    as_kind("train", composer, Composer, "give Composer.build(recipe) or Composer.load(folder)")
    for part in data:
        as_kind("train", part, Dataset, "give what load of a file in twinlens.datasets returns, or a part of it")


def _start(composer: Composer, total_steps: int, key: str) -> Run:
    settings = composer.recipe.training
    log_scale = nn.Parameter(torch.tensor(math.log(_loss(composer.recipe)[1]), device=composer.device))
    trained = [p for p in composer.parameters() if p.requires_grad]
    groups = [
        {"params": [p for p in trained if p.ndim > 1], "weight_decay": settings.weight_decay},
        {"params": [*(p for p in trained if p.ndim <= 1), log_scale], "weight_decay": 0.0},
    ]
    optimizer = torch.optim.AdamW(groups, lr=settings.learning_rate)
    rising = max(1, int(settings.warmup * total_steps))

    def factor(step: int) -> float:
        progress = (step - rising) / max(1, total_steps - rising)
        return (step + 1) / rising if step < rising else 0.5 * (1 + math.cos(math.pi * min(1.0, progress)))

    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, factor)
    return Run(composer, log_scale, optimizer, schedule, [], copy.deepcopy(composer.state_dict()), key)


def _run_epoch(run: Run, steps: Steps, validation: Dataset, seed: int, workers: int, advance: Bar) -> None:
    started, number = time.monotonic(), len(run.epochs)
    steps.start(number)
    torch.manual_seed(seed + number)  # dropout, the same in a resumed run
    run.composer.train()
    total, done = torch.zeros((), device=run.composer.device), number * len(steps)
    of = len(steps) * run.composer.recipe.training.epochs
    with killed_on_error():
        for taken, step in enumerate(_loaded(steps, workers), 1):
            total += (loss := _take(run, step))
            advance(1, note=f"epoch {number + 1}" + (f", validation {run.epochs[-1].score:.3f}" if run.epochs else ""))
            if run.tell(done + taken, of, loss, {}):
                break
    mean = float(total) / taken
    score = validation_score(run.composer, validation)
    if score > max((epoch.score for epoch in run.epochs), default=-1.0):
        run.best = copy.deepcopy(run.composer.state_dict())
    run.epochs.append(Epoch(number, mean, score, time.monotonic() - started))
    run.tell(done + taken, of, mean, {"map": score})


def _loaded(steps: Steps, workers: int) -> Iterator[Step]:
    if workers:
        begin = partial(_begin_worker, os.getpid())
        loader = DataLoader(steps, batch_size=None, num_workers=workers, prefetch_factor=4, worker_init_fn=begin)
        with held_signals():
            return iter(loader)
    return (steps[n] for n in range(len(steps)))


def _begin_worker(parent: int, _number: int) -> None:
    begin_worker(parent)


def _take(run: Run, step: Step) -> Tensor:
    """Take one optimiser step; queries, targets and hard negatives go through the network together."""
    composer, device, rows = run.composer, run.composer.device, step.queries
    # Only a recipe chooses bfloat16: chosen by the processor, the same seed would learn something else elsewhere.
    with torch.autocast(device.type, torch.bfloat16, enabled=composer.recipe.training.precision == "bfloat16"):
        encoded = composer.encode(to_device(step.batch, device))
        vectors = composer.fuse(encoded)
    vectors = vectors.float()
    queries, targets, rejected = vectors[:rows], vectors[rows : 2 * rows], vectors[2 * rows :]
    loss_function, _ = _loss(composer.recipe)
    loss = loss_function(
        queries,
        targets,
        negatives=rejected if len(rejected) else None,
        mask=step.mask.to(device),
        answers=step.answers.to(device),
        scale=run.log_scale.exp(),
    )
    extra = composer.fusion.auxiliary_loss(_rows(encoded.image, rows), _rows(encoded.text, rows), queries, targets)
    loss = loss if extra is None else loss + extra
    run.optimizer.zero_grad(set_to_none=True)
    torch.autograd.backward(loss)
    nn.utils.clip_grad_norm_(composer.parameters(), 1.0)
    run.optimizer.step()
    run.schedule.step()
    return loss.detach()


def _loss(recipe: Recipe) -> tuple[losses.Loss, float]:
    """Return the recipe's loss, and the start of its learned scale: the loss's option `scale`, or 10 without it."""
    options = recipe.loss.options
    start = options.pop("scale", SCALE)
    if not isinstance(start, int | float) or start <= 0:
        raise TwinlensError(f"the loss's scale starts at a positive number, not {start!r}")
    return losses.named(recipe.loss.name, **options), float(start)


def _rows(side: Features | None, rows: int) -> Features | None:
    """Return the first rows of a side: the queries of a step."""
    if side is None:
        return None

    def cut(tensor: Tensor | None) -> Tensor | None:
        return None if tensor is None else tensor[:rows]

    return replace(
        side, vector=side.vector[:rows], tokens=cut(side.tokens), mask=cut(side.mask), present=cut(side.present)
    )


def _freeze(composer: Composer) -> None:
    for part, encoder in zip(composer.recipe.encoders, composer.encoders, strict=True):
        encoder.requires_grad_(part.name not in composer.recipe.training.frozen)


def _finished(run: Run) -> bool:
    settings, scores = run.composer.recipe.training, [epoch.score for epoch in run.epochs]
    stale = len(scores) - 1 - int(np.argmax(scores)) if scores else 0
    return run.is_stopped or len(scores) >= settings.epochs or stale >= settings.patience


def _run_key(composer: Composer, dataset: Dataset, seed: int) -> str:
    ids = "\n".join(sample.id for sample in (*dataset.queries, *dataset.gallery))
    return hashlib.blake2b(f"{composer.recipe.to_toml()}{seed}{ids}".encode(), digest_size=16).hexdigest()


def _save(run: Run, path: Path) -> None:
    """Write a checkpoint; a kill leaves the old one or the new one."""
    with whole_file(path) as beside:
        torch.save(run.state(), beside)
