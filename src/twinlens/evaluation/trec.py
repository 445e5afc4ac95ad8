"""TREC's run files and qrels, which trec_eval, ranx and ir-measures read.

A run has a line `query Q0 entry rank score tag` for each entry of each ranking, qrels a line `query 0 entry relevance`
for each judged one: 1 if it answers the query, 0 if it is known not to. Fields are separated by blanks: those in ids,
and the percent sign, are percent-encoded.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import numpy as np
from numpy.typing import NDArray

from twinlens import metrics
from twinlens.core.atomic import whole_file
from twinlens.evaluation.judgements import Judgements
from twinlens.metrics import Scores

QRELS = "qrels.trec"
_SUBNORMAL = 0x7FFFFF
"""Bits of the largest subnormal number in single precision."""
_BLANK = re.compile(r"[\s%]")


def write_qrels(judgements: Judgements, folder: Path) -> Path:
    """Write the judgements of all queries, without entries that their rankings ignore; return the file's path."""
    path = folder / QRELS
    relevances = ((judgements.relevant, 1), (judgements.rejected, 0))
    entries = _ids([entry.id for entry in judgements.gallery])
    with whole_file(path) as draft, draft.open("w", encoding="utf-8", newline="\n") as file:
        for row, query in enumerate(_ids([query.id for query in judgements.queries])):
            for mask, relevance in relevances:
                for column in np.flatnonzero(mask[row] & ~judgements.ignore[row]):
                    file.write(f"{query} 0 {entries[column]} {relevance}\n")
    return path


def write_run(judgements: Judgements, scores: Scores, path: Path, *, tag: str) -> Path:
    """Write the whole ranking of every query by scores (Q, N), without what it ignores; return the path."""
    tag = _BLANK.sub("_", tag)
    with whole_file(path) as draft, draft.open("w", encoding="utf-8", newline="\n") as file:
        for row, query in enumerate(_ids([query.id for query in judgements.queries])):
            file.writelines(_lines(query, judgements, scores[row : row + 1], row, tag))
    return path


def _lines(query: str, judgements: Judgements, scores: Scores, row: int, tag: str) -> Iterator[str]:
    (order,) = metrics.top(scores, ignore=judgements.ignore[row : row + 1])
    order = order[order >= 0]
    entries = _ids([judgements.gallery[column].id for column in order])
    strict = strictly_descending(scores[0, order])
    for rank, (entry, score) in enumerate(zip(entries, strict.tolist(), strict=True), start=1):
        yield f"{query} Q0 {entry} {rank} {score:.9g} {tag}\n"


def strictly_descending(scores: NDArray[np.float32]) -> NDArray[np.float32]:
    """Lower equal scores of a ranking (N,) by the least that makes each smaller than the one before.

    trec_eval does not read ranks: it orders by scores in single precision, and equal ones by their ids.
    """
    bits = scores.view(np.int32).astype(np.int64)
    # Integers in the order of the numbers; 0 for all that are smaller than the least normal one, which some
    # processors' settings take for 0.
    size = np.maximum((bits & 0x7FFFFFFF) - _SUBNORMAL, 0)
    places = np.arange(len(scores))
    strict = np.minimum.accumulate(np.where(bits < 0, -size, size) + places) - places
    back = np.where(strict == 0, 0, abs(strict) + _SUBNORMAL) | np.where(strict < 0, 0x80000000, 0)
    return back.astype(np.uint32).view(np.float32)


def _ids(ids: list[str]) -> list[str]:
    return [_BLANK.sub(lambda blank: quote(blank[0]), one) for one in ids]
