"""Lexical: pictures whose captions have the query's own words come earlier."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from math import log1p

import numpy as np
from numpy.typing import NDArray

from twinlens.collection.search.query import weight_of_negative
from twinlens.collection.search.request import SearchRequest
from twinlens.collection.search.rerank import Candidate, Reranker
from twinlens.collection.search.rerank._candidates import with_reason
from twinlens.core.types import TwinlensError


class Lexical(Reranker):
    """Hybrid retrieval: a network compares what sentences mean; this stage adds the words that they share.

    The score of a candidate is s + λ·σ·Σ idf(w)[w in its caption] / Σ idf(w), over the words w of the query: s is the
    score of the search, σ its standard deviation over the candidates, λ `weight`, and idf(w) = ln(1 + (N − n + ½) /
    (n + ½)) where n of N captions have w (Robertson and Zaragoza 2009, "The probabilistic relevance framework: BM25 and
    beyond", with Lucene's 1); words that more than half of the captions have are left out. So a caption with all words
    of the query gains λ deviations, and among the candidates names are found that a network does not know.
    docs/methods.md has what it gains.

    A text counts as much as its weight beside the largest of the query, and one in `without` against a caption, as in
    the search itself.
    """

    def __init__(self, *, weight: float = 3.0) -> None:
        if not 0 <= weight < np.inf:
            raise TwinlensError(f"weight must be 0 or more, not {weight:g}")
        self.weight = weight

    def applies(self, request: SearchRequest) -> bool:
        """Return True for a query with words."""
        return any(text.weight for text in _texts(request))

    def rerank(self, request: SearchRequest, candidates: Sequence[Candidate]) -> Sequence[Candidate]:
        """Order by the sum; the reason is the words that the caption has, where it has any."""
        captions = [words(candidate.entry.caption) for candidate in candidates]
        count = Counter(chain.from_iterable(captions))
        common = {word for word, having in count.items() if having > len(captions) / 2}
        texts = [replace(text, words=text.words - common) for text in _texts(request)]
        asked = frozenset(word for text in texts for word in text.words if word in count)
        if not asked:
            return candidates
        scores = np.array([candidate.score for candidate in candidates])
        gained = sum(text.weight * _share(text.words, captions, count) for text in texts if text.words)
        order = np.argsort(-(scores + self.weight * (scores.std() or 1.0) * gained), kind="stable")
        return [_explained(candidates[n], asked & captions[n]) for n in order.tolist()]


@dataclass(frozen=True)
class _Text:
    """The words of a text of the query, and how much having all of them counts; below 0 against a caption."""

    words: frozenset[str]
    weight: float


def words(text: str) -> frozenset[str]:
    """Return the words of a text, in lower case; an accent counts as the same however it is written.

    A word is letters, digits and the marks on them, by which many scripts write their vowels.
    """
    plain = unicodedata.normalize("NFC", text.casefold())
    kept = "".join(each if each.isalnum() or unicodedata.category(each)[0] == "M" else " " for each in plain)
    return frozenset(word for word in kept.split() if any(map(str.isalnum, word)))


def _texts(request: SearchRequest) -> list[_Text]:
    """List the texts of a request, those that count against a caption too; what is wanted is the mean of its texts."""
    weights = _weights(request)
    wanted = [_Text(words(text), weight / len(weights)) for text, weight in zip(request.texts, weights, strict=True)]
    each = weight_of_negative(request, len(request.without) + len(request.unlike))
    return [*wanted, *(_Text(words(text), -each) for text in request.without)]


def _weights(request: SearchRequest) -> list[float]:
    """Return the weight of each text beside the largest of the query, 1 where none are given."""
    if request.weights is not None:
        largest = max(map(abs, request.weights)) or 1.0
        return [weight / largest for weight in request.weights[len(request.images) :]]
    balance = 0.5 if request.balance is None else request.balance
    return [balance / max(balance, 1 - balance)] * len(request.texts)


def _share(asked: frozenset[str], captions: Sequence[frozenset[str]], count: Mapping[str, int]) -> NDArray[np.float64]:
    """Return the share (N,) of the words asked for that each caption has, weighted by how rare they are."""
    idf = {word: log1p((len(captions) - (n := count.get(word, 0)) + 0.5) / (n + 0.5)) for word in sorted(asked)}
    return np.array([sum(idf[word] for word in sorted(asked & caption)) for caption in captions]) / sum(idf.values())


def _explained(candidate: Candidate, found: frozenset[str]) -> Candidate:
    return with_reason(candidate, "lexical", {"caption_has": sorted(found)}) if found else candidate
