"""Reranking: reading query and candidates jointly over the first n. One file per variant; this file is the contract."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from twinlens.collection.search.request import SearchRequest
from twinlens.collection.store import Entry, Vectors


@dataclass(frozen=True)
class Candidate:
    """An entry among the first n, with its score of the search, its vector (D,), and reasons for its place so far."""

    entry: Entry
    score: float
    vector: Vectors
    why: dict[str, Any] = field(default_factory=dict)


class Reranker(ABC):
    """A stage over the first candidates; the constructor's keyword-only arguments are its options."""

    def applies(self, request: SearchRequest) -> bool:  # noqa: ARG002
        """Return False for a request that the stage has nothing to say to: it is answered as without the stage."""
        return True

    @abstractmethod
    def rerank(self, request: SearchRequest, candidates: Sequence[Candidate]) -> Sequence[Candidate]:
        """Return the same candidates in another order, best first, with reasons added to `why`.

        Candidates that are returned as they were given, in their order and without a reason, are answers as without
        the stage.
        """
