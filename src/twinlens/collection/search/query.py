"""A request embedded by a model: the scorer that ranks a collection for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from itertools import product
from threading import Thread

import numpy as np

from twinlens.calibration import FLOOR, Calibration, Directions
from twinlens.collection.model import Model
from twinlens.collection.search.request import SearchRequest
from twinlens.collection.search.scoring import REPEATED, LinearScorer, PairwiseScorer, Scorer
from twinlens.collection.store import Vectors
from twinlens.core.types import Picture, Sample, Similarity, TwinlensError

MIN_LENGTH = 1e-6
"""Length, as a share of its parts' lengths, below which a sum has no direction left but rounding."""
NEGATIVE = 0.5
"""Weight of all negatives together beside a query's, on scores of one scale; docs/methods.md compares other forms."""
MIDDLE = 0.5
"""The balance of picture and words at which the composed query alone counts."""
CANCELS = "the parts of the query cancel each other out; change a weight or leave one out"
NO_DIRECTION = (
    "the model gives this query no direction, as it does to a sentence that no picture can meet, or that may be meant"
    " in two ways; say it in other words"
)
NO_DIRECTION_AT_THE_END = (
    "this side alone gives the model nothing to search for; move the balance back towards the middle"
)
UNANSWERED = {
    "image": "no entry of this collection has a picture to compare with",
    "text": "no picture of this collection has a caption, and this model compares words with captions alone; add"
    " captions, leave the words out, or index with a model whose pictures and words share a space (--recipe clip)",
}
"""The error for a side of the query that can be compared with nothing."""


def samples(request: SearchRequest) -> list[Sample]:
    """Return the samples to embed for a request: its parts, then the sentences that count against an answer."""
    parts = [Sample(f"query-{n}", image, text) for n, (image, text) in enumerate(_parts(request))]
    return [*parts, *(Sample(f"without-{n}", None, text) for n, text in enumerate(request.without))]


def scorer(
    request: SearchRequest, embedded: Vectors, model: Model, unlike: Vectors, calibration: Calibration
) -> Scorer:
    """Build the scorer from the vectors of `samples`; unlike (M, D) are vectors that count against an answer.

    Each part's score is first standardised over the collection, so that weights weigh scores of one scale; M negatives
    are subtracted at `NEGATIVE` / √M each, so that they lower what is like them and do not become the query. Raises
    TwinlensError when they would take all of the query away at full weight, and for words where there are no captions
    and nothing else that words are compared with.
    """
    parts, positive = _parts(request), weights_of_parts(request)
    counting = [*positive, *[1.0] * len(request.without)]
    counted = [vector for vector, weight in zip(embedded, counting, strict=True) if weight]
    for side in (side for vector in counted for side in calibration.unanswered(vector)):
        raise TwinlensError(UNANSWERED[side])
    vectors, weights = [*embedded, *unlike], weights_of_vectors(request, len(unlike))
    # Words must not take away what is searched for; pictures to be unlike leave, however alike they are.
    full = [*positive, *[-1.0] * len(request.without)]
    if model.own_similarity is not None:
        pairwise_factors(model.own_similarity, full, embedded, calibration)
        similarity = _similarity(model.own_similarity, weights, np.stack(vectors), calibration)
        return PairwiseScorer(calibration, similarity)
    directions = [calibration.directions(vector) for vector in vectors]
    try:
        _composed(full, directions[: len(full)], calibration)
    except TwinlensError as error:
        if request.balance is None or str(error) != NO_DIRECTION:
            raise
        raise TwinlensError(NO_DIRECTION_AT_THE_END) from error
    asked = [
        vector
        for (image, _), weight, vector in zip(parts, positive, embedded, strict=False)
        if image is None and weight > 0
    ]
    bonus = REPEATED if request.balance is None else REPEATED * _leaning(request.balance)
    mixed = len(vectors) > 1 and any(channel.compares_words for channel in calibration.channels)
    return LinearScorer(calibration, _composed(weights, directions, calibration), asked, bonus, mixed)


def embed(requests: Sequence[SearchRequest], model: Model) -> list[Vectors]:
    """Embed the `samples` of requests as unit vectors (S, D) each; those of words alone apart, which need less.

    Raises TwinlensError for a picture that cannot be read.
    """
    vectors: dict[int, Vectors] = {}
    for with_pictures in (False, True):
        parts = {n: samples(request) for n, request in enumerate(requests) if bool(request.images) == with_pictures}
        if parts:
            made = model.embed([sample for part in parts.values() for sample in part])
            ends = np.cumsum([len(part) for part in parts.values()])
            vectors |= zip(parts, np.split(made, ends[:-1]), strict=True)
    return [vectors[n] for n in range(len(requests))]


