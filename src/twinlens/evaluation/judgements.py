"""Relevance judgements of a dataset as matrices, which turn scores into metrics of every query."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from twinlens import metrics
from twinlens.core.types import Dataset, Sample, TwinlensError
from twinlens.evaluation import chance
from twinlens.metrics import Mask, PerQuery, Scores
from twinlens.splits import connect


@dataclass(frozen=True)
class Judgements:
    """Q answerable queries of a dataset, its gallery of N entries, and their relations as masks (Q, N).

    A query is answerable if its ranking, the gallery without what it ignores, holds a relevant entry, and another one
    that is not. Where the dataset is judged_only, its rankings ignore what was not judged. groups (Q,) name the
    connected group of each query, which intervals draw as a whole: a shared leak-free group or a shared sentence joins.
    parts (Q,) name its part of the benchmark. siblings (N,) are equal for entries that show the same items; None where
    the dataset has no siblings.
    """

    queries: tuple[Sample, ...]
    gallery: tuple[Sample, ...]
    relevant: Mask
    ignore: Mask
    rejected: Mask
    groups: tuple[str, ...]
    parts: tuple[str, ...]
    siblings: NDArray[np.int64] | None = None

    @classmethod
    def of(cls, dataset: Dataset) -> Judgements:
        """Build the masks of a dataset. Raises TwinlensError if no query is answerable."""
        entries = [entry.id for entry in dataset.gallery]
        ids = [query.id for query in dataset.queries]
        relevant = metrics.mask(dataset.relevant, ids, entries)
        rejected = metrics.mask(dataset.rejected, ids, entries)
        ignore = metrics.mask(dataset.ignore, ids, entries)
        if dataset.judged_only:
            ignore |= ~(relevant | rejected)
        answerable = np.asarray((relevant & ~ignore).any(axis=1) & (~relevant & ~ignore).any(axis=1))
        if not answerable.any():
            raise TwinlensError(_why_nothing(bool((relevant & ~ignore).any()), len(entries)))
        queries = tuple(query for query, kept in zip(dataset.queries, answerable, strict=True) if kept)
        parts = tuple(dataset.parts.get(query.id, "") for query in queries)
        masks = (relevant[answerable], ignore[answerable], rejected[answerable])
        return cls(queries, dataset.gallery, *masks, _connected(dataset, queries), parts, _siblings(dataset))

    def per_query(self, scores: Scores, ks: Sequence[int] = (1, 5, 10)) -> dict[str, PerQuery]:
        """Compute every metric of every query (Q,) from scores (Q, N).

        Grounding accuracy is among them only if the dataset rejects some entries, matched accuracy only if it names
        siblings as well.
        """
        return metrics.per_query(
            scores, self.relevant, ignore=self.ignore, rejected=self._rejected, siblings=self.siblings, ks=ks
        )

    def by_chance(self, ks: Sequence[int] = (1, 5, 10)) -> dict[str, PerQuery]:
        """Return the expectation of every metric of `per_query` for a random ranking (Q,)."""
        return chance.expected_metrics(
            self.relevant, self.ignore, rejected=self._rejected, siblings=self.siblings, ks=ks
        )

    def density(self) -> PerQuery:
        """Return the share of relevant entries in each ranking (Q,)."""
        return chance.shares_relevant(self.relevant, self.ignore)

    @property
    def _rejected(self) -> Mask | None:
        return self.rejected if self.rejected.any() else None


def _connected(dataset: Dataset, queries: Sequence[Sample]) -> tuple[str, ...]:
    def keys(query: Sample) -> Iterator[Hashable]:
        yield "group", dataset.groups.get(query.id, query.id)
        if query.text:
            yield "sentence", query.text.casefold()

    groups = connect({query.id: keys(query) for query in queries})
    return tuple(groups[query.id] for query in queries)


def _why_nothing(has_answers: bool, entries: int) -> str:
    if has_answers:
        return f"no query has a wrong answer among the {entries} entries; nothing can be measured without one"
    return "no query of this dataset has an answer in its gallery; nothing can be measured"


def _siblings(dataset: Dataset) -> NDArray[np.int64] | None:
    """Number the items of each gallery entry; an entry without a key has no sibling."""
    if not dataset.siblings:
        return None
    keys = [repr((entry.id in dataset.siblings, dataset.siblings.get(entry.id, entry.id))) for entry in dataset.gallery]
    return np.unique(keys, return_inverse=True)[1].astype(np.int64)
