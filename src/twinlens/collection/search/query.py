"""A query of any number of pictures and sentences as one direction to search in."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from itertools import product
from pathlib import Path
from threading import Thread
from typing import Protocol

import numpy as np

from twinlens.calibration import FLOOR, Calibration, Channel, Direction
from twinlens.collection.search.scoring import LinearScorer, PairwiseScorer, Scorer
from twinlens.collection.store import Gallery, Vectors
from twinlens.core.types import Embedder, Picture, Sample, Similarity, TwinlensError

CANCELLED = 1e-6
"""A sum so much shorter than its parts has no direction left but rounding."""
CANCELS = "the parts of the query cancel each other out; change a weight or leave one out"
UNANSWERED = {
    "image": "no entry of this collection has a picture to compare with",
    "text": "no picture of this collection has a caption, and this model compares words with captions alone; add"
    " captions, leave the words out, or index with a model whose pictures and words share a space (--recipe clip)",
}
"""What to say when a side of the query has nothing to be compared with."""


class Named(Protocol):
    """A recipe, as far as a collection asks."""

    @property
    def name(self) -> str:
        """What people call it."""


class Model(Embedder, Protocol):
    """What a collection needs of a composer."""

    @property
    def recipe(self) -> Named:
        """The recipe it was built from."""

    @property
    def dim(self) -> int:
        """Width D of its vectors."""

    @property
    def digest(self) -> str:
        """Hexadecimal; equal digests give equal vectors."""

    @property
    def channels(self) -> Sequence[Channel]:
        """How its vectors are compared; none: whole, by their cosine."""

    @property
    def own_similarity(self) -> Similarity | None:
        """How its vectors are compared where that is no inner product; else None."""

    def embed(self, samples: Sequence[Sample], /) -> Vectors:
        """Unit vectors (N, D)."""

    def save(self, folder: Path, /) -> None:
        """Write the model folder."""


@dataclass(frozen=True)
class Query:
    """Pictures and sentences to look for, sentences to stay away from, and how much each counts.

    Without weights the model composes every picture with every sentence, and the mean of the results is searched for:
    one picture and one sentence are exactly what it was trained on. With weights, one per picture and then one per
    sentence, each is embedded alone and the weighted sum is searched for.
    """

    images: tuple[Picture, ...] = ()
    texts: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    weights: tuple[float, ...] | None = None

    def __post_init__(self) -> None:
        if not self.images and not self.texts:
            raise TwinlensError("a query needs a picture, a text, or both")
        parts = len(self.images) + len(self.texts)
        if self.weights is not None and len(self.weights) != parts:
            raise TwinlensError(f"the query has {parts} pictures and texts, but {len(self.weights)} weights")

    def asked(self, model: Model, unlike: Vectors, gallery: Gallery, calibration: Calibration) -> Scorer:
        """What to search for in a gallery; unlike (M, D) are vectors to stay away from.

        Each part's score is first standardised over the collection, so that weights weigh scores of one scale; what is
        to be stayed away from is subtracted at full weight. Raises TwinlensError when nothing remains, for words where
        there are no captions and nothing else that words are compared with, and for a picture that cannot be read.
        """
        samples = [Sample(f"query-{n}", image, text) for n, (image, text) in enumerate(self._parts())]
        negatives = [Sample(f"without-{n}", None, text) for n, text in enumerate(self.without)]
        vectors = model.embed([*samples, *negatives])
        for side in (side for vector in vectors for side in calibration.unanswered(vector)):
            raise TwinlensError(UNANSWERED[side])
        wanted = [1 / len(samples)] * len(samples) if self.weights is None else self.weights
        weights = [*wanted, *[-1] * (len(negatives) + len(unlike))]
        everything = [*vectors, *unlike]
        if model.own_similarity is None:
            return LinearScorer(gallery, calibration, _direction(weights, everything, calibration))
        return PairwiseScorer(
            gallery, calibration, _rule(model.own_similarity, weights, np.stack(everything), calibration)
        )

    @contextmanager
    def loading(self, model: Model, *, first: bool) -> Iterator[None]:
        """Meanwhile, the first time, the networks for a query of words are loaded, which keeps another core busy."""
        if not first or self.images:
            yield
            return
        thread = Thread(target=_load, args=(model, self.texts[0]), daemon=True)
        thread.start()
        try:
            yield
        finally:
            thread.join()

    def _parts(self) -> list[tuple[Picture | None, str]]:
        if self.weights is None:
            return list(product(self.images or (None,), self.texts or ("",)))
        return [*((image, "") for image in self.images), *((None, text) for text in self.texts)]


def _load(model: Model, text: str) -> None:
    with suppress(Exception):  # the search itself meets it again, and tells
        model.embed([Sample("query-0", None, text)])


def _direction(weights: Sequence[float], vectors: Sequence[Vectors], calibration: Calibration) -> Direction:
    """The weighted sum (D,) of what the vectors (D,) search for."""
    parts = [
        weight * found
        for weight, vector in zip(weights, vectors, strict=True)
        if (found := calibration.direction(vector)) is not None
    ]
    composed = np.sum(parts, axis=0) if parts else np.zeros(1)
    if not np.linalg.norm(composed) > CANCELLED * sum(np.linalg.norm(part) for part in parts):
        raise TwinlensError(CANCELS)
    return np.asarray(composed)


def _rule(
    similarity: Similarity, weights: Sequence[float], vectors: Vectors, calibration: Calibration
) -> Callable[[Vectors], Vectors]:
    """The weighted mean of the scores of the vectors (P, D), each in its own standard deviations; of one the score."""
    spreads = similarity(vectors, calibration.sample).std(axis=1) if len(calibration.sample) else np.ones(len(vectors))
    factors = np.asarray(weights) / np.maximum(spreads, FLOOR)
    if not np.abs(factors @ vectors).max() > CANCELLED * np.abs(factors).sum():
        raise TwinlensError(CANCELS)
    factors /= np.abs(factors).sum()
    return partial(_mixed, similarity, factors.astype(np.float32), vectors)


def _mixed(similarity: Similarity, factors: Vectors, vectors: Vectors, entries: Vectors) -> Vectors:
    return np.asarray(factors @ similarity(vectors, entries))


def check_numbers(k: int, distinct: float | None) -> None:
    """Raises TwinlensError for a number of answers below 1, or a cosine that there is not."""
    if k < 1:
        raise TwinlensError(f"k must be at least 1, not {k}")
    if distinct is not None and not -1 <= distinct <= 1:
        raise TwinlensError(f"distinct wants a cosine, from -1 to 1, not {distinct:g}")


def pictures(given: Picture | str | Sequence[Picture | str] | None) -> tuple[Picture, ...]:
    """One picture or several; text is the path of a file."""
    if given is None:
        return ()
    several = [given] if isinstance(given, str) or not isinstance(given, Sequence) else given
    return tuple(Path(picture) if isinstance(picture, str) else picture for picture in several)


def texts(given: str | Sequence[str]) -> tuple[str, ...]:
    """One sentence or several, without those that are empty."""
    several = [given] if isinstance(given, str) else given
    return tuple(text.strip() for text in several if text.strip())
