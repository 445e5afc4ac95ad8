"""Many requests at once: their forms, and one scan of the vectors for all that nothing keeps apart."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from twinlens.collection.engines import Engine
from twinlens.collection.search.request import SearchRequest
from twinlens.collection.search.scoring import LinearScorer, candidate_count, joined
from twinlens.collection.store import Rows
from twinlens.core.arguments import shown
from twinlens.core.types import GivenPicture, TwinlensError

if TYPE_CHECKING:
    from twinlens.collection.search.search import Embedded

Query: TypeAlias = "SearchRequest | Mapping[str, Any] | GivenPicture"
"""A query of many: a request, the arguments of `Collection.search`, a sentence, or a picture."""


def requests(queries: object, k: int, options: Mapping[str, Any]) -> list[SearchRequest]:
    """Return requests for what people pass as queries: requests as they are, of all others one each.

    Text is a sentence, a mapping has the arguments of `Collection.search`, everything else is a picture. k, options:
    those of the queries that are no requests; a mapping's own win. Raises TwinlensError for what is no list, and for a
    query that cannot be answered.
    """
    if isinstance(queries, str | bytes | bytearray | Mapping | SearchRequest) or not isinstance(queries, Iterable):
        raise TwinlensError(f"search_many wants a list of queries, not {shown(queries)}; give search one")
    return [_request(given, k, options) for given in queries]


def _request(given: Any, k: int, options: Mapping[str, Any]) -> SearchRequest:
    if isinstance(given, SearchRequest):
        return given
    if isinstance(given, Mapping):
        return SearchRequest.of(**{"k": k, **options, **given})
    if isinstance(given, str):
        return SearchRequest.of(None, given, k, **options)
    return SearchRequest.of(given, "", k, **options)


def first_candidates(queries: Sequence[Embedded], engine: Engine) -> list[Rows | None]:
    """Return the candidates with which `rank` begins for each query, from one search of the engine.

    None for queries with a filter and for pairwise scores, which look at entries of their own.
    """
    found: list[Rows | None] = [None] * len(queries)
    linear = {n: asked for n, asked in enumerate(queries) if _is_unfiltered(asked)}
    if not linear:
        return found
    vectors = [asked.scorer.queries for asked in linear.values() if isinstance(asked.scorer, LinearScorer)]
    counts = {n: candidate_count(q.k, len(q.exclude), q.plan.request.distinct) for n, q in linear.items()}
    rows, _ = engine.search(np.concatenate(vectors), max(counts.values()))
    ends = np.cumsum([len(part) for part in vectors])
    for (n, count), part in zip(counts.items(), np.split(rows, ends[:-1]), strict=True):
        found[n] = joined(part[:, :count])
    return found


def _is_unfiltered(asked: Embedded) -> bool:
    return isinstance(asked.scorer, LinearScorer) and asked.among.where is None and asked.among.rows is None
