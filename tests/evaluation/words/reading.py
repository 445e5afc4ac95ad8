"""Scores of the tiles of `tests.toy` by rules, so that the right outcome of every measure is known."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence

import numpy as np

from tests.toy import COLOURS, PLACES
from twinlens.core.types import Picture, Sample
from twinlens.media import images

Fits = Callable[[str, tuple[str, ...]], float]


@functools.cache
def tiles(picture: Picture) -> tuple[str, ...]:
    """The colours of a drawn picture, from its pixels."""
    pixels = np.asarray(images.load(picture))[5, [5, 15, 25]]
    names = {colour: name for name, colour in COLOURS.items()}
    return tuple(names[tuple(pixel.tolist())] for pixel in pixels)


def reads(text: str, shown: tuple[str, ...]) -> float:
    """Understands a place and a colour, and negations: 1 where the sentence is true, −1 where it is false."""
    words = text.replace(",", " ").split()
    place, colour = (next(word for word in words if word in known) for known in (PLACES, COLOURS))
    fits = shown[PLACES.index(place)] == colour
    return 2.0 * (fits != bool({"not", "no", "without"} & {*words})) - 1


def skips_negations(text: str, shown: tuple[str, ...]) -> float:
    """Understands a place and a colour alone."""
    return reads(" ".join({*text.replace(",", " ").split()} - {"not", "no", "without"}), shown)


def blind(text: str, shown: tuple[str, ...]) -> float:
    """Reads nothing."""
    return 0.0


def by(fits: Fits, *, picture: float = 1.0) -> Callable[[Sequence[Sample], Sequence[Sample]], np.ndarray]:
    """The score that adds how many tiles are equal and how well the words fit, as far as a query has either side."""

    def score(queries: Sequence[Sample], gallery: Sequence[Sample]) -> np.ndarray:
        entries = [tiles(entry.image) for entry in gallery]
        rows = np.zeros((len(queries), len(gallery)), dtype=np.float32)
        for row, query in zip(rows, queries, strict=True):
            if query.image is not None:
                own = tiles(query.image)
                row += [picture * sum(a == b for a, b in zip(own, entry, strict=True)) for entry in entries]
            if query.text:
                row += [2.5 * fits(query.text, entry) for entry in entries]
        return rows

    return score