def blank_of(model: Model) -> Vectors | None:
    """Return the vector (D,) of an entry in which a model sees nothing; None where that lacks a block of its own."""
    has_block = any(channel.side == "image" for channel in model.channels)
    return None if has_block else model.embed([Sample("blank", None, "")])[0]


@contextmanager
def preloading(request: SearchRequest, model: Model, *, first: bool) -> Iterator[None]:
    """On the first text-only query, load the text tower in a thread while the body runs."""
    if not first or request.images:
        yield
        return
    thread = Thread(target=_load, args=(model, request.texts[0]), daemon=True)
    thread.start()
    try:
        yield
    finally:
        thread.join()


def _load(model: Model, text: str) -> None:
    with suppress(Exception):  # the search itself meets it again, and tells
        model.embed([Sample("query-0", None, text)])


def weights_of_parts(request: SearchRequest) -> list[float]:
    """Return the weight of each part of a request, in the order of `samples`; a side that does not count has 0."""
    if request.weights is not None:
        return list(request.weights)
    images, texts = len(request.images), len(request.texts)
    composed = [1 / (max(images, 1) * max(texts, 1))] * max(images, 1) * max(texts, 1)
    if request.balance is None:
        return composed
    share = _leaning(request.balance)
    of_images, of_texts = (share, 0.0) if request.balance < MIDDLE else (0.0, share)
    return [*((1 - share) * weight for weight in composed), *[of_images / images] * images, *[of_texts / texts] * texts]


def weights_of_vectors(request: SearchRequest, unlike: int) -> list[float]:
    """Return the weight of each vector of `samples`, and of so many entries to be unlike; negatives are below 0."""
    count = len(request.without) + unlike
    return [*weights_of_parts(request), *[-weight_of_negative(request, count)] * count]


def weight_of_negative(request: SearchRequest, count: int) -> float:
    """Return how much each of `count` negatives of a request, words and pictures, counts against an answer."""
    return NEGATIVE / max(count, 1) ** 0.5 if request.negative_weight is None else request.negative_weight


def _leaning(balance: float) -> float:
    """Return the share of one side's own score: 0 in the middle of the slider, 1 at its ends."""
    return abs(balance - MIDDLE) / MIDDLE


def _parts(request: SearchRequest) -> list[tuple[Picture | None, str]]:
    """Pair pictures and sentences as they are embedded; with a balance all sides, so that it may move without networks.

    Composed pairs come first, then each picture and each sentence alone.
    """
    composed = list(product(request.images or (None,), request.texts or ("",))) if request.weights is None else []
    if request.weights is None and request.balance is None:
        return composed
    return [*composed, *((image, "") for image in request.images), *((None, text) for text in request.texts)]


def _composed(weights: Sequence[float], each: Sequence[Directions | None], calibration: Calibration) -> Directions:
    """Add up, by weight, the directions (P, D + 1) of a query's vectors; of whole vectors, at unit length."""
    every = [weight * directions for weight, directions in zip(weights, each, strict=True) if directions is not None]
    parts = [part for part in every if part[:, :-1].any()]
    composed = np.sum(parts, axis=0) if parts else np.zeros((1, 2))
    length = np.linalg.norm(composed[:, :-1])
    if not length > MIN_LENGTH * sum(np.linalg.norm(part[:, :-1]) for part in parts):
        raise TwinlensError(CANCELS if len(parts) > 1 else NO_DIRECTION)
    return np.asarray(composed if calibration.channels else composed / length)


def _similarity(
    similarity: Similarity, weights: Sequence[float], vectors: Vectors, calibration: Calibration
) -> Callable[[Vectors], Vectors]:
    """Return the weighted mean of the scores of the vectors (P, D), each in its own standard deviations."""
    return partial(_mixed, similarity, pairwise_factors(similarity, weights, vectors, calibration), vectors)


def pairwise_factors(
    similarity: Similarity, weights: Sequence[float], vectors: Vectors, calibration: Calibration
) -> Vectors:
    """Return the factors (P,) of the similarities to the vectors (P, D), whose sum is the score.

    Raises TwinlensError where they cancel each other out.
    """
    spreads = similarity(vectors, calibration.sample).std(axis=1) if len(calibration.sample) else np.ones(len(vectors))
    factors = np.asarray(weights) / np.maximum(spreads, FLOOR)
    if not np.abs(factors @ vectors).max() > MIN_LENGTH * np.abs(factors).sum():
        raise TwinlensError(CANCELS)
    factors /= np.abs(factors).sum()
    return np.asarray(factors, dtype=np.float32)


def _mixed(similarity: Similarity, factors: Vectors, vectors: Vectors, entries: Vectors) -> Vectors:
    return np.asarray(factors @ similarity(vectors, entries))
