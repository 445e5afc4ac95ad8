"""The table of a comparison: means over seeds, intervals over groups, and tests against the best baseline."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import fmean, median
from typing import Any

import numpy as np

from twinlens.evaluation import as_summary
from twinlens.evaluation.comparison.bench import COMPOSED, LATE, LENSES, SHUFFLED
from twinlens.evaluation.comparison.outcome import Outcome
from twinlens.metrics import PerQuery, bootstrap_ci, paired_difference

REFERENCE = "sum"
"""The fusion whose single lenses are the baselines; their scores added and multiplied are `LATE`."""
UNTRAINED = "untrained_gate"
BASELINES = (*LENSES, *LATE, UNTRAINED, REFERENCE)


def summarise(
    runs: Mapping[str, Sequence[Outcome]], groups: Sequence[str], metric: str, *, seed: int = 0
) -> dict[str, Any]:
    """From the runs of each method, one per seed, and the group of every query.

    {"metric", "best", "best_baseline", "best_single_lens", "methods": {name: row}}, the best first. A row has "kind"
    (trained, training-free or baseline), "metrics" {name: mean, 95 % interval by bootstrap over groups, standard
    deviation over seeds}, "shuffled_text" (means with another query's words), "parameters", "query_ms", "seconds"
    (of training) and "processor_seconds" (with measuring), means of a run,
    "over_baseline" and "composition_gap": the difference to the best baseline and to the better single lens, each with
    its interval and the p-value of a paired permutation of groups.
    """
    rows = {name: _row(outcomes, COMPOSED, groups, seed) for name, outcomes in runs.items()}
    rows |= {lens: _row(runs[REFERENCE], lens, groups, seed) for lens in (*LENSES, *LATE)}
    values = {name: _mean(outcomes, COMPOSED, metric) for name, outcomes in runs.items()}
    values |= {lens: _mean(runs[REFERENCE], lens, metric) for lens in (*LENSES, *LATE)}
    best_baseline, single = (max(names, key=lambda n: _level(values[n])) for names in (BASELINES, LENSES))
    for name, row in rows.items():
        row["kind"] = _kind(name, runs)
        row["over_baseline"] = _difference(values, name, best_baseline, groups, seed)
        row["composition_gap"] = _difference(values, name, single, groups, seed)
    order = sorted(rows, key=lambda name: _level(values[name]), reverse=True)
    return {
        "metric": metric,
        "best": order[0],
        "best_baseline": best_baseline,
        "best_single_lens": single,
        "methods": {name: rows[name] for name in order},
    }


def _row(outcomes: Sequence[Outcome], lens: str, groups: Sequence[str], seed: int) -> dict[str, Any]:
    facts = [outcome.facts for outcome in outcomes]
    row: dict[str, Any] = {"metrics": {}}
    for metric in outcomes[0].values[lens]:
        interval = as_summary(bootstrap_ci(_mean(outcomes, lens, metric), groups, seed=seed))
        by_seed = [_level(outcome.values[lens][metric]) for outcome in outcomes]
        spread = float(np.std(by_seed, ddof=1)) if len(by_seed) > 1 else None
        row["metrics"][metric] = {"mean": interval["mean"], "std": spread, "ci95": interval["ci95"], "seeds": by_seed}
    if lens == COMPOSED:
        row["shuffled_text"] = {m: _level(_mean(outcomes, SHUFFLED, m)) for m in row["metrics"]}
        row |= {"parameters": facts[0]["parameters"], "query_ms": median(fact["query_ms"] for fact in facts)}
        row |= {key: fmean(fact[key] for fact in facts) for key in ("seconds", "processor_seconds")}
        row["epochs"] = [fact["epochs"] for fact in facts]
    return row


def _mean(outcomes: Sequence[Outcome], lens: str, metric: str) -> PerQuery:
    """Every query's mean over the seeds (Q,)."""
    stacked: PerQuery = np.mean([outcome.values[lens][metric] for outcome in outcomes], axis=0)
    return stacked


def _level(values: PerQuery) -> float:
    return float(np.nanmean(values))


def _kind(name: str, runs: Mapping[str, Sequence[Outcome]]) -> str:
    if name in BASELINES:
        return "baseline"
    return "trained" if runs[name][0].facts["trained"] else "training-free"


def _difference(
    values: Mapping[str, PerQuery], name: str, other: str, groups: Sequence[str], seed: int
) -> dict[str, Any] | None:
    """None for a method against itself."""
    if name == other:
        return None
    return {"over": other, **paired_difference(values[name], values[other], groups, seed=seed)._asdict()}
