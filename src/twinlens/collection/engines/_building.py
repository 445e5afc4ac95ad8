"""Indexes for a collection: built, calibrated, and for "auto" compared with each other and with the scan."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from twinlens.collection.store import Vectors
from twinlens.core import variants
from twinlens.core.types import TwinlensError
from twinlens.indexes._recall import K, Question, calibrated
from twinlens.indexes._scan import nearest, squared_lengths
from twinlens.indexes._shortlist import ShortlistIndex

AUTO, EXACT = "auto", "exact"
KINDS = (EXACT, "cluster_svm", "ivf", "hnsw", AUTO)
"""The settings of a collection, beside plug-ins."""
MIN_ROWS = 10_000
"""Entries below which all are scanned, whatever is set."""
MIN_AUTO = 200_000
"""Entries below which "auto" scans: it takes a few milliseconds."""
TRIED = ("ivf", "hnsw")
"""Indexes that "auto" compares."""
TIMED = 50
OPTIONS: Mapping[str, Mapping[str, Any]] = {
    "cluster_svm": {"clusters": "auto", "probes": "auto", "kernel": "linear"},
    "ivf": {},
    "hnsw": {},
}
Searches = Mapping[str, Sequence[Question]]


def least_rows(kind: str) -> int:
    """Return the entries from which on a kind of index is built."""
    return MIN_AUTO if kind == AUTO else MIN_ROWS


def build(kind: str, vectors: Vectors, recall: float, training: Searches, searches: Searches) -> ShortlistIndex | None:
    """Return an index of a kind over vectors (N, D), calibrated to a recall on searches.

    training: others, from which an index that can learns. For "auto" the fastest that reaches the recall; None where
    none does, or none is faster than a scan. Raises MissingExtraError where what it needs is not installed.
    """
    if kind != AUTO:
        return _built(kind, vectors, recall, training, searches)
    queries = np.concatenate([question.queries[:1] for some in searches.values() for question in some])[:TIMED]
    scan, best = partial(nearest, vectors, squared_lengths(vectors), k=K), None
    least = _median(scan, queries)
    for name in TRIED:
        index = _built(name, vectors, recall, training, searches)
        seconds = _median(partial(index.search, k=K), queries)
        if (index.recall or 0) >= recall and seconds < least:
            best, least = index, seconds
    return best


def check_class(name: str) -> None:
    """Raise TwinlensError for an index that cannot be calibrated and kept in a file."""
    if not issubclass(variants.variant_class("indexes", name), ShortlistIndex):
        raise TwinlensError(
            f"{variants.called('indexes', name)} cannot be kept beside a collection: it must be a subclass of"
            f" {ShortlistIndex.__module__}.{ShortlistIndex.__name__}"
        )


def _built(name: str, vectors: Vectors, recall: float, training: Searches, searches: Searches) -> ShortlistIndex:
    check_class(name)
    index: ShortlistIndex = variants.make("indexes", name, **OPTIONS.get(name, {}))
    if name == "cluster_svm":
        queries = np.concatenate([question.queries for some in training.values() for question in some])
        targets = nearest(vectors, squared_lengths(vectors), queries, 1)[0][:, 0]
        index.fit(vectors, queries=queries, targets=targets)  # type: ignore[call-arg]  # it alone learns
    else:
        index.fit(vectors)
    return calibrated(index, recall=recall, questions=searches)


def _median(search: Callable[[Vectors], object], queries: Vectors) -> float:
    seconds = []
    for query in queries:
        begun = time.perf_counter()
        search(query[None])
        seconds.append(time.perf_counter() - begun)
    return float(np.median(seconds))
