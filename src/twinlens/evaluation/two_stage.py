"""Two stages under a protocol: the first n of a ranking by vectors, ordered anew by a reader."""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np

from twinlens.core.arguments import Stage, as_stage
from twinlens.core.types import Sample, TwinlensError
from twinlens.evaluation.judgements import Judgements
from twinlens.evaluation.reading import UNREAD, truth_scores
from twinlens.metrics import Mask, Scores

READERS = ("truth",)
"""Stages that need nothing but a sentence and a picture."""


def parse_stage(text: str) -> Stage:
    """Read "NAME" or "NAME:N". Raises TwinlensError for another name or number."""
    stage = as_stage("--rerank", text)
    if stage.name not in READERS:
        raise TwinlensError(f"a protocol can be reranked by {', '.join(READERS)}, not by {stage.name!r}")
    return stage


def rerank(judgements: Judgements, scores: Scores, first: int) -> Scores:
    """Put true before false among the first n of each query's ranking; the others, and what is unread, stay.

    scores (Q, N): of the first stage. Returns scores (Q, N) of the two stages.
    """
    truths = truth_scores(judgements.queries, judgements.gallery)
    rows = zip(scores, truths, judgements.ignore, strict=True)
    return np.stack([_reordered(score, truth, ignored, first) for score, truth, ignored in rows])


def milliseconds(gallery: Sequence[Sample], pictures: int = 50) -> float:
    """Measure what a picture costs the stage: the median time in ms to read one, over the first pictures (N,)."""
    times = []
    for entry in [entry for entry in gallery if entry.image is not None][:pictures]:
        begun = time.perf_counter()
        truth_scores((), (entry,))
        times.append(1000 * (time.perf_counter() - begun))
    return float(np.median(times)) if times else 0.0


def _reordered(scores: Scores, truths: Scores, ignored: Mask, first: int) -> Scores:
    """Reorder one query's scores (N,): the highest of the read entries go to the true ones, in their order."""
    ranking = np.flatnonzero(~ignored)
    ranking = ranking[np.argsort(-scores[ranking], kind="stable")][:first]
    read = ranking[truths[ranking] != UNREAD]
    moved = read[np.argsort(-truths[read], kind="stable")]
    reordered = scores.copy()
    reordered[moved] = scores[read]
    return reordered
