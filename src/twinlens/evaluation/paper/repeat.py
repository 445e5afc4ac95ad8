"""One repeat of protocol A: train on two splits, embed every query variant, and measure all readings."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from twinlens import splits
from twinlens.core import machine
from twinlens.core.recipe import Recipe
from twinlens.core.types import Dataset, Picture, Sample
from twinlens.evaluation.baselines import (
    COMPOSED,
    DENSITY,
    IMAGE_ONLY,
    LATE_SUM,
    PIXEL_COUNT,
    RANDOM,
    TEXT_ONLY,
    UNTRAINED,
    add_vectors,
    drop_side,
    pixel_counts,
)
from twinlens.evaluation.paper import measures
from twinlens.evaluation.paper.measures import Labelled, Vectors
from twinlens.media import content, images
from twinlens.media.content import HashedPicture
from twinlens.models.composer import Composer
from twinlens.splits import Split
from twinlens.training.loop import train_recipe

Values: TypeAlias = dict[str, dict[str, float]]
"""Query variant → reading → value."""


class ModelVectors(NamedTuple):
    """Unit vectors (N, D) of all gallery entries: by both networks, by the untrained one, and without a network.

    leaky: variant → vectors of the network trained on the random split. fair: likewise of the one trained on the
    leak-free split, whose gallery is fair[IMAGE_ONLY]. untrained: composed, and the picture alone. codes: baseline →
    vectors of the picture that no words change.
    """

    leaky: Mapping[str, Vectors]
    fair: Mapping[str, Vectors]
    untrained: tuple[Vectors, Vectors]
    codes: Mapping[str, Vectors]


def run_repeat(recipe: Recipe, dataset: Dataset, seed: int, *, device: str, array_cache: Path | None) -> dict[str, Any]:
    """Train and measure on a random and on a leak-free split.

    {"with_leak", "leak_free", "leak"} → values; and "environment", see `machine.environment`.
    """
    dataset = _cache_pictures(dataset)
    random, fair = splits.random_split(dataset, seed), splits.leak_free_split(dataset, seed)
    learn = functools.partial(train_recipe, recipe, seed=seed, device=device, array_cache=array_cache, progress=False)
    trained, _ = learn(splits.restrict(dataset, random.train))
    careful, _ = learn(splits.restrict(_without_leak(dataset), fair.train))
    fresh = embed_variants(trained.untrained(seed=seed), dataset.gallery)
    embedded = ModelVectors(
        embed_variants(trained, dataset.gallery),
        embed_variants(careful, dataset.gallery),
        (fresh[COMPOSED], fresh[IMAGE_ONLY]),
        {PIXEL_COUNT: pixel_counts(dataset.gallery), RANDOM: random_vectors(len(dataset.gallery), seed)},
    )
    return {
        "with_leak": _measure_with_leak(dataset, random, embedded, seed),
        "leak_free": _measure_leak_free(dataset, fair, embedded, seed),
        "leak": {
            "random": splits.measure_leak(dataset, random.train, random.test),
            "leak_free": splits.measure_leak(dataset, fair.train, fair.test),
        },
        "environment": machine.environment(device, precision=recipe.training.precision),
    }


def embed_variants(composer: Composer, samples: Sequence[Sample]) -> dict[str, Vectors]:
    """Embed samples composed, with either side alone, and with both single sides added.

    Each distinct sentence is embedded once: NLVR's 5,934 pictures have 248.
    """
    sentences = {text: n for n, text in enumerate(dict.fromkeys(sample.text for sample in samples))}
    distinct = composer.embed([Sample(str(n), None, text) for text, n in sentences.items()])
    text = distinct[[sentences[sample.text] for sample in samples]]
    image = composer.embed(drop_side(samples, "text"))
    return {
        COMPOSED: composer.embed(samples),
        IMAGE_ONLY: image,
        TEXT_ONLY: text,
        LATE_SUM: add_vectors(image, text),
    }


def random_vectors(count: int, seed: int) -> Vectors:
    """Draw unit vectors (N, 64), uniformly over directions."""
    drawn = np.random.default_rng([seed, 1]).normal(size=(count, 64))
    return np.asarray(drawn / np.linalg.norm(drawn, axis=1, keepdims=True), dtype=np.float32)


def _without_leak(dataset: Dataset) -> Dataset:
    """Drop the gallery's captions, and from each query's answers its siblings."""
    bare = replace(dataset, gallery=tuple(drop_side(dataset.gallery, "text")))
    return replace(bare, relevant={query: ids - bare.ignore[query] for query, ids in bare.relevant.items()})


def _measure_with_leak(dataset: Dataset, split: Split, embedded: ModelVectors, seed: int) -> Values:
    labels = splits.labels(dataset, dataset.gallery)
    train, test = _rows(dataset, split.train), _rows(dataset, split.test)
    values = {}
    for name, vectors in {**embedded.leaky, UNTRAINED: embedded.untrained[0], **embedded.codes}.items():
        samples = Labelled(vectors, *labels)
        values[name] = measures.with_leak(samples.at(train), samples.at(test), seed=seed)
    values[RANDOM][DENSITY] = measures.density(samples.at(test), samples.at(train))
    return values


def _measure_leak_free(dataset: Dataset, split: Split, embedded: ModelVectors, seed: int) -> Values:
    labels = splits.labels(dataset, dataset.gallery)
    train, test = _rows(dataset, split.train), _rows(dataset, split.test)
    pairs = {name: (vectors, embedded.fair[IMAGE_ONLY]) for name, vectors in embedded.fair.items()}
    pairs |= {UNTRAINED: embedded.untrained} | {name: (codes, codes) for name, codes in embedded.codes.items()}
    values = {}
    for name, (vectors, pictures) in pairs.items():
        queries, gallery = Labelled(vectors, *labels), Labelled(pictures, *labels).at(test)
        values[name] = measures.leak_free(queries.at(train), queries.at(test), gallery, seed=seed)
    own = gallery.items[:, None] == gallery.items[None, :]
    values[RANDOM][DENSITY] = measures.density(gallery, gallery, ignore=own)
    return values


def _rows(dataset: Dataset, ids: Sequence[str]) -> NDArray[np.int64]:
    row_of = {entry.id: row for row, entry in enumerate(dataset.gallery)}
    return np.array([row_of[entry] for entry in ids], dtype=np.int64)


def _cache_pictures(dataset: Dataset) -> Dataset:
    """Identify pictures by their content, and keep each in memory once it is decoded: it is used several times."""
    pictures: dict[Any, HashedPicture] = {}

    def cached(picture: Picture) -> HashedPicture:
        if picture not in pictures:
            decode = functools.cache(functools.partial(images.load, picture))
            pictures[picture] = HashedPicture(decode, content.key(picture))
        return pictures[picture]

    def with_cached(samples: Sequence[Sample]) -> tuple[Sample, ...]:
        return tuple(s if s.image is None else replace(s, image=cached(s.image)) for s in samples)

    return replace(dataset, queries=with_cached(dataset.queries), gallery=with_cached(dataset.gallery))
