"""A model whose embeddings of queries are cached, and whose pictures are decoded in worker processes."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from twinlens.calibration import Channel
from twinlens.collection.model import Model, Named, gate_map
from twinlens.core.types import Arrays, Sample, Similarity
from twinlens.media.sources import EncodedPicture
from twinlens.service.lru import LeastRecent

Vector: TypeAlias = "NDArray[np.float32]"
BATCH = 64
"""The most samples with pictures that are embedded at once."""
Key: TypeAlias = tuple[str, bytes, str]
"""The model's name, the content hash of the picture (empty for none), and the text."""


class EmbeddingCache:
    """Embeddings of queries by model, picture and text, with counts of hits and misses, and the seconds of misses."""

    def __init__(self, count: int) -> None:
        self._vectors = LeastRecent[Key, Vector](count)
        self.hits = self.misses = 0
        self.seconds = 0.0

    def get(self, key: Key) -> Vector | None:
        """Return a cached embedding."""
        return self._vectors.get(key)

    def put(self, key: Key, vector: Vector) -> None:
        """Cache an embedding."""
        self._vectors.put(key, vector)


class CachedModel:
    """Wraps a model; embeds each sample once while its embedding is cached.

    name: stands for the model in the cache, as its digest would, for which some models load torch. prepare_all:
    prepares samples for the networks, such as in worker processes.
    """

    def __init__(
        self,
        model: Model,
        name: str,
        cache: EmbeddingCache,
        prepare_all: Callable[[Sequence[Sample]], Sequence[Arrays]],
    ) -> None:
        self.inner, self.name, self.cache, self.prepare_all = model, name, cache, prepare_all

    def __reduce__(self) -> tuple[Callable[[Model], Model], tuple[Model]]:
        """Reach other processes, which prepare pictures, as the model that is wrapped."""
        return _itself, (self.inner,)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    @property
    def recipe(self) -> Named:
        """Return the recipe of the model."""
        return self.inner.recipe

    @property
    def dim(self) -> int:
        """Return the width D of its vectors."""
        return self.inner.dim

    @property
    def digest(self) -> str:
        """Return the content hash of the model."""
        return self.inner.digest

    @property
    def rerank(self) -> str | None:
        """Return the model's own stage of reranking."""
        return self.inner.rerank

    @property
    def channels(self) -> Sequence[Channel]:
        """Return the channels by which its vectors are compared."""
        return self.inner.channels

    @property
    def own_similarity(self) -> Similarity | None:
        """Return the similarity of its vectors where that is no inner product."""
        return self.inner.own_similarity

    def save(self, folder: Path, /) -> None:
        """Write the model folder."""
        self.inner.save(folder)

    def prepare(self, sample: Sample) -> Arrays:
        """Prepare one sample on the CPU, in this process."""
        return self.inner.prepare(sample)

    def cuts(self, text: str, /) -> bool:
        """Return True if the model reads a text but not its end."""
        return self.inner.cuts(text)

    def gate_map(self, sample: Sample, /) -> Vector | None:
        """Return the map of the model's gate over a picture; None where it has no such gate."""
        return gate_map(self.inner, sample)[0]

    def embed_prepared(self, prepared: Sequence[Arrays], /) -> Vector:
        """Embed prepared samples as unit vectors (B, D)."""
        return self.inner.embed_prepared(prepared)

    def count_missing(self, samples: Sequence[Sample]) -> int:
        """Count the samples that a network has to embed."""
        return sum(key is None or self.cache.get(key) is None for key in map(self._key, samples))

    def embed(self, samples: Sequence[Sample], /) -> Vector:
        """Embed samples as unit vectors (N, D); equal ones, and those in the cache, without a network."""
        keys = [self._key(sample) or n for n, sample in enumerate(samples)]
        found = {key: None if isinstance(key, int) else self.cache.get(key) for key in keys}
        missing = {key: sample for key, sample in zip(keys, samples, strict=True) if found[key] is None}
        self.cache.misses += len(missing)
        self.cache.hits += len(samples) - len(missing)
        if missing:
            begun = time.perf_counter()
            for key, vector in zip(missing, self._embed(list(missing.values())), strict=True):
                found[key] = vector
                if not isinstance(key, int):
                    self.cache.put(key, vector)
            self.cache.seconds += time.perf_counter() - begun
        vectors = [vector for key in keys if (vector := found[key]) is not None]
        return np.stack(vectors) if vectors else np.empty((0, self.dim), dtype=np.float32)

    def _embed(self, samples: Sequence[Sample]) -> Vector:
        if all(sample.image is None for sample in samples):
            return self.inner.embed(samples)
        parts = [samples[start : start + BATCH] for start in range(0, len(samples), BATCH)]
        return np.concatenate([self.inner.embed_prepared(self.prepare_all(part)) for part in parts])

    def _key(self, sample: Sample) -> Key | None:
        """Return what an embedding depends on; None for a picture without a content hash."""
        if sample.image is None:
            return self.name, b"", sample.text
        return (self.name, sample.image.digest, sample.text) if isinstance(sample.image, EncodedPicture) else None


def _itself(model: Model) -> Model:
    return model
