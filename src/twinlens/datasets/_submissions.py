"""The files that the evaluation servers of CIRR and CIRCO take, made from rankings of their test queries."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TypeAlias

from twinlens.core.types import Ranking, TwinlensError

CIRR_SERVER = "https://cirr.cecs.anu.edu.au/"
CIRCO_SERVER = "https://circo.micc.unifi.it/"
CirrFile: TypeAlias = dict[str, str | list[str]]
"""Pair id → picture names, best first, beside the entries "version" and "metric"."""
CircoFile: TypeAlias = dict[str, list[int]]
"""Query id → COCO ids, best first."""


def cirr(rankings: Iterable[Ranking]) -> CirrFile:
    """Make CIRR's file for Recall@K: the 50 best of every query, whose own picture is already left out.

    Raises TwinlensError when a ranking is shorter than 50.
    """
    return _cirr("recall", {ranking.query_id: _best(ranking.query_id, ranking.ids, 50) for ranking in rankings})


def cirr_subset(rankings: Iterable[Ranking], members: Mapping[str, frozenset[str]]) -> CirrFile:
    """Make CIRR's file for Recall_Subset@K: the 3 best among the five `members` of the query's set (`cirr.members`).

    Rankings must be of the whole gallery, or at least reach three members; TwinlensError otherwise.
    """
    inside = {r.query_id: tuple(name for name in r.ids if name in members[r.query_id]) for r in rankings}
    return _cirr("recall_subset", {query: _best(query, names, 3) for query, names in inside.items()})


def circo(rankings: Iterable[Ranking]) -> CircoFile:
    """Make CIRCO's file for mAP@k: the 50 best of every query as COCO ids.

    Raises TwinlensError when a ranking is shorter than 50, or a query of 0 … n−1 is missing (the server wants all).
    """
    best = {r.query_id: [int(name) for name in _best(r.query_id, r.ids, 50)] for r in rankings}
    missing = {str(number) for number in range(len(best))} - best.keys()
    if missing:
        raise TwinlensError(f"CIRCO's server wants every query of the split; {min(missing, key=int)} is not ranked")
    return best


def _cirr(metric: str, best: Mapping[str, list[str]]) -> CirrFile:
    return {"version": "rc2", "metric": metric, **best}


def _best(query: str, names: tuple[str, ...], wanted: int) -> list[str]:
    if len(names) < wanted:
        raise TwinlensError(f"query {query} ranks {len(names)} candidates where the server wants {wanted}; rank more")
    return list(names[:wanted])
