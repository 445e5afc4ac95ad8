"""Shares: the score of a query split into what each of its comparisons adds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np

from twinlens.calibration import BOTH, Calibration, Channel, Direction, picture_block
from twinlens.collection.model import Model
from twinlens.collection.search import query
from twinlens.collection.search.scoring import LinearScorer
from twinlens.collection.search.search import EmbeddedQuery
from twinlens.collection.store import Vectors
from twinlens.core.explanation import PARTS, Share
from twinlens.core.types import Sample, Similarity

REPEATED_WORDS = "same words"
NEGATIVES = ("without", "unlike")


class Term(NamedTuple):
    """A summand of a score: vectors (N, D) → (N,); missing: the coordinate that is above 0 where an entry lacks it."""

    part: str
    score: Callable[[Vectors], Direction]
    missing: int | None = None


def shares(asked: EmbeddedQuery, model: Model, vectors: Vectors) -> list[tuple[Share, ...]]:
    """Split the shown scores of entries' vectors (N, D) into shares, which add up to them.

    A score of several channels is a sum over the query's vectors and the channels; each share is its summands less
    their means over the collection's sample, in standard deviations of the whole score there, so that a share above 0
    speaks for the entry more than for the average one. A cosine is a sum over the query's vectors, a model's own
    similarity likewise. An entry has no share of what it lacks; the mean of that, near 0, and what rounding leaves are
    divided equally among the shares that it has.
    """
    scorer, calibration = asked.scorer, asked.scorer.calibration
    centred = bool(calibration.channels)
    mean, deviation = scorer.spread if centred else (0.0, 1.0)
    sample = calibration.sample[: calibration.uniform] if centred else vectors[:0]
    totals = (scorer.scores(vectors) - mean) / deviation
    found: dict[str, Direction] = {}
    there: dict[str, np.ndarray[tuple[int], np.dtype[np.bool_]]] = {}
    for term in terms(asked, model):
        base = float(term.score(sample).mean()) if len(sample) else 0.0
        has = np.ones(len(vectors), bool) if term.missing is None else vectors[:, term.missing] == 0
        found[term.part] = found.get(term.part, 0) + np.where(has, term.score(vectors) - base, 0) / deviation
        there[term.part] = there.get(term.part, False) | has
    bonus = _bonus(asked, vectors) / deviation
    return [
        _balanced(
            {part: float(values[n]) for part, values in found.items() if there[part][n]},
            float(totals[n]),
            float(bonus[n]),
            tuple(found),
        )
        for n in range(len(vectors))
    ]


def terms(asked: EmbeddedQuery, model: Model) -> list[Term]:
    """Return the summands of a query's score but for that of repeated captions: one per vector, and channel if any."""
    request, calibration = asked.plan.request, asked.scorer.calibration
    vectors = [*asked.embedded, *asked.negatives]
    names = [*map(_name, query.samples(request)), *["unlike"] * len(asked.negatives)]
    weights = query.weights_of_vectors(request, len(asked.negatives))
    if model.own_similarity is not None:
        factors = query.pairwise_factors(model.own_similarity, weights, np.stack(vectors), calibration)
        return [
            Term(name, partial(_compared, model.own_similarity, float(factor), vector))
            for name, factor, vector in zip(names, factors, vectors, strict=True)
            if factor
        ]
    return _linear(names, weights, vectors, calibration)


def _linear(
    names: Sequence[str], weights: Sequence[float], vectors: Sequence[Vectors], calibration: Calibration
) -> list[Term]:
    """Return the inner products of vectors of some names (P,) and weights, at unit length where there is no channel."""
    split = [
        (_part(name, channel, calibration.channels), channel, weight * directions)
        for name, weight, vector in zip(names, weights, vectors, strict=True)
        if weight
        for channel, directions in calibration.by_channel(vector)
    ]
    length = 1.0
    if not calibration.channels:
        length = float(np.linalg.norm(np.sum([directions for *_, directions in split], axis=0)))
    return [
        Term(part, partial(calibration.scores, directions / length), None if channel is None else channel.missing)
        for part, channel, directions in split
    ]


def _part(name: str, channel: Channel | None, channels: Sequence[Channel]) -> str:
    """Return the part that a channel compares, of a vector with a name; negatives and whole vectors keep theirs."""
    if channel is None or name in NEGATIVES:
        return name
    if channel.side == BOTH:
        return "both"
    if channel.side == "image":
        return "picture"
    if all(one.side != "image" for one in channels):
        return name  # the only block of a query is composed of all that is asked
    if channel.compares_words:
        return "caption"
    return "words" if channel.entry == picture_block(channels) else "names"


def _name(sample: Sample) -> str:
    if sample.id.startswith("without"):
        return "without"
    if sample.image is None:
        return "words"
    return "both" if sample.text else "picture"


def _compared(similarity: Similarity, factor: float, vector: Vectors, entries: Vectors) -> Direction:
    if not len(entries):
        return np.empty(0)
    return np.asarray(factor * similarity(vector[None], entries)[0], dtype=np.float64)


def _bonus(asked: EmbeddedQuery, vectors: Vectors) -> Direction:
    """Return what captions that repeat the words add to scores (N,)."""
    scorer = asked.scorer
    if not isinstance(scorer, LinearScorer) or not scorer.sentences:
        return np.zeros(len(vectors))
    repeats = [scorer.calibration.repeats(sentence, vectors) for sentence in scorer.sentences]
    return np.asarray(scorer.repeated * np.sum(repeats, axis=0), dtype=np.float64)


def _balanced(found: dict[str, float], total: float, bonus: float, parts: Sequence[str]) -> tuple[Share, ...]:
    """Return shares in their order, with what is left of the total divided equally among them."""
    found = found or dict.fromkeys(parts, 0.0)
    left = (total - bonus - sum(found.values())) / max(len(found), 1)
    every = {part: score + left for part, score in found.items()}
    if bonus:
        every[REPEATED_WORDS] = bonus
    return tuple(Share(part, every[part]) for part in PARTS if part in every)
