"""The table of a comparison: columns, rows, the sentences below, and the files of `compare --out`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from twinlens.commands import _common
from twinlens.core import jsonfile

LEVEL = 0.05
"""Of p, below which a difference is called one."""
_SHOWN = ("hit@1", "hit@5", "hit@10", "map")


def show(result: Mapping[str, Any]) -> None:
    """Print the table and the sentences below it."""
    _common.print_table(*table(result, brief=True), title=title(result))
    for line in lines(result):
        _common.say()
        _common.say(line)


def write(result: Mapping[str, Any], folder: Path) -> None:
    """Write results.json, table.md and chart.png."""
    from twinlens.report import Estimate
    from twinlens.report.plots import bar_chart
    from twinlens.report.table import Table

    folder.mkdir(parents=True, exist_ok=True)
    jsonfile.write(result, folder / "results.json")
    markdown = Table(*table(result), title=title(result), digits=3).markdown()
    (folder / "table.md").write_text("\n\n".join([markdown, *lines(result)]) + "\n", encoding="utf-8")
    metric, methods = result["metric"], result["methods"].items()
    bars = {name.replace("_", "\n"): Estimate.from_json(row["metrics"][metric]) for name, row in methods}
    bar_chart({metric: bars}, folder / "chart.png", title=title(result), ylabel=metric)


def title(result: Mapping[str, Any]) -> str:
    """Return the dataset, the split, the protocol and the recipe in words."""
    return f"{result['dataset']} {result['split']}, protocol {result['protocol']}, recipe {result['recipe']}"


def table(result: Mapping[str, Any], *, brief: bool = False) -> tuple[list[str], list[list[object]]]:
    """Build one row per method, the best first; `brief` leaves out columns for which a terminal has no room."""
    metric = result["metric"]
    others = [name for name in _SHOWN if name != metric][: 1 if brief else None]
    columns = ["method", metric, *others, f"over {result['best_baseline']}", "p", "weights", "query ms"]
    more = [] if brief else ["kind", "std over seeds", "other words", "learning rate", "published → here"]
    rows = [_cells(name, row, metric, others) for name, row in result["methods"].items()]
    return [*columns, *more], [row if brief else [*row, *_more(result, str(row[0]), metric)] for row in rows]


def _cells(name: str, row: Mapping[str, Any], metric: str, others: list[str]) -> list[object]:
    from twinlens.report import Estimate

    over = row["over_baseline"]
    return [
        name,
        *(Estimate.from_json(row["metrics"][m]) for m in (metric, *others)),
        None if over is None else f"{over['mean']:+.3f}",
        None if over is None or row["kind"] == "baseline" else _p_value(over["p_value"]),
        row.get("parameters"),
        row.get("query_ms"),
    ]


def _more(result: Mapping[str, Any], name: str, metric: str) -> list[object]:
    row = result["methods"][name]
    rate = row.get("learning_rate")
    return [
        row["kind"],
        row["metrics"][metric]["std"],
        row.get("shuffled_text", {}).get(metric),
        None if rate is None else f"{rate:g}",
        ", ".join(f"{key} {value['published']} → {value['here']}" for key, value in row.get("deviations", {}).items()),
    ]


def _p_value(p_value: float) -> str:
    return "< .001" if p_value < 0.001 else f"{p_value:.3f}"


def lines(result: Mapping[str, Any]) -> list[str]:
    """List the paragraphs below the table."""
    skipped = [f"Left out: {name}: {why}" for name, why in result["skipped"].items()]
    return [reading(result), *skipped, *([result["note"]] if "note" in result else [])]


def reading(result: Mapping[str, Any]) -> str:
    """Explain the table in words."""
    metric, methods = result["metric"], result["methods"]
    tested = [row["over_baseline"] for row in methods.values() if row["kind"] != "baseline"]
    ahead = [over for over in tested if over["mean"] > 0 and over["p_value"] < LEVEL]
    best, baseline = (
        f"{result[role]} ({methods[result[role]]['metrics'][metric]['mean']:.3f})" for role in ("best", "best_baseline")
    )
    return (
        f"By {metric} the best is {best}; {len(ahead)} of {len(tested)} methods are ahead of the best baseline, "
        f"{baseline}, at p < {LEVEL}. Means of {result['repeats']} seeds; ± is the 95 % interval by bootstrap over "
        f"groups of the {result['queries']} queries and over seeds; p is of no difference to the best baseline, by the "
        f"same bootstrap, corrected for {len(tested)} methods (Holm); other words: with another query's text; query "
        "ms: from an encoded query to its scores. All runs together took "
        f"{_minutes(result):.0f} minutes of one processor core, encoders and the search of learning rates left out."
    )


def _minutes(result: Mapping[str, Any]) -> float:
    """Add up the processor time of all runs, in minutes."""
    runs = [row["processor_seconds"] for row in result["methods"].values() if "processor_seconds" in row]
    return float(sum(runs)) * int(result["repeats"]) / 60
