"""Metrics of every query → means with intervals, as the results' JSON has them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np

from twinlens import metrics
from twinlens.metrics import PerQuery

Summary: TypeAlias = dict[str, Any]
"""{"mean", "std", "ci95": [low, high]} of one metric."""


def summarise(values: Mapping[str, PerQuery], groups: Sequence[str], seed: int = 0) -> dict[str, Summary]:
    """Return mean, standard deviation and 95 % bootstrap interval over groups of each metric."""
    return {name: to_json(metrics.bootstrap_ci(array, groups, seed=seed)) for name, array in values.items()}


def to_json(summary: metrics.Summary) -> Summary:
    """Convert a summary of `metrics` into a dictionary for JSON."""
    return {"mean": summary.mean, "std": summary.std, "ci95": list(summary.ci95) if summary.ci95 else None}


def distinct(records: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return the records that differ from all before them, such as the environments of several runs."""
    found: list[Mapping[str, Any]] = []
    for record in records:
        if record not in found:
            found.append(record)
    return found


def balance_parts(values: Mapping[str, PerQuery], parts: Sequence[str]) -> Mapping[str, PerQuery]:
    """Weigh the values of every query (Q,) so that their mean is the plain mean over the benchmark's parts."""
    _, part, counts = np.unique(np.asarray(parts), return_inverse=True, return_counts=True)
    weights = len(part) / (len(counts) * counts[part])
    return {name: array * weights for name, array in values.items()} if len(counts) > 1 else values
