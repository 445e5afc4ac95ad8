"""Reports of `evaluate --rerank`: figures by the kind of sentence, and the queries that are answered worst."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from twinlens.commands import _common
from twinlens.core.types import TwinlensError

if TYPE_CHECKING:
    from twinlens.core.types import Dataset

KEY = "sentence"
"""Field of a line that holds its sentence, in NLVR's own files and in JSON lines like them."""


def known_sentences(paths: Sequence[Path]) -> list[str]:
    """Read the sentences of files of JSON lines. Raises TwinlensError for a file that cannot be read as such."""
    return [sentence for path in paths for sentence in _sentences(path.expanduser())]


def _sentences(path: Path) -> list[str]:
    try:
        lines = [line for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
        return [str(json.loads(line)[KEY]) for line in lines]
    except OSError as error:
        raise TwinlensError(f"cannot read {path}: {error.strerror}") from error
    except (ValueError, KeyError, TypeError) as error:
        raise TwinlensError(f"{path} wants a JSON object with the field {KEY!r} in each line") from error


def show(result: Mapping[str, Any]) -> None:
    """Print a table of figures by kind of sentence, those of one vector and of two stages."""
    from twinlens.report import Estimate

    name = "matched_accuracy" if "matched_accuracy" in result["metrics"] else result["shown"][0]
    rows: list[list[object]] = []
    for kind, found in result["by_sentence"].items():
        cells = [
            Estimate.from_json(found[row][name]) if name in found[row] else None for row in ("composed", "two_stage")
        ]
        rows.append([kind, found["queries"], *cells])
    _common.say()
    _common.print_table(["kind of sentence", "queries", name, f"{name}, reranked"], rows, title="By kind of sentence")
    _common.say(f"The stage reads a picture in {result['ms_per_picture']:.0f} ms.")


def draw_worst(result: Mapping[str, Any], dataset: Dataset, path: Path) -> None:
    """Draw the queries that are answered worst with their first answers, the right ones framed."""
    from twinlens.core.types import Hit, Sample
    from twinlens.report.grid import ResultRow, result_grid

    entries = {entry.id: entry for entry in dataset.gallery}
    rows = [
        ResultRow(
            Sample(one["query"], None, one["text"]),
            [Hit(entries[entry], score) for entry, score in zip(one["first"], one["scores"], strict=True)],
            unit="similarity",
        )
        for one in result["worst"]
    ]
    right = {one["query"]: set(one["right"]) for one in result["worst"]}
    result_grid(rows, path, is_right=lambda query, hit: hit.sample.id in right[query.id])
