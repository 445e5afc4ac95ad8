"""Metrics beside the baselines that every table carries, with intervals."""

from __future__ import annotations

from twinlens.evaluation.evaluate import (
    BASELINES,
    COMPOSED,
    Judgements,
    Summary,
    as_summary,
    balanced,
    baseline_scores,
    cross_validate,
    drop_side,
    evaluate,
    scores,
    summarise,
)

__all__ = [
    "BASELINES",
    "COMPOSED",
    "Judgements",
    "Summary",
    "as_summary",
    "balanced",
    "baseline_scores",
    "cross_validate",
    "drop_side",
    "evaluate",
    "scores",
    "summarise",
]
