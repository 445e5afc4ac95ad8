"""Hits: the answers to a search as every door shows them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from twinlens.collection.store import Entry
from twinlens.core.types import Hit, Sample
from twinlens.media import sources
from twinlens.media.fields import EMBEDDED

DOUBTFUL = 0.05
"""The chance from which on an answer may well be none; docs/methods.md has what it was measured to find and to miss."""


class Hits(list[Hit]):
    """The answers to a search, best first.

    chance: how probable an answer as good as the first would be if nothing in the collection suited the query better
    than the rest (see `Scorer.chance`); None where that cannot be said. mean: that of the scores over the collection.
    unit: of the scores, "cosine", "deviations" (standard deviations above the mean, which is 0 then), or "similarity"
    for a model's own. seconds: how long a stage of reranking took; None where none changed the answers. recall: the
    share of the best entries that such searches find, measured on the collection, where an approximate index answered;
    None where the answer is exact.
    """

    def __init__(
        self,
        hits: Iterable[Hit] = (),
        *,
        chance: float | None = None,
        mean: float = 0.0,
        unit: str = "cosine",
        seconds: float | None = None,
        recall: float | None = None,
    ) -> None:
        super().__init__(hits)
        self.chance, self.mean, self.unit, self.seconds = chance, mean, unit, seconds
        self.recall = recall

    @property
    def doubtful(self) -> bool:
        """Return True if no answer stands out: probably nothing matches, or else nearly everything does."""
        return self.chance is not None and self.chance > DOUBTFUL


def hit(rank: int, entry: Entry, score: float, duplicates: Iterable[str], why: Mapping[str, Any] | None = None) -> Hit:
    """Build a hit from an entry of the store; duplicates: ids of entries."""
    sample = Sample(entry.id, entry.path, entry.caption)
    return Hit(sample, score, tuple(duplicates), rank, flat(entry.metadata), entry.hash.hex(), why or {})


def to_json(hit: Hit) -> dict[str, Any]:
    """Return the record of a hit: the same for `--json`, exports and the service.

    The path stays a path; that of an object is its URL.
    """
    return {
        "rank": hit.rank,
        "id": hit.sample.id,
        "score": hit.score,
        "duplicates": hit.duplicates,
        "path": sources.shown(hit.sample.image) if isinstance(hit.sample.image, Path) else hit.sample.image,
        "caption": hit.sample.text,
        "metadata": hit.metadata,
        **({"why": hit.why} if hit.why else {}),
    }


def flat(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """Merge a file's own metadata into the fields from beside it, which win."""
    embedded = metadata.get(EMBEDDED)
    if not isinstance(embedded, dict):
        return dict(metadata)
    return {**embedded, **{key: value for key, value in metadata.items() if key != EMBEDDED}}
