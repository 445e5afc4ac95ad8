"""One run of a comparison: train a fusion on the shared encoders with a seed, and measure every query variant."""

from __future__ import annotations

import re
import shutil
import time
from collections.abc import Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from twinlens import splits
from twinlens.core import machine
from twinlens.core.recipe import Recipe
from twinlens.core.types import Dataset, Encoded, Features, Sample
from twinlens.evaluation.baselines import COMPOSED, LATE_FUSIONS, SHUFFLED_TEXT, SINGLE_SIDES, variant_scores
from twinlens.evaluation.comparison.methods import REFERENCE, Method
from twinlens.evaluation.comparison.outcome import Outcome
from twinlens.evaluation.judgements import Judgements
from twinlens.evaluation.summaries import balance_parts
from twinlens.metrics import PerQuery
from twinlens.models.composer import Composer, to_device
from twinlens.training import loop
from twinlens.training.run import Epoch

TIMED_QUERIES = 30
BATCH = 256


@runtime_checkable
class FittedFusion(Protocol):
    """A fusion that learns from encoded pictures and texts without training."""

    def fit(self, image_vectors: Tensor, text_vectors: Tensor) -> None:
        """Learn from vectors (N, d) and (M, d), unpaired."""


@dataclass(frozen=True)
class Bench:
    """All that the runs share; it is sent to worker processes.

    base: the encoders, frozen ones replaced by their cached features, the others with the weights every run starts
    from. data: digest of encoders and datasets. metrics: those that a run keeps. folder: checkpoints of unfinished
    runs. epochs: instead of the recipe's. finished_only: only finished runs are read, and none is trained.
    """

    base: Composer
    train: Dataset
    test: Dataset
    data: str
    metrics: tuple[str, ...]
    folder: Path
    device: str = "auto"
    epochs: int | None = None
    finished_only: bool = False

    def run(self, method: Method, seed: int, key: str) -> Outcome:
        """Train a method, unless there is nothing to train, and measure it. `key` names its checkpoint.

        The single sides of a query and their late fusions are kept for `REFERENCE` alone, the only one shown with them.
        """
        composer, started, busy = self.composer(method, seed), time.monotonic(), time.process_time()
        trains = self.trains(method)
        epochs = self._train(composer, seed, self.folder / key) if trains else []
        if isinstance(composer.fusion, FittedFusion):
            composer.fusion.fit(*self._sides(composer))
        seconds = time.monotonic() - started
        composer.eval()
        values, query_ms = self._measure(composer, seed)
        training = composer.recipe.training
        facts: dict[str, Any] = {
            "method": method.name,
            "recipe": composer.recipe.name,
            "seed": seed,
            "trained": trains,
            "learning_rate": training.learning_rate if trains else None,
            "parameters": sum(p.numel() for p in composer.parameters() if p.requires_grad) if trains else 0,
            "epochs": len(epochs),
            "seconds": seconds,
            "processor_seconds": time.process_time() - busy,
            "query_ms": query_ms,
            "shuffled_text": {metric: float(np.nanmean(of)) for metric, of in values[SHUFFLED_TEXT].items()},
            "environment": machine.environment(self.device, precision=training.precision),
        }
        kept = (COMPOSED, *SINGLE_SIDES, *LATE_FUSIONS) if method.name == REFERENCE else (COMPOSED,)
        return Outcome({variant: values[variant] for variant in kept}, facts)

    def trains(self, method: Method) -> bool:
        """Return True if a method is to be trained and has weights of its own to train."""
        fusion = self.base.with_fusion(method.fusion).fusion
        return method.trained and any(p.requires_grad for p in fusion.parameters())

    def recipe_of(self, method: Method) -> Recipe:
        """Return the recipe of a method's runs: the shared one with its fusion and its learning rate."""
        recipe = self.base.recipe
        changes: dict[str, Any] = {} if self.epochs is None else {"epochs": self.epochs}
        changes |= {} if method.learning_rate is None else {"learning_rate": method.learning_rate}
        training = recipe.training.model_copy(update=changes)
        return recipe.model_copy(update={"fusion": method.fusion, "training": training})

    def composer(self, method: Method, seed: int) -> Composer:
        """Build the shared encoders with a fusion of its own, whose weights the seed draws."""
        composer = deepcopy(self.base).with_fusion(method.fusion, seed=seed)
        composer.recipe = self.recipe_of(method)
        return composer.to(machine.pick_device(self.device))

    def _train(self, composer: Composer, seed: int, folder: Path) -> list[Epoch]:
        part, validation = splits.hold_out(self.train, composer.recipe.training.validation, seed)
        epochs = loop.train(composer, part, validation, seed=seed, device=self.device, folder=folder, progress=False)
        shutil.rmtree(folder)
        return epochs

    @torch.inference_mode()
    def _sides(self, composer: Composer) -> tuple[Tensor, Tensor]:
        """Encode the training pictures (N, d) and the training texts (M, d)."""
        pictures = [_vectors(encode(composer, part).image) for part in _batches(self.train.gallery)]
        texts = [_vectors(encode(composer, part).text) for part in _batches(self.train.queries)]
        return torch.cat(pictures), torch.cat(texts)

    def _measure(self, composer: Composer, seed: int) -> tuple[dict[str, dict[str, PerQuery]], float]:
        """Compute the metrics of every query variant, parts weighed alike, and the milliseconds of one query."""
        judgements = Judgements.of(self.test)
        gallery = composer.embed(judgements.gallery, batch_size=BATCH)
        scores = variant_scores(composer, judgements.queries, gallery, seed=seed, batch_size=BATCH)
        values = {}
        for name, matrix in scores.items():
            found = judgements.per_query(matrix, cut_offs(self.metrics))
            values[name] = dict(balance_parts({m: found[m] for m in self.metrics}, judgements.parts))
        return values, query_ms(composer, judgements.queries[:TIMED_QUERIES], gallery)


def cut_offs(metrics: Sequence[str]) -> tuple[int, ...]:
    """List the k of every metric@k."""
    return tuple(sorted({int(found[1]) for name in metrics if (found := re.search(r"@(\d+)$", name))}))


@torch.inference_mode()
def query_ms(composer: Composer, queries: Sequence[Sample], gallery: NDArray[np.float32]) -> float:
    """Measure the median milliseconds from an encoded query to its scores (1, N), the encoders' time left out."""
    vectors = torch.from_numpy(gallery).to(composer.device)
    seconds = []
    for query in queries:
        encoded = encode(composer, [query])
        started = time.perf_counter()
        composer.fusion.similarity(composer.fuse(encoded), vectors).cpu()
        seconds.append(time.perf_counter() - started)
    return 1000 * median(seconds)


def encode(composer: Composer, samples: Sequence[Sample]) -> Encoded:
    """Encode samples as one batch."""
    batch = composer.stack([composer.prepare(sample) for sample in samples])
    return composer.encode(to_device(batch, composer.device))


def _vectors(side: Features | None) -> Tensor:
    if side is None:
        raise ValueError("a composition needs encoders for both sides")
    return side.vector


def _batches(samples: Sequence[Sample]) -> Iterator[Sequence[Sample]]:
    return (samples[start : start + BATCH] for start in range(0, len(samples), BATCH))
