"""Visual vocabularies: learned from a stream of pictures, and assigned to descriptors."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image
from sklearn.cluster import MiniBatchKMeans

from twinlens.core.cache import ArrayCache
from twinlens.core.types import Picture, Sample, TwinlensError
from twinlens.encoders._sift import Descriptors, Keypoints, LocalSift

MOST_DESCRIPTORS = 100_000
"""Descriptors sampled to learn a vocabulary, about."""


@dataclass(frozen=True)
class Vocabulary:
    """Visual words, by their centres (W, D)."""

    centres: Descriptors

    @cached_property
    def squares(self) -> NDArray[np.float32]:
        """‖c‖² (W,)."""
        squares: NDArray[np.float32] = np.einsum("wd,wd->w", self.centres, self.centres)
        return squares

    def assign(self, descriptors: Descriptors) -> NDArray[np.intp]:
        """Return the nearest word (K,) of each descriptor (K, D), equal to that of OpenCV's brute-force matcher.

        The nearest word has the largest x·c − ‖c‖²/2; where two differ by less than its rounding error, OpenCV's own
        distances decide.
        """
        scores = descriptors @ self.centres.T
        scores -= self.squares / 2
        words: NDArray[np.intp] = scores.argmax(axis=1)
        best = np.take_along_axis(scores, words[:, None], axis=1)
        longest = float(np.sqrt(self.squares.max() * np.einsum("kd,kd->k", descriptors, descriptors).max(initial=0)))
        rounding = np.float32(2 * descriptors.shape[1] * np.finfo(np.float32).eps * longest)
        near = np.flatnonzero(np.count_nonzero(scores >= best - rounding, axis=1) > 1)
        if len(near):
            nearest = cv2.batchDistance(descriptors[near], self.centres, cv2.CV_32F, normType=cv2.NORM_L2, K=1)[1]
            words[near] = nearest[:, 0]
        return words


def learn(
    samples: Iterable[Sample],
    local: LocalSift,
    words: int,
    *,
    pictures: int,
    seed: int,
    array_cache: ArrayCache | None = None,
) -> tuple[Vocabulary, NDArray[np.float32]]:
    """Learn a vocabulary and its inverse document frequencies (W,) from at most `pictures` of the samples.

    Samples may stream: a uniform draw of pictures is kept, and of their descriptors some 100,000, in equal shares, so
    that memory is bounded over any number of pictures. k-means runs in mini-batches over distinct descriptors, since
    repeated flat patches would claim many words. idf = 1 + ln((1 + N) / (1 + n)) for a word in n of N pictures. Raises
    TwinlensError when there are no pictures, or fewer distinct descriptors than words.
    """
    rng = np.random.default_rng(seed)
    chosen = _draw(samples, local, pictures, rng)
    if not chosen:
        raise TwinlensError("visual words are learned from pictures, and no sample has one")
    share = -(-MOST_DESCRIPTORS // len(chosen))
    sampled = [rng.permutation(local.describe(picture, array_cache).descriptors)[:share] for picture in chosen]
    distinct = np.unique(np.concatenate(sampled), axis=0)
    if len(distinct) < words:
        raise TwinlensError(
            f"{words} visual words cannot be learned from {len(distinct)} distinct descriptors: "
            "give more pictures, or ask for fewer words"
        )
    means = MiniBatchKMeans(words, batch_size=4096, n_init=1, random_state=seed, compute_labels=False)
    vocabulary = Vocabulary(means.fit(rng.permutation(distinct)).cluster_centers_.astype(np.float32))
    return vocabulary, _rarity(vocabulary, (local.describe(picture, array_cache) for picture in chosen))


def _draw(samples: Iterable[Sample], local: LocalSift, count: int, rng: np.random.Generator) -> list[Picture]:
    """Draw `count` pictures uniformly from a stream (Vitter 1985, algorithm R); those in memory are reduced."""
    kept: list[Picture] = []
    pictures = (sample.image for sample in samples if sample.image is not None)
    for number, picture in enumerate(pictures):
        place = number if number < count else int(rng.integers(number + 1))
        if place < count:
            small = local.load(picture) if isinstance(picture, Image.Image) else picture
            kept[place : place + 1] = [small]
    return kept


def _rarity(vocabulary: Vocabulary, pictures: Iterable[Keypoints]) -> NDArray[np.float32]:
    """Compute the inverse document frequencies (W,)."""
    document_frequency, count = np.zeros(len(vocabulary.centres)), 0
    for keypoints in pictures:
        document_frequency[np.unique(vocabulary.assign(keypoints.descriptors))] += 1
        count += 1
    return (1 + np.log((1 + count) / (1 + document_frequency))).astype(np.float32)
