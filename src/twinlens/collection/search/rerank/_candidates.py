"""Steps that rerankers share: reorder some candidates while the others keep their places, and add a reason."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from twinlens.collection.search.rerank import Candidate


def reordered(count: int, keys: Mapping[int, float]) -> list[int]:
    """Return the places 0 to count − 1 in a new order: those with a key by descending key, the others as they are."""
    places, order = sorted(keys), list(range(count))
    for place, moved in zip(places, sorted(places, key=lambda place: -keys[place]), strict=True):
        order[place] = moved
    return order


def with_reason(candidate: Candidate, stage: str, reason: Mapping[str, Any]) -> Candidate:
    """Return a candidate with a stage's reason for its place."""
    return replace(candidate, why={**candidate.why, stage: dict(reason)})
