"""Many requests at once: their forms, and one scan of the vectors for all that have the same filter."""

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
    from twinlens.collection.search.search import EmbeddedQuery

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


def first_candidates(queries: Sequence[EmbeddedQuery], engine: Engine) -> list[Rows | None]:
    """Return the candidates with which `rank` begins for each query, from one search of the engine per filter.

    None for pairwise scores, which look at every entry.
    """
    found: list[Rows | None] = [None] * len(queries)
    groups: dict[tuple[object, ...], list[int]] = {}
    for n, asked in enumerate(queries):
        if isinstance(asked.scorer, LinearScorer):
            groups.setdefault(asked.plan.request.filter_key, []).append(n)
    for numbers in groups.values():
        for n, rows in zip(numbers, _searched([queries[n] for n in numbers], engine), strict=True):
            found[n] = rows
    return found


def _searched(queries: Sequence[EmbeddedQuery], engine: Engine) -> list[Rows]:
    """Search once for queries that share a filter."""
    vectors = [asked.scorer.queries for asked in queries if isinstance(asked.scorer, LinearScorer)]
    counts = [candidate_count(q.k, len(q.exclude), q.plan.request.distinct) for q in queries]
    among = queries[0].among
    rows, _ = engine.search(np.concatenate(vectors), max(counts), where=among.where, rows=among.rows)
    parts = np.split(rows, np.cumsum([len(part) for part in vectors])[:-1])
    return [joined(part[:, :count]) for part, count in zip(parts, counts, strict=True)]
