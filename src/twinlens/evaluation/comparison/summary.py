"""The table of a comparison: means, intervals over groups and seeds, and tests against the best baseline."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import fmean, median
from typing import Any

import numpy as np

from twinlens.evaluation.baselines import COMPOSED, LATE_FUSIONS, SINGLE_SIDES
from twinlens.evaluation.comparison.methods import BASELINES, REFERENCE
from twinlens.evaluation.comparison.outcome import Outcome
from twinlens.evaluation.comparison.resampling import Values, difference, holm, interval
from twinlens.metrics import PerQuery


def summarise_runs(
    runs: Mapping[str, Sequence[Outcome]],
    groups: Sequence[str],
    metric: str,
    *,
    untrained: Mapping[str, Mapping[str, PerQuery]] | None = None,
) -> dict[str, Any]:
    """Build the table from the runs of each method, one per seed, and the group of every query.

    untrained: baselines that no model stands behind, name → metric → (Q,). Returns {"metric", "best", "best_baseline",
    "best_single_lens", "methods": {name: row}}, the best first. A row has "kind" (trained, training-free or baseline),
    "metrics" {name: mean, 95 % interval by bootstrap over groups and seeds, standard deviation over seeds}; where
    models were measured, "shuffled_text" (means with another query's words), "parameters", "learning_rate", "query_ms",
    "seconds" (of training) and "processor_seconds" (with measuring), means of a run; "over_baseline" and
    "composition_gap": the difference to the best baseline and to the better single side (see `resampling.difference`).
    p-values over the baseline are corrected for the number of methods, and stand uncorrected as "p_single".
    """
    values = {name: _stacked(outcomes, COMPOSED) for name, outcomes in runs.items()}
    values |= {variant: _stacked(runs[REFERENCE], variant) for variant in (*SINGLE_SIDES, *LATE_FUSIONS)}
    fixed = {name: {m: np.atleast_2d(array) for m, array in of.items()} for name, of in (untrained or {}).items()}
    values |= fixed
    level = {name: float(np.nanmean(of[metric])) for name, of in values.items()}
    best, single = (max(names, key=level.__getitem__) for names in ((*BASELINES, *fixed), SINGLE_SIDES))
    order = sorted(values, key=level.__getitem__, reverse=True)
    rows = {name: _row(values[name], runs.get(name), groups) for name in order}
    for name, row in rows.items():
        row["over_baseline"] = _difference(values, name, best, groups, metric)
        row["composition_gap"] = _difference(values, name, single, groups, metric)
    _correct(rows)
    return {"metric": metric, "best": order[0], "best_baseline": best, "best_single_lens": single, "methods": rows}


def _stacked(outcomes: Sequence[Outcome], variant: str) -> dict[str, Values]:
    """Stack the runs of one variant of the query: metric → (S, Q)."""
    metrics = outcomes[0].values[variant]
    return {metric: np.stack([outcome.values[variant][metric] for outcome in outcomes]) for metric in metrics}


def _row(values: Mapping[str, Values], outcomes: Sequence[Outcome] | None, groups: Sequence[str]) -> dict[str, Any]:
    row: dict[str, Any] = {"kind": "baseline"}
    row["metrics"] = {metric: interval(of, groups) for metric, of in values.items()}
    if not outcomes:
        return row
    facts = [outcome.facts for outcome in outcomes]
    if facts[0]["method"] not in BASELINES:
        row["kind"] = "trained" if facts[0]["trained"] else "training-free"
    row["shuffled_text"] = {metric: fmean(fact["shuffled_text"][metric] for fact in facts) for metric in values}
    row |= {key: facts[0][key] for key in ("parameters", "learning_rate")}
    row |= {"query_ms": median(fact["query_ms"] for fact in facts)}
    row |= {key: fmean(fact[key] for fact in facts) for key in ("seconds", "processor_seconds")}
    return row | {"epochs": [fact["epochs"] for fact in facts]}


def _difference(
    values: Mapping[str, Mapping[str, Values]], name: str, other: str, groups: Sequence[str], metric: str
) -> dict[str, Any] | None:
    """Test a method against another; None for a method against itself."""
    if name == other:
        return None
    return {"over": other, **difference(values[name][metric], values[other][metric], groups)}


def _correct(rows: Mapping[str, dict[str, Any]]) -> None:
    """Correct the p-values of the methods over the best baseline for their number, in place."""
    tested = {name: row["over_baseline"] for name, row in rows.items() if row["kind"] != "baseline"}
    corrected = holm({name: over["p_value"] for name, over in tested.items()})
    for name, over in tested.items():
        over |= {"p_single": over["p_value"], "p_value": corrected[name]}
