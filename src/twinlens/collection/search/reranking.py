"""The stage of reranking that a search names: it is made, and reorders the first answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from twinlens.collection.search.rerank import Candidate, Reranker
from twinlens.collection.search.scoring import Answer, Stored
from twinlens.collection.store import Entry
from twinlens.core import variants
from twinlens.core.arguments import as_stage

if TYPE_CHECKING:
    from twinlens.collection.search.search import EmbeddedQuery


def stage_of(given: str) -> tuple[Reranker, int]:
    """Return the stage that is named as NAME or NAME:N, and how many candidates it reads."""
    stage = as_stage("rerank", given)
    options = {} if stage.checkpoint is None else {"checkpoint": stage.checkpoint}
    reranker: Reranker = variants.make("collection.search.rerank", stage.name, **options)
    return reranker, stage.first


def reordered(
    reranker: Reranker, asked: EmbeddedQuery, found: Sequence[tuple[Answer, Entry]], stored: Stored
) -> list[tuple[Answer, Entry, Mapping[str, Any]]]:
    """Return answers in the order of a stage, each with the reasons for its place."""
    rows, vectors = stored(np.array([answer.row for answer, _ in found], dtype=np.int64))
    by_row, answers = dict(zip(rows.tolist(), vectors, strict=True)), {answer.row: answer for answer, _ in found}
    candidates = []
    for place, (answer, entry) in enumerate(found, 1):
        if answer.row in by_row:
            score = asked.scorer.display(answer.score)
            why = {**asked.why, "search": {"score": score, "place": place}}
            candidates.append(Candidate(entry, score, by_row[answer.row], why))
    return [(answers[one.entry.row], one.entry, one.why) for one in reranker.rerank(asked.plan.request, candidates)]
