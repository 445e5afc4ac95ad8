"""Training, validation and test sets over the parts of a collection."""

from __future__ import annotations

import functools
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from twinlens.adaptation import pairs, triplets
from twinlens.adaptation.embedded_gallery import EmbeddedGallery
from twinlens.adaptation.parts import grouped, near_duplicates
from twinlens.adaptation.triplets import Triplet
from twinlens.core import suggestions
from twinlens.core.types import Dataset, TwinlensError

CAPTIONS, TRIPLETS, EVERYTHING = "captions", "triplets", "both"
SOURCES = (CAPTIONS, TRIPLETS, EVERYTHING)
EACH = 4
"""Queries made of each caption to learn from, with another picture each."""


@dataclass(frozen=True)
class Task:
    """A collection's captions and a user's triplets, with the groups of its pictures.

    source: of training queries. Measured are the triplets, where there are some, else queries made of captions.
    """

    known: EmbeddedGallery
    triplets: tuple[Triplet, ...]
    source: str
    near: Mapping[str, str]
    groups: Mapping[str, str]

    @classmethod
    def of(cls, known: EmbeddedGallery, table: Path | None, *, by: str, source: str | None) -> Task:
        """Choose the source of training queries. Raises TwinlensError if there is none, and for a wrong table."""
        source = source or (TRIPLETS if table else CAPTIONS)
        if source not in SOURCES:
            raise TwinlensError(suggestions.unknown("source", source, SOURCES))
        if source != CAPTIONS and table is None:
            raise TwinlensError(f"learning from {source} needs a table of triplets: --triplets FILE")
        if (source != TRIPLETS or table is None) and not known.captioned.any():
            raise TwinlensError(
                "no picture of the collection has a caption; add captions and index again, or give --triplets FILE"
            )
        told = tuple(triplets.read(table, known)) if table else ()
        near = near_duplicates(known)
        return cls(known, told, source, near, grouped(known, near, by, [triplet.ids for triplet in told]))

    @property
    def measured(self) -> str:
        """Return the kind of example that is measured: triplets where there are some, else captions."""
        return TRIPLETS if self.triplets else CAPTIONS

    @property
    def asked(self) -> frozenset[str]:
        """Return the ids of the pictures that queries are made of: with a caption, or references of triplets."""
        if self.triplets:
            return frozenset(triplet.reference for triplet in self.triplets)
        return frozenset(entry for entry, place in self.known.at.items() if self.known.captioned[place])

    @property
    def texts(self) -> list[str]:
        """Return the texts of the triplets."""
        return [triplet.text for triplet in self.triplets]

    def training_set(self, ids: Collection[str], seed: int) -> Dataset:
        """Build the training set of some pictures; the gallery has no captions."""
        parts = []
        if self.source != TRIPLETS:
            parts.append(pairs.dataset(self.known, ids, self.near, self.groups, each=EACH, seed=seed))
        if self.source != CAPTIONS:
            parts.append(self._triplets(ids, seed, captioned=False))
        return functools.reduce(_joined, parts)

    def validation_set(self, ids: Collection[str], seed: int) -> Dataset:
        """Build the validation set: as the test set, but for the trained fusion alone, so without captions."""
        return self._triplets(ids, seed, captioned=False) if self.triplets else self._pairs(ids, seed)

    def test_set(self, ids: Collection[str], seed: int) -> Dataset:
        """Build the test set: triplets in the gallery as it is searched, or captions in a gallery without them."""
        return self._triplets(ids, seed, captioned=True) if self.triplets else self._pairs(ids, seed)

    def _pairs(self, ids: Collection[str], seed: int) -> Dataset:
        return pairs.dataset(self.known, ids, self.near, self.groups, each=1, seed=seed)

    def _triplets(self, ids: Collection[str], seed: int, *, captioned: bool) -> Dataset:
        return triplets.dataset(self.known, self.triplets, ids, self.groups, seed=seed, captioned=captioned)


def _joined(one: Dataset, other: Dataset) -> Dataset:
    """Join the queries of two datasets over the same gallery."""
    return replace(
        one,
        queries=(*one.queries, *other.queries),
        relevant={**one.relevant, **other.relevant},
        ignore={**one.ignore, **other.ignore},
        groups={**one.groups, **other.groups},
    )
