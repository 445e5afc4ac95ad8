"""The table of a comparison: means over seeds, intervals over groups, and tests against the best baseline."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import fmean, median
from typing import Any

import numpy as np

from twinlens.evaluation.baselines import COMPOSED, LATE_FUSIONS, SHUFFLED_TEXT, SINGLE_SIDES
from twinlens.evaluation.comparison.methods import BASELINES, REFERENCE
from twinlens.evaluation.comparison.outcome import Outcome
from twinlens.evaluation.summaries import to_json
from twinlens.metrics import PerQuery, bootstrap_ci, paired_difference


def summarise_runs(
    runs: Mapping[str, Sequence[Outcome]], groups: Sequence[str], metric: str, *, seed: int = 0
) -> dict[str, Any]:
    """Build the table from the runs of each method, one per seed, and the group of every query.

    {"metric", "best", "best_baseline", "best_single_lens", "methods": {name: row}}, the best first. A row has "kind"
    (trained, training-free or baseline), "metrics" {name: mean, 95 % interval by bootstrap over groups, standard
    deviation over seeds}, "shuffled_text" (means with another query's words), "parameters", "query_ms", "seconds"
    (of training) and "processor_seconds" (with measuring), means of a run,
    "over_baseline" and "composition_gap": the difference to the best baseline and to the better single side, each with
    its interval and the p-value of a paired permutation of groups; those over the baseline are corrected for the
    number of trained methods.
    """
    rows = {name: _row(outcomes, COMPOSED, groups, seed) for name, outcomes in runs.items()}
    values = {name: _mean(outcomes, COMPOSED, metric) for name, outcomes in runs.items()}
    for variant in (*SINGLE_SIDES, *LATE_FUSIONS):
        rows[variant] = _row(runs[REFERENCE], variant, groups, seed)
        values[variant] = _mean(runs[REFERENCE], variant, metric)
    best_baseline, single = (max(names, key=lambda n: _level(values[n])) for names in (BASELINES, SINGLE_SIDES))
    for name, row in rows.items():
        row["kind"] = _kind(name, runs)
        row["over_baseline"] = _difference(values, name, best_baseline, groups, seed)
        row["composition_gap"] = _difference(values, name, single, groups, seed)
    _correct([row["over_baseline"] for row in rows.values() if row["kind"] == "trained" and row["over_baseline"]])
    order = sorted(rows, key=lambda name: _level(values[name]), reverse=True)
    return {
        "metric": metric,
        "best": order[0],
        "best_baseline": best_baseline,
        "best_single_lens": single,
        "methods": {name: rows[name] for name in order},
    }


def _correct(differences: Sequence[dict[str, Any]]) -> None:
    """Correct the p-values of several tests, in place, by Holm's step-down method (Holm 1979).

    The p as tested stays beside it as `p_single`.
    """
    ordered, largest = sorted(differences, key=lambda difference: float(difference["p_value"])), 0.0
    for number, difference in enumerate(ordered):
        single = float(difference["p_value"])
        largest = max(largest, min(1.0, (len(ordered) - number) * single))
        difference |= {"p_single": single, "p_value": largest}


def _row(outcomes: Sequence[Outcome], variant: str, groups: Sequence[str], seed: int) -> dict[str, Any]:
    facts = [outcome.facts for outcome in outcomes]
    row: dict[str, Any] = {"metrics": {}}
    for metric in outcomes[0].values[variant]:
        interval = to_json(bootstrap_ci(_mean(outcomes, variant, metric), groups, seed=seed))
        by_seed = [_level(outcome.values[variant][metric]) for outcome in outcomes]
        spread = float(np.std(by_seed, ddof=1)) if len(by_seed) > 1 else None
        row["metrics"][metric] = {"mean": interval["mean"], "std": spread, "ci95": interval["ci95"], "seeds": by_seed}
    if variant == COMPOSED:
        row["shuffled_text"] = {m: _level(_mean(outcomes, SHUFFLED_TEXT, m)) for m in row["metrics"]}
        row |= {"parameters": facts[0]["parameters"], "query_ms": median(fact["query_ms"] for fact in facts)}
        row |= {key: fmean(fact[key] for fact in facts) for key in ("seconds", "processor_seconds")}
        row["epochs"] = [fact["epochs"] for fact in facts]
    return row


def _mean(outcomes: Sequence[Outcome], variant: str, metric: str) -> PerQuery:
    """Average each query's value over the seeds (Q,)."""
    mean: PerQuery = np.mean([outcome.values[variant][metric] for outcome in outcomes], axis=0)
    return mean


def _level(values: PerQuery) -> float:
    return float(np.nanmean(values))


def _kind(name: str, runs: Mapping[str, Sequence[Outcome]]) -> str:
    if name in BASELINES:
        return "baseline"
    return "trained" if runs[name][0].facts["trained"] else "training-free"


def _difference(
    values: Mapping[str, PerQuery], name: str, other: str, groups: Sequence[str], seed: int
) -> dict[str, Any] | None:
    """Test the paired difference of two methods; None for a method against itself."""
    if name == other:
        return None
    return {"over": other, **paired_difference(values[name], values[other], groups, seed=seed)._asdict()}
