"""The steps of an epoch: rows that are embedded together, and pairs that are no negatives."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from twinlens.core.types import Arrays, Batch, Dataset, Sample, TwinlensError


@dataclass(frozen=True)
class Step:
    """B queries, their B targets and M rejected entries as one batch of 2·B + M rows, in this order.

    mask (B, B + M) is True where a column, a target or a rejected entry, must not count as a negative of the row's
    query: it answers that query too, or is left out of its rankings. answers (B, B + M) is True where it answers it and
    is not left out, the query's own target included.
    """

    batch: Batch
    mask: Tensor
    answers: Tensor
    queries: int


class Steps(torch.utils.data.Dataset[Step]):
    """All steps of one epoch; queries without a relevant entry in the gallery are left out.

    Every draw depends on (seed, epoch, step) alone, so that worker processes and a resumed run see the same steps.
    """

    def __init__(
        self,
        dataset: Dataset,
        *,
        prepare: Callable[[Sample], Arrays],
        stack: Callable[[Sequence[Arrays]], Batch],
        batch_size: int,
        rejected_per_query: int,
        seed: int,
    ) -> None:
        self.gallery = {sample.id: sample for sample in dataset.gallery}
        self.relevant = _sorted_within(dataset.relevant, self.gallery)
        self.rejected = _sorted_within(dataset.rejected, self.gallery)
        self.ignore, self.answers = dataset.ignore, dataset.relevant
        self.queries = [query for query in dataset.queries if self.relevant.get(query.id)]
        if len(self.queries) < 2:
            raise TwinlensError("training needs at least two queries with an answer in the gallery; add data")
        self.prepare, self.stack = prepare, stack
        self.batch_size, self.rejected_per_query, self.seed = (
            min(batch_size, len(self.queries)),
            rejected_per_query,
            seed,
        )
        self.order = np.arange(len(self.queries))
        self.epoch = 0

    def start(self, epoch: int) -> None:
        """Shuffle for an epoch."""
        self.epoch = epoch
        self.order = np.random.default_rng((self.seed, epoch)).permutation(len(self.queries))

    def __len__(self) -> int:
        """Count full batches only: a small last one would give batch normalisation and the softmax another task."""
        return len(self.queries) // self.batch_size

    def __getitem__(self, step: int) -> Step:
        if not 0 <= step < len(self):
            raise IndexError(step)
        rng = np.random.default_rng((self.seed, self.epoch, step))
        queries = [self.queries[n] for n in self.order[step * self.batch_size : (step + 1) * self.batch_size]]
        targets = [rng.choice(self.relevant[query.id]) for query in queries]
        columns = targets + [entry for query in queries for entry in self._draw_rejected(query.id, rng)]
        samples = queries + [self.gallery[entry] for entry in columns]
        batch = self.stack([self.prepare(sample) for sample in samples])
        mask, answers = self._relations([query.id for query in queries], columns)
        return Step(batch, torch.from_numpy(mask), torch.from_numpy(answers), len(queries))

    def _draw_rejected(self, query_id: str, rng: np.random.Generator) -> list[str]:
        known = self.rejected.get(query_id, [])
        return list(rng.choice(known, size=min(len(known), self.rejected_per_query), replace=False)) if known else []

    def _relations(
        self, query_ids: Sequence[str], columns: Sequence[str]
    ) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Return `mask` and `answers` of a step."""
        left_out, answers = np.zeros((2, len(query_ids), len(columns)), dtype=np.bool_)
        for row, query_id in enumerate(query_ids):
            known, ignored = self.answers[query_id], self.ignore.get(query_id, frozenset())
            answers[row] = [entry in known for entry in columns]
            left_out[row] = [entry in ignored for entry in columns]
        np.fill_diagonal(left_out, False)
        mask, answers = answers | left_out, answers & ~left_out
        np.fill_diagonal(mask, False)
        return mask, answers


class PreparedCache:
    """A cache of prepared arrays by sample id, up to `limit` bytes: an epoch decodes each picture once."""

    def __init__(self, prepare: Callable[[Sample], Arrays], limit: int = 2**30) -> None:
        self.prepare, self.room = prepare, limit
        self.kept: dict[str, Arrays] = {}

    def __call__(self, sample: Sample) -> Arrays:
        """Return a sample's arrays, from memory where they are cached."""
        if sample.id not in self.kept:
            arrays = self.prepare(sample)
            size = sum(array.nbytes for array in arrays.values())
            if size > self.room:
                return arrays
            self.room -= size
            self.kept[sample.id] = arrays
        return self.kept[sample.id]


def _sorted_within(known: Mapping[str, frozenset[str]], gallery: dict[str, Sample]) -> dict[str, list[str]]:
    """Sort sets of ids that are in the gallery: a set has no order to draw from reproducibly."""
    return {query: sorted(entry for entry in ids if entry in gallery) for query, ids in known.items()}
