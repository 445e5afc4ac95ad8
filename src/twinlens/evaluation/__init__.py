"""Metrics beside the baselines that every table carries, with intervals."""

from __future__ import annotations

from twinlens.evaluation.evaluate import (
    BASELINES,
    COMPOSED,
    Judged,
    Summary,
    as_summary,
    balanced,
    baseline_scores,
    covered,
    cross_validate,
    evaluate,
    scores,
    summarise,
)

__all__ = [
    "BASELINES",
    "COMPOSED",
    "Judged",
    "Summary",
    "as_summary",
    "balanced",
    "baseline_scores",
    "covered",
    "cross_validate",
    "evaluate",
    "scores",
    "summarise",
]
