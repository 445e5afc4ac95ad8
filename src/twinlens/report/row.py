"""One row of results as grid and page show it: a query, its answers, and the scale of their scores."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple, Self

from twinlens.core.escaping import escaped
from twinlens.core.types import Hit, Sample
from twinlens.media import sources
from twinlens.media.fields import TAKEN

UNITS = {
    "cosine": "the cosine between query and answer: 1 is as near as can be",
    "deviations": "the number of standard deviations above the mean of the collection",
    "similarity": "the model's own similarity of query and answer",
}
"""Units of scores with their meaning."""


class Details(NamedTuple):
    """The file of an answer, `escaped`: its name, its folder, and when the picture was taken; empty if not known."""

    name: str = ""
    folder: str = ""
    date: str = ""


@dataclass(frozen=True)
class ResultRow:
    """A query and its hits, best first.

    notes: what else was asked for, a line each. mean: that of the scores over the collection. unit: one of `UNITS`.
    """

    query: Sample
    hits: Sequence[Hit]
    notes: tuple[str, ...] = ()
    mean: float = 0.0
    unit: str = "cosine"

    def first(self, count: int) -> Self:
        """Return the row with its first hits only."""
        return replace(self, hits=self.hits[:count])

    def share(self, hit: Hit) -> float:
        """Return a hit's score as a share of the best, 0 to 1, with 0 at the collection's mean or below."""
        best = max(other.score for other in self.hits) - self.mean
        return min(1.0, max(0.0, (hit.score - self.mean) / best)) if best > 0 else 0.0


def legend(rows: Sequence[ResultRow]) -> str:
    """Explain scores and bars in two sentences."""
    meanings = "; or ".join(dict.fromkeys(UNITS[row.unit] for row in rows))
    return f"The score is {meanings}. The bar is its share of the best score, with zero at the collection's mean."


def details(hit: Hit) -> Details:
    """Return the details of a hit's file."""
    path, taken = hit.sample.image, hit.metadata.get(TAKEN)
    date = escaped(taken.replace("T", " ")[:16]) if isinstance(taken, str) else ""
    return (
        Details(escaped(path.name), escaped(str(path.parent)), date) if isinstance(path, Path) else Details(date=date)
    )


def link(sample: Sample) -> str:
    """Return the file URI of a sample's picture, of its tar where it is in one; empty for a picture in memory."""
    if not isinstance(sample.image, Path):
        return ""
    within = sources.split(sample.image)
    return (within[0] if within else sample.image).absolute().as_uri()
