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
) -> list[tuple[Answer, Entry, Mapping[str, Any]]] | None:
    """Return answers, the first of them in the order of a stage with the reasons for their places.

    As many are reordered as the plan says, however many are asked for, so that pages of answers fit each other. None
    where the stage changes nothing.
    """
    first, rest = found[: asked.plan.candidates], found[asked.plan.candidates :]
    rows, vectors = stored(np.array([answer.row for answer, _ in first], dtype=np.int64))
    by_row, answers = dict(zip(rows.tolist(), vectors, strict=True)), {answer.row: answer for answer, _ in first}
    candidates = []
    for place, (answer, entry) in enumerate(first, 1):
        if answer.row in by_row:
            score = asked.scorer.display(answer.score)
            why = {**asked.why, "search": {"score": score, "place": place}}
            candidates.append(Candidate(entry, score, by_row[answer.row], why))
    ranked = list(reranker.rerank(asked.plan.request, candidates))
    if all(one is given for one, given in zip(ranked, candidates, strict=True)):
        return None
    told = [(answers[one.entry.row], one.entry, _reasons(one, place, asked)) for place, one in enumerate(ranked, 1)]
    return [*told, *((answer, entry, asked.why) for answer, entry in rest)]


def _reasons(ranked: Candidate, place: int, asked: EmbeddedQuery) -> Mapping[str, Any]:
    """Return a candidate's reasons; its score of the search is none where it has kept its place and no other."""
    kept = ranked.why["search"]["place"] == place and set(ranked.why) == {*asked.why, "search"}
    return asked.why if kept else ranked.why
