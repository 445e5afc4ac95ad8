"""Word effects: how much each word of a query moved the scores of its answers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from twinlens.calibration import Direction
from twinlens.collection.model import Model
from twinlens.collection.search import query
from twinlens.collection.search.request import SearchRequest
from twinlens.collection.search.scoring import LinearScorer, Scorer
from twinlens.collection.search.search import EmbeddedQuery
from twinlens.collection.store import Vectors
from twinlens.core.explanation import WordEffect
from twinlens.core.types import TwinlensError

MOST_WORDS = 40
"""Words of a query that are left out, one after the other; the others are counted."""


class _Variant(NamedTuple):
    """A request without one word, None where nothing to look for would be left."""

    word: str
    where: str
    request: SearchRequest | None


def word_effects(asked: EmbeddedQuery, model: Model, vectors: Vectors) -> tuple[list[tuple[WordEffect, ...]], int]:
    """Return the effects of words on the shown scores of entries' vectors (N, D), and how many words are unmeasured.

    The effect is the score less that of the query without the word, both without the bonus for captions that repeat
    the query, which a single word can bring or take. All queries are embedded together. A word has no effect where
    the query would be empty without it.
    """
    every = list(_variants(asked.plan.request))
    variants = [variant for variant in every[:MOST_WORDS] if variant.request is not None]
    requests = [variant.request for variant in variants if variant.request is not None]
    full = _shown(asked.scorer, vectors)
    effects: list[list[WordEffect]] = [[] for _ in vectors]
    for variant, request, embedded in zip(variants, requests, _embedded(requests, model), strict=True):
        try:
            scorer = query.scorer(request, embedded, model, asked.negatives, asked.scorer.calibration)
        except TwinlensError:  # what is left of the query has no direction
            continue
        for of_entry, effect in zip(effects, full - _shown(scorer, vectors), strict=True):
            of_entry.append(WordEffect(variant.word, float(effect), variant.where))
    return [tuple(of_entry) for of_entry in effects], max(0, len(every) - MOST_WORDS)


def _variants(request: SearchRequest) -> Iterator[_Variant]:
    """Leave out every word of the sentences, then of those that count against an answer."""
    for where, field in (("text", "texts"), ("without", "without")):
        sentences: tuple[str, ...] = getattr(request, field)
        for n, sentence in enumerate(sentences):
            words = sentence.split()
            for place, word in enumerate(words):
                rest = " ".join(words[:place] + words[place + 1 :])
                yield _Variant(word, where, _without(request, field, n, rest))


def _without(request: SearchRequest, field: str, number: int, rest: str) -> SearchRequest | None:
    """Replace a sentence by the rest of it; where nothing is left, leave it out together with its weight."""
    sentences: tuple[str, ...] = getattr(request, field)
    kept = (*sentences[:number], *([rest] if rest else []), *sentences[number + 1 :])
    changes: dict[str, object] = {field: kept}
    if not rest and field == "texts":
        place = len(request.images) + number
        weights = request.weights
        changes["weights"] = None if weights is None else (*weights[:place], *weights[place + 1 :])
        changes["balance"] = request.balance if kept else None
    try:
        return replace(request, **changes)  # type: ignore[arg-type]
    except TwinlensError:
        return None


def _embedded(requests: Sequence[SearchRequest], model: Model) -> list[Vectors]:
    """Embed the samples of requests (S, D) each, those that several have but once."""
    samples = [query.samples(request) for request in requests]
    distinct = {(id(one.image), one.text): one for some in samples for one in some}
    if not distinct:
        return []
    places = {key: n for n, key in enumerate(distinct)}
    vectors = model.embed(list(distinct.values()))
    return [vectors[[places[id(one.image), one.text] for one in some]] for some in samples]


def _shown(scorer: Scorer, vectors: Vectors) -> Direction:
    """Return the shown scores (N,) without the bonus for repeated captions."""
    plain = replace(scorer, sentences=()) if isinstance(scorer, LinearScorer) else scorer
    mean, deviation = plain.spread if plain.calibration.channels else (0.0, 1.0)
    return np.asarray((plain.scores(vectors) - mean) / deviation)
