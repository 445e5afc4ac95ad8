"""Two stages under a protocol: the first n of a ranking by vectors, ordered anew by a reader."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from twinlens.core.arguments import Stage, as_stage
from twinlens.core.types import TwinlensError
from twinlens.evaluation.judgements import Judgements
from twinlens.evaluation.reading import UNREAD, truth_scores
from twinlens.metrics import Mask, Scores
from twinlens.models.match_head import CHECKPOINT, MatchHead

Reader: TypeAlias = Callable[[int, NDArray[np.int64]], Scores]
"""Function from the number of a query, and those of n entries, to scores (n,): NaN where it abstains."""


def parse_stage(text: str) -> Stage:
    """Read "NAME", "NAME:N" or "match=CHECKPOINT:N". Raises TwinlensError for another name or number."""
    stage = as_stage("--rerank", text)
    if stage.name not in READERS:
        raise TwinlensError(f"a protocol can be reranked by {', '.join(READERS)}, not by {stage.name!r}")
    if stage.name == "truth" and stage.checkpoint:
        raise TwinlensError("--rerank truth takes no checkpoint; give truth or truth:N")
    return stage


def rerank(judgements: Judgements, scores: Scores, stage: Stage) -> Scores:
    """Order the first entries of each query's ranking by a stage; the others, and what it abstains from, stay.

    scores (Q, N): of the first stage. Returns scores (Q, N) of the two stages.
    """
    read = READERS[stage.name](judgements, stage)
    rows = enumerate(zip(scores, judgements.ignore, strict=True))
    return np.stack([_reordered(score, ignored, stage.first, read, row) for row, (score, ignored) in rows])


def milliseconds(judgements: Judgements, stage: Stage, pictures: int = 50) -> float:
    """Measure what a picture costs the stage: the median time in ms to read one, over the first pictures (N,)."""
    read, times = _reading(judgements, stage), []
    for number in [number for number, entry in enumerate(judgements.gallery) if entry.image is not None][:pictures]:
        begun = time.perf_counter()
        read(number)
        times.append(1000 * (time.perf_counter() - begun))
    return float(np.median(times)) if times else 0.0


def _reading(judgements: Judgements, stage: Stage) -> Callable[[int], object]:
    """Return the function that reads one picture; the match head reads it with the first query's sentence."""
    if stage.name == "match":
        read = _matches(judgements, stage)
        return lambda number: read(0, np.array([number]))
    return lambda number: truth_scores((), (judgements.gallery[number],))


def _truths(judgements: Judgements, _: Stage) -> Reader:
    """Return the reader that executes a sentence on a picture's items: 1 for true, 0 for false."""
    truths = truth_scores(judgements.queries, judgements.gallery)
    return lambda query, entries: np.where(truths[query, entries] == UNREAD, np.nan, truths[query, entries])


def _matches(judgements: Judgements, stage: Stage) -> Reader:
    """Return the reader that has the scores of a cross-encoder."""
    head = MatchHead(stage.checkpoint or CHECKPOINT)

    def read(query: int, entries: NDArray[np.int64]) -> Scores:
        found = np.full(len(entries), np.nan, dtype=np.float32)
        for place, score in head.scores(judgements.queries[query].text, [judgements.gallery[n].image for n in entries]):
            found[place] = score
        return found

    return read


READERS: dict[str, Callable[[Judgements, Stage], Reader]] = {"truth": _truths, "match": _matches}
"""Stages that need nothing but a sentence and a picture."""


def _reordered(scores: Scores, ignored: Mask, first: int, read: Reader, query: int) -> Scores:
    """Reorder one query's scores (N,): the highest of the read entries go to those that the reader scores highest."""
    ranking = np.flatnonzero(~ignored)
    ranking = ranking[np.argsort(-scores[ranking], kind="stable")][:first]
    found = read(query, ranking)
    known = ~np.isnan(found)
    places, keys = ranking[known], found[known]
    reordered = scores.copy()
    reordered[places[np.argsort(-keys, kind="stable")]] = scores[places]
    return reordered
