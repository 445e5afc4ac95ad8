"""The step that all executors share: a batch of decoded pictures goes through the model."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from twinlens.collection.ingest.decoding import Decoded, Failure, Job
from twinlens.collection.ingest.executors import Embedded
from twinlens.collection.store import Vectors
from twinlens.core.types import Embedder


def embed_batch(model: Embedder, batch: Sequence[tuple[Job, Decoded | Failure]]) -> list[Embedded]:
    """Embed the jobs of a batch that could be decoded, in one pass; return the results of all, in their order."""
    good = [decoded.arrays for _, decoded in batch if isinstance(decoded, Decoded)]
    vectors = iter(model.embed_prepared(good) if good else ())
    return [_result(job, decoded, vectors) for job, decoded in batch]


def _result(job: Job, decoded: Decoded | Failure, vectors: Iterator[Vectors]) -> Embedded:
    if isinstance(decoded, Failure):
        return Embedded(job.key, None, decoded.reason)
    vector = next(vectors)
    if not np.isfinite(vector).all():  # NaN compares with nothing: one such vector would spoil every ranking
        return Embedded(job.key, None, "the model makes no usable vector of it")
    return Embedded(job.key, vector, None, decoded.size, decoded.caption, decoded.metadata, decoded.is_cut)
