"""Diversity: of similar candidates the best comes early and the others later."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from twinlens.collection.search.request import SearchRequest
from twinlens.collection.search.rerank import Candidate, Reranker
from twinlens.collection.search.rerank._candidates import with_reason
from twinlens.collection.search.scoring import unit
from twinlens.core.types import TwinlensError


class Diverse(Reranker):
    """Maximal marginal relevance (Carbonell and Goldstein 1998).

    Repeatedly takes argmax λ·s(c) − (1 − λ)·max cos(c, taken), s the search's score scaled to 0..1 over the candidates.
    `balance` is λ: 1 keeps the order of the search.
    """

    def __init__(self, *, balance: float = 0.7) -> None:
        if not 0 <= balance <= 1:
            raise TwinlensError(f"balance must be from 0 to 1, not {balance:g}")
        self.balance = balance

    def rerank(self, request: SearchRequest, candidates: Sequence[Candidate]) -> Sequence[Candidate]:  # noqa: ARG002
        """Order by marginal relevance; the reason is the cosine to the nearest candidate that comes before."""
        if not candidates:
            return []
        vectors = unit(np.stack([candidate.vector for candidate in candidates]).astype(np.float64))
        scores = np.array([candidate.score for candidate in candidates])
        relevance = (scores - scores.min()) / max(float(np.ptp(scores)), 1e-12)
        nearest = np.zeros(len(candidates))  # cosine to the nearest candidate that is taken
        left, order = np.ones(len(candidates), dtype=bool), list[Candidate]()
        while left.any():
            gain = np.where(left, self.balance * relevance - (1 - self.balance) * nearest, -np.inf)
            best = int(np.argmax(gain))
            order.append(with_reason(candidates[best], "diverse", {"nearest_before": float(nearest[best])}))
            left[best] = False
            nearest = np.maximum(nearest, vectors @ vectors[best])
        return order
