"""A composed query beside its baselines: the variants of a query, and how scores of single sides are combined."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from twinlens.core.types import Sample
from twinlens.metrics import Scores
from twinlens.models.composer import Composer

COMPOSED = "composed"
IMAGE_ONLY, TEXT_ONLY = SINGLE_SIDES = ("image_only", "text_only")
"""The same query with one side dropped."""
LATE_SUM, LATE_PRODUCT = LATE_FUSIONS = ("late_sum", "late_product")
"""Late fusion: the scores of both single sides, added or multiplied. (`sum` and `product` are fusions.)"""
SHUFFLED_TEXT = "shuffled_text"
"""Ablation: the query's picture with the text of another query."""
UNTRAINED = "untrained"
"""The same recipe with fresh weights."""
BASELINES = (*SINGLE_SIDES, *LATE_FUSIONS, SHUFFLED_TEXT, UNTRAINED)
"""The rows of every table beside the composed query."""


def drop_side(samples: Sequence[Sample], side: str) -> list[Sample]:
    """Return the samples without their "image" or without their "text"."""
    if side == "image":
        return [replace(sample, image=None) for sample in samples]
    return [replace(sample, text="") for sample in samples]


def shuffle_texts(queries: Sequence[Sample], seed: int) -> list[Sample]:
    """Return the queries with their texts permuted among them by `seed`."""
    order = np.random.default_rng(seed).permutation(len(queries))
    return [replace(query, text=queries[n].text) for query, n in zip(queries, order, strict=True)]


def query_variants(queries: Sequence[Sample], seed: int) -> dict[str, list[Sample]]:
    """Return the queries composed, with either side alone, and with shuffled texts, by the names of the results."""
    return {
        COMPOSED: list(queries),
        IMAGE_ONLY: drop_side(queries, "text"),
        TEXT_ONLY: drop_side(queries, "image"),
        SHUFFLED_TEXT: shuffle_texts(queries, seed),
    }


def add_vectors(image: NDArray[np.float32], text: NDArray[np.float32]) -> NDArray[np.float32]:
    """Add the unit vectors (N, D) of both single sides, to unit length; queries then rank as by `late_sum`."""
    added = image + text
    unit: NDArray[np.float32] = added / np.maximum(np.linalg.norm(added, axis=1, keepdims=True), 1e-12)
    return unit


def late_fusions(image: Scores, text: Scores) -> dict[str, Scores]:
    """Combine the cosines (Q, N) of both single sides: their sum, and the product of (1 + cosine), which is ≥ 0."""
    return {LATE_SUM: image + text, LATE_PRODUCT: (1 + image) * (1 + text)}


def variant_scores(
    composer: Composer,
    queries: Sequence[Sample],
    gallery: NDArray[np.float32],
    *,
    seed: int,
    batch_size: int = 64,
    progress: bool = False,
) -> dict[str, Scores]:
    """Score gallery vectors (N, D) for the composed queries and every baseline of the same weights: (Q, N) each."""
    variants = query_variants(queries, seed)
    every_query = [query for variant in variants.values() for query in variant]
    vectors = composer.embed(every_query, batch_size=batch_size, progress=progress)
    parts = zip(variants, np.split(vectors, len(variants)), strict=True)
    scores = {name: composer.similarity(part, gallery) for name, part in parts}
    return scores | late_fusions(scores[IMAGE_ONLY], scores[TEXT_ONLY])


def baseline_scores(
    composer: Composer, queries: Sequence[Sample], gallery: Sequence[Sample], *, seed: int, progress: bool = False
) -> dict[str, Scores]:
    """Score the gallery (Q, N) for the composed queries and for all of `BASELINES`."""
    vectors = composer.embed(gallery, progress=progress)
    scores = variant_scores(composer, queries, vectors, seed=seed, progress=progress)
    untrained = similarities(composer.untrained(seed=seed), queries, gallery, progress=progress)
    return {**scores, UNTRAINED: untrained}


def similarities(
    composer: Composer, queries: Sequence[Sample], gallery: Sequence[Sample], *, progress: bool = False
) -> Scores:
    """Score every gallery entry for every query (Q, N) by the fusion's own similarity."""
    vectors = composer.embed([*queries, *gallery], progress=progress)
    return composer.similarity(vectors[: len(queries)], vectors[len(queries) :])
