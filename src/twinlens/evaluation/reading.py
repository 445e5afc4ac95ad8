"""The reader measured under the grounded protocol: its scores are truths, and one half where it does not read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from twinlens import metrics
from twinlens.core.types import Dataset, Sample, TwinlensError
from twinlens.evaluation.judgements import Judgements
from twinlens.media import images
from twinlens.metrics import Scores, Summary
from twinlens.reading.execution import Execution
from twinlens.reading.grammar.parse import parse
from twinlens.reading.items import read_items
from twinlens.reading.table import Table

UNREAD = 0.5
"""Score of a picture where the sentence is not read or the picture is of another world: its pairs count one half."""


@dataclass(frozen=True)
class ReadingReport:
    """Metrics with 95 % intervals, over all queries and over those whose sentence is read, and the share read.

    sentences_read: the share of different sentences, in small letters.
    """

    sentences_read: float
    all_queries: dict[str, Summary]
    read_queries: dict[str, Summary]


def measure_reading(dataset: Dataset, *, seed: int = 0) -> ReadingReport:
    """Measure matched and grounding accuracy of truths that are executed on pictures.

    Raises TwinlensError where no query is answerable, or no sentence is read.
    """
    judged = Judgements.of(dataset)
    scores = truth_scores(judged.queries, judged.gallery)
    per_query = judged.per_query(scores)
    read = np.array([parse(query.text) is not None for query in judged.queries])
    if not read.any():
        raise TwinlensError("no sentence of this dataset is read; docs/reading.md says which are")
    names = [name for name in ("matched_accuracy", "grounding_accuracy") if name in per_query]
    sentences = {query.text.casefold() for query in judged.queries}

    def summaries(chosen: NDArray[np.bool_]) -> dict[str, Summary]:
        values = {name: np.where(chosen, per_query[name], np.nan) for name in names}
        return {name: metrics.bootstrap_ci(values[name], judged.groups, seed=seed) for name in names}

    return ReadingReport(
        float(np.mean([parse(sentence) is not None for sentence in sentences])),
        summaries(np.ones_like(read)),
        summaries(read),
    )


def truth_scores(queries: Sequence[Sample], gallery: Sequence[Sample]) -> Scores:
    """Score Q sentences on N pictures (Q, N): 1 for true, 0 for false, UNREAD where that cannot be said."""
    scenes = [read_items(images.load(entry.image)) if entry.image is not None else None for entry in gallery]
    known = [column for column, scene in enumerate(scenes) if scene is not None]
    execution = Execution(Table.of(scene for scene in scenes if scene is not None))
    scores = np.full((len(queries), len(scenes)), UNREAD, dtype=np.float32)
    meanings = {text: parse(text) for text in {query.text for query in queries}}
    truths = {text: execution.truth(meaning) for text, meaning in meanings.items() if meaning is not None}
    for row, query in zip(scores, queries, strict=True):
        if query.text in truths:
            row[known] = truths[query.text]
    return scores
