"""Clip arts embedded by the recipe `offline`, with keywords that ask for them."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from _clipart import Art

from twinlens import metrics
from twinlens.calibration import Channel
from twinlens.collection.store import Vectors
from twinlens.core.progress import track
from twinlens.core.types import Arrays, Sample
from twinlens.media.images import BadPicture
from twinlens.models import pretrained
from twinlens.models.composer import Composer

WORDS, FEWEST, BATCH = 300, 3, 64


@dataclass(frozen=True)
class Embedded:
    """Clip arts, their vectors (N, D), how these are compared, and words with theirs (W, D)."""

    arts: Sequence[Art]
    vectors: Vectors
    channels: Sequence[Channel]
    words: Sequence[str]
    asked: Vectors

    @property
    def folders(self) -> list[str]:
        return [art.folder for art in self.arts]

    @property
    def same_folder(self) -> np.ndarray:
        """Mark the pairs of pictures (N, N) of one folder, a picture and itself left out."""
        folders = np.array(self.folders)
        return np.asarray((folders[:, None] == folders[None]) & ~np.eye(len(folders), dtype=bool))

    @property
    def has_word(self) -> np.ndarray:
        """Mark the pictures that have each word as a keyword: (W, N)."""
        return np.array([[word in art.keywords for art in self.arts] for word in self.words])

    def channel(self, side: str, *, crossed: bool = False) -> Channel:
        """The channel that compares a side with its own kind, or, crossed, words with the classes of the picture."""
        return next(c for c in self.channels if c.side == side and (c.query != c.entry) == crossed)

    def alone(self, side: str) -> Vectors:
        """The vectors as queries of one side: the other asks nothing."""
        one_side = self.vectors.copy()
        one_side[:, self.channel("text" if side == "image" else "image").query] = 0
        return one_side


def embedded(found: Sequence[Art], seed: int) -> Embedded:
    """Every picture with its title, and the keywords that enough of them have."""
    model = pretrained.ready("offline")
    counts = Counter(word for art in found for word in art.keywords)
    words = sorted(word for word, count in counts.items() if count >= FEWEST)
    words = sorted(random.Random(seed).sample(words, min(WORDS, len(words))))
    kept, vectors = list[Art](), list[Vectors]()
    for start in track(range(0, len(found), BATCH), "embedding", -(-len(found) // BATCH), unit="batches"):
        ready = [(art, _prepared(model, art)) for art in found[start : start + BATCH]]
        kept += [art for art, arrays in ready if arrays is not None]
        vectors.append(model.embed_prepared([arrays for _, arrays in ready if arrays is not None]))
    asked = model.embed([Sample(word, None, word) for word in words])
    return Embedded(kept, np.concatenate(vectors), model.channels, words, asked)


def _prepared(model: Composer, art: Art) -> Arrays | None:
    try:
        return model.prepare(Sample("", art.file, art.title))
    except BadPicture:  # one of them has 231 million pixels
        return None


def with_interval(values: metrics.PerQuery, groups: Sequence[str], seed: int) -> str:
    """The mean of values (Q,) with its interval over groups; that alone where there are too few of them."""
    summary = metrics.bootstrap_ci(values, list(groups), seed=seed)
    low, high = summary.ci95 or (summary.mean, summary.mean)
    return f"{summary.mean:.3f} ({low:.3f}–{high:.3f})"
