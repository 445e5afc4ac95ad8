"""A composed query beside its baselines: the variants of a query, and how scores of single sides are combined."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from twinlens.core.types import Picture, Sample
from twinlens.media import images
from twinlens.metrics import Scores
from twinlens.models.composer import Composer
from twinlens.training.feature_cache import cache_sides, keyed

COMPOSED = "composed"
IMAGE_ONLY, TEXT_ONLY = SINGLE_SIDES = ("image_only", "text_only")
"""The same query with one side dropped."""
LATE_SUM, LATE_PRODUCT = LATE_FUSIONS = ("late_sum", "late_product")
"""Late fusion: the scores of both single sides, added or multiplied. (`sum` and `product` are fusions.)"""
SHUFFLED_TEXT = "shuffled_text"
"""Ablation: the query's picture with the text of another query."""
PIXEL_COUNT = "pixel_count"
"""An untrained code of the picture that cannot read: how many of its pixels have which colour."""
RANDOM = "random"
"""The expectation of a random ranking."""
DENSITY = "density"
"""Among the metrics of `RANDOM`: the share of relevant entries in a ranking."""
UNTRAINED = "untrained"
"""The same recipe with fresh weights."""
BASELINES = (*SINGLE_SIDES, *LATE_FUSIONS, SHUFFLED_TEXT, PIXEL_COUNT, RANDOM, UNTRAINED)
"""The rows of every table beside the composed query."""
WORD_BLIND = (IMAGE_ONLY, SHUFFLED_TEXT, PIXEL_COUNT, RANDOM)
"""The rows that cannot know what the sentence of a query says: the best of them is the floor of the others."""
SHUFFLES = 20
"""Draws of `SHUFFLED_TEXT` that its figures are means of."""
COLOUR_LEVELS = 4
"""Of each channel in `pixel_counts`: 64 colours, NLVR's yellow, black, blue and two greys among them."""
MAX_COUNTED = 2**18
"""Pixels that `pixel_counts` looks at; of a larger picture it takes every second, third … row and column."""


def drop_side(samples: Sequence[Sample], side: str) -> list[Sample]:
    """Return the samples without their "image" or without their "text"."""
    if side == "image":
        return [replace(sample, image=None) for sample in samples]
    return [replace(sample, text="") for sample in samples]


def shuffle_texts(queries: Sequence[Sample], seed: int | Sequence[int]) -> list[Sample]:
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
    composer: Composer,
    queries: Sequence[Sample],
    gallery: Sequence[Sample],
    *,
    seed: int,
    shuffles: int = SHUFFLES,
    progress: bool = False,
) -> Iterator[tuple[str, Scores]]:
    """Yield name and scores (Q, N) of the composed queries and of all `BASELINES` but `RANDOM`, which has no scores.

    `SHUFFLED_TEXT` comes `shuffles` times, each time with another permutation of the texts.
    """
    vectors = composer.embed(gallery, progress=progress)
    with tempfile.TemporaryDirectory() as folder:
        queries = keyed(queries)
        once = cache_sides(composer, queries, Path(folder))
        yield from variant_scores(once, queries, vectors, seed=seed, progress=progress).items()
        for draw in range(1, shuffles):
            shuffled = once.embed(shuffle_texts(queries, [seed, draw]))
            yield SHUFFLED_TEXT, composer.similarity(shuffled, vectors)
    yield PIXEL_COUNT, count_scores(queries, gallery)
    yield UNTRAINED, similarities(composer.untrained(seed=seed), queries, gallery, progress=progress)


def pixel_counts(samples: Sequence[Sample]) -> NDArray[np.float32]:
    """Count the colours of each picture: the square roots of the shares of its pixels, unit vectors (N, 64).

    The inner product of two is their Bhattacharyya coefficient, 1 for pictures with equal counts wherever the pixels
    lie. A sample without a picture has zeros.
    """
    counted: dict[int, NDArray[np.float32]] = {}
    for sample in samples:
        if sample.image is not None and id(sample.image) not in counted:
            counted[id(sample.image)] = _colour_shares(sample.image)
    missing = np.zeros(COLOUR_LEVELS**3, dtype=np.float32)
    return np.stack([counted.get(id(sample.image), missing) for sample in samples])


def _colour_shares(picture: Picture) -> NDArray[np.float32]:
    side = math.isqrt(MAX_COUNTED)
    pixels = np.asarray(images.load(picture, near=(side, side)))
    step = max(1, math.ceil(math.sqrt(pixels.shape[0] * pixels.shape[1] / MAX_COUNTED)))
    levels = pixels[::step, ::step].reshape(-1, 3).astype(np.int64) * COLOUR_LEVELS // 256
    counts = np.bincount(levels @ [COLOUR_LEVELS**2, COLOUR_LEVELS, 1], minlength=COLOUR_LEVELS**3)
    shares: NDArray[np.float32] = np.sqrt(counts / counts.sum()).astype(np.float32)
    return shares


def count_scores(queries: Sequence[Sample], gallery: Sequence[Sample]) -> Scores:
    """Score the gallery (Q, N) for `PIXEL_COUNT`; pictures with equal counts get equal scores."""
    entries, which = np.unique(pixel_counts(gallery), axis=0, return_inverse=True)
    scores: Scores = (pixel_counts(queries) @ entries.T)[:, which.ravel()]
    return scores


def similarities(
    composer: Composer, queries: Sequence[Sample], gallery: Sequence[Sample], *, progress: bool = False
) -> Scores:
    """Score every gallery entry for every query (Q, N) by the fusion's own similarity."""
    vectors = composer.embed([*queries, *gallery], progress=progress)
    return composer.similarity(vectors[: len(queries)], vectors[len(queries) :])
