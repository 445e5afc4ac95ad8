"""A query of any number of pictures and sentences as one direction to search in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Protocol

import numpy as np

from twinlens.calibration import Calibration, Channel, Direction
from twinlens.store import Vectors
from twinlens.types import Embedder, Picture, Sample, TwinlensError

CANCELLED = 1e-6
"""A sum so much shorter than its parts has no direction left but rounding."""
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

    def direction(self, model: Model, unlike: Vectors, calibration: Calibration) -> Direction:
        """What to search for (D,), of any length; unlike (M, D) are vectors to stay away from.

        Each part's score is first standardised over the collection, so that weights weigh scores of one scale; what is
        to be stayed away from is subtracted at full weight. Raises TwinlensError when nothing remains, for words where
        there are no captions and nothing else that words are compared with, and for a picture that cannot be read.
        """
        samples = [Sample(f"query-{n}", image, text) for n, (image, text) in enumerate(self._parts())]
        away = [Sample(f"without-{n}", None, text) for n, text in enumerate(self.without)]
        vectors = model.embed([*samples, *away])
        for side in (side for vector in vectors for side in calibration.unanswered(vector)):
            raise TwinlensError(UNANSWERED[side])
        weights = [1 / len(samples)] * len(samples) if self.weights is None else self.weights
        parts = [
            weight * found
            for weight, vector in zip([*weights, *[-1] * (len(away) + len(unlike))], [*vectors, *unlike], strict=True)
            if (found := calibration.direction(vector)) is not None
        ]
        composed = np.sum(parts, axis=0) if parts else np.zeros(1)
        if not np.linalg.norm(composed) > CANCELLED * sum(np.linalg.norm(part) for part in parts):
            raise TwinlensError("the parts of the query cancel each other out; change a weight or leave one out")
        return np.asarray(composed)

    def _parts(self) -> list[tuple[Picture | None, str]]:
        if self.weights is None:
            return list(product(self.images or (None,), self.texts or ("",)))
        return [*((image, "") for image in self.images), *((None, text) for text in self.texts)]


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
