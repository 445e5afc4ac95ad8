"""One run of a comparison: a fusion on the shared encoders, trained with a seed and measured through every lens."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from torch import Tensor

from twinlens import evaluation, splits
from twinlens.core import machine, variants
from twinlens.core.recipe import Variant
from twinlens.core.types import Dataset, Encoded, Features, Sample
from twinlens.evaluation import Judgements
from twinlens.evaluation.comparison.outcome import Outcome
from twinlens.fusions import Fusion
from twinlens.metrics import PerQuery
from twinlens.models.composer import Composer, to_device
from twinlens.training import feature_cache, loop

COMPOSED, SHUFFLED = "composed", "shuffled_text"
LATE = ("late_sum", "late_product")
LENSES = ("image_only", "text_only")
_TIMED = 30
_ROWS = 256


@runtime_checkable
class FittedFusion(Protocol):
    """A fusion that learns from encoded pictures and texts without training."""

    def fit(self, image_vectors: Tensor, text_vectors: Tensor) -> None:
        """From vectors (N, d) and (M, d), unpaired."""


@dataclass(frozen=True)
class Method:
    """A row of the table: a fusion, trained or left as it starts."""

    name: str
    fusion: Variant
    trained: bool = True


@dataclass(frozen=True)
class Bench:
    """All that the runs share; it travels to worker processes.

    base: encoders, the frozen ones remembered, the others as every run starts to train them. ks: cut-offs of metrics.
    folder: where runs that are under way keep their checkpoints.
    """

    base: Composer
    train: Dataset
    test: Dataset
    folder: Path
    device: str = "auto"
    ks: tuple[int, ...] = (1, 5, 10)

    def run(self, method: Method, seed: int, key: str) -> Outcome:
        """Train a method, unless there is nothing to train, and measure it. `key` names its checkpoint."""
        composer, started, busy = self.composer(method, seed), time.monotonic(), time.process_time()
        trains = method.trained and any(p.requires_grad for p in composer.fusion.parameters())
        epochs = self._train(composer, seed, self.folder / key) if trains else []
        if isinstance(composer.fusion, FittedFusion):
            composer.fusion.fit(*self._sides(composer))
        seconds = time.monotonic() - started
        values, query_ms = self._measure(composer)
        facts = {
            "trained": trains,
            "parameters": sum(p.numel() for p in composer.parameters() if p.requires_grad) if trains else 0,
            "epochs": len(epochs),
            "seconds": seconds,
            "processor_seconds": time.process_time() - busy,
            "query_ms": query_ms,
        }
        return Outcome(values, facts)

    def composer(self, method: Method, seed: int) -> Composer:
        """The shared encoders with a fusion of its own, whose weights the seed draws."""
        recipe = self.base.recipe.model_copy(update={"fusion": method.fusion})
        fusion = self.fusion(method, seed)
        composer = Composer(recipe, feature_cache.parts_of(deepcopy(self.base)), fusion)
        return composer.to(machine.pick_device(self.device))

    def fusion(self, method: Method, seed: int) -> Fusion:
        """Raises TwinlensError when the fusion does not fit the encoders."""
        widths = {"image_dim": self.base.fusion.image_dim, "text_dim": self.base.fusion.text_dim}
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            fusion: Fusion = variants.make(
                "fusions", method.fusion.name, dim=self.base.recipe.dim, **widths, **method.fusion.options
            )
        return fusion

    def _train(self, composer: Composer, seed: int, folder: Path) -> list[loop.Epoch]:
        part, validation = splits.hold_out(self.train, composer.recipe.training.validation, seed)
        epochs = loop.train(composer, part, validation, seed=seed, device=self.device, folder=folder, progress=False)
        shutil.rmtree(folder)
        return epochs

    @torch.inference_mode()
    def _sides(self, composer: Composer) -> tuple[Tensor, Tensor]:
        """Vectors of the training pictures (N, d) and of the training texts (M, d)."""
        pictures = [_vectors(encode(composer, part).image) for part in _parts(self.train.gallery)]
        texts = [_vectors(encode(composer, part).text) for part in _parts(self.train.queries)]
        return torch.cat(pictures), torch.cat(texts)

    def _measure(self, composer: Composer) -> tuple[dict[str, dict[str, PerQuery]], float]:
        """Every lens's metrics, and milliseconds for one query."""
        judged = Judgements.of(self.test)
        asked = query_variants(judged.queries)
        everything = [sample for samples in asked.values() for sample in samples]
        vectors = composer.embed([*everything, *judged.gallery], batch_size=_ROWS)
        gallery, count = vectors[len(everything) :], len(judged.queries)
        scores = {
            name: composer.similarity(vectors[n * count : (n + 1) * count], gallery) for n, name in enumerate(asked)
        }
        image, text = (scores[lens] for lens in LENSES)
        scores |= zip(LATE, (image + text, (1 + image) * (1 + text)), strict=True)
        values = {name: judged.per_query(matrix, self.ks) for name, matrix in scores.items()}
        return values, query_ms(composer, judged.queries[:_TIMED], torch.from_numpy(gallery))


def query_variants(queries: Sequence[Sample]) -> dict[str, list[Sample]]:
    """What every method is asked: both sides, one side alone, and the picture with another query's text."""
    order = np.random.default_rng(0).permutation(len(queries))
    return {
        COMPOSED: list(queries),
        "image_only": evaluation.drop_side(queries, "image"),
        "text_only": evaluation.drop_side(queries, "text"),
        SHUFFLED: [replace(query, text=queries[n].text) for query, n in zip(queries, order, strict=True)],
    }


@torch.inference_mode()
def query_ms(composer: Composer, queries: Sequence[Sample], gallery: Tensor) -> float:
    """Median milliseconds from what encoders say of one query to its scores (1, N); the encoders' time is left out."""
    gallery = gallery.to(composer.device)
    seconds = []
    for query in queries:
        encoded = encode(composer, [query])
        started = time.perf_counter()
        composer.fusion.similarity(composer.fuse(encoded), gallery).cpu()
        seconds.append(time.perf_counter() - started)
    return 1000 * median(seconds)


def encode(composer: Composer, samples: Sequence[Sample]) -> Encoded:
    """What the encoders say of samples."""
    batch = composer.stack([composer.prepare(sample) for sample in samples])
    return composer.encode(to_device(batch, composer.device))


def _vectors(side: Features | None) -> Tensor:
    if side is None:
        raise ValueError("a composition needs encoders for both sides")
    return side.vector


def _parts(samples: Sequence[Sample]) -> Iterator[Sequence[Sample]]:
    return (samples[start : start + _ROWS] for start in range(0, len(samples), _ROWS))
