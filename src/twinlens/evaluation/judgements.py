"""Relevance judgements of a dataset as matrices, which turn scores into metrics of every query."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from twinlens import metrics
from twinlens.core.types import Dataset, Sample, TwinlensError
from twinlens.metrics import Mask, PerQuery, Scores


@dataclass(frozen=True)
class Judgements:
    """Q answerable queries of a dataset, its gallery of N entries, and their relations as masks (Q, N).

    A query is answerable if the gallery holds a relevant entry that its ranking does not ignore. groups and parts (Q,)
    name each query's leak-free group and its part of the benchmark.
    """

    queries: tuple[Sample, ...]
    gallery: tuple[Sample, ...]
    relevant: Mask
    ignore: Mask
    rejected: Mask
    groups: tuple[str, ...]
    parts: tuple[str, ...]

    @classmethod
    def of(cls, dataset: Dataset) -> Judgements:
        """Build the masks of a dataset. Raises TwinlensError if no query is answerable."""
        entries = [entry.id for entry in dataset.gallery]
        ids = [query.id for query in dataset.queries]
        relevant = metrics.mask(dataset.relevant, ids, entries)
        ignore = metrics.mask(dataset.ignore, ids, entries)
        rejected = metrics.mask(dataset.rejected, ids, entries)
        answerable = np.asarray((relevant & ~ignore).any(axis=1))
        if not answerable.any():
            raise TwinlensError("no query of this dataset has an answer in its gallery; nothing can be measured")
        queries = tuple(query for query, kept in zip(dataset.queries, answerable, strict=True) if kept)
        groups = tuple(dataset.groups.get(query.id, query.id) for query in queries)
        parts = tuple(dataset.parts.get(query.id, "") for query in queries)
        masks = (relevant[answerable], ignore[answerable], rejected[answerable])
        return cls(queries, dataset.gallery, *masks, groups, parts)

    def per_query(self, scores: Scores, ks: Sequence[int] = (1, 5, 10)) -> dict[str, PerQuery]:
        """Compute every metric of every query (Q,) from scores (Q, N).

        Grounding accuracy is among them only if the dataset rejects some entries.
        """
        rejected = self.rejected if self.rejected.any() else None
        return metrics.per_query(scores, self.relevant, ignore=self.ignore, rejected=rejected, ks=ks)
