"""A user's own triplets: a reference picture, a text, and the target pictures."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from twinlens.adaptation.embedded_gallery import EmbeddedGallery
from twinlens.core.types import Dataset, Sample, TwinlensError
from twinlens.media.captions import records, tables

COLUMNS = ("reference", "text", "target")


class Triplet(NamedTuple):
    """The ids of a reference and of its targets, and the text."""

    reference: str
    text: str
    targets: frozenset[str]

    @property
    def ids(self) -> tuple[str, ...]:
        """Return the ids that a split must keep together."""
        return (self.reference, *sorted(self.targets))


def read(path: Path, known: EmbeddedGallery) -> list[Triplet]:
    """Read a table (CSV, TSV, JSON lines or Parquet) with the columns reference, text and target.

    Pictures are ids or paths in the collection, relative ones to the table or to the current folder. Rows with the same
    reference and text are one triplet with several targets. Raises TwinlensError that names the row: a column or a
    value that is missing, a picture that the collection does not have.
    """
    places, right = _Places(known, path), defaultdict[tuple[str, str], set[str]](set)
    for number, row in enumerate(tables.records(path), 1):
        reference, text, target = _values(path, number, row)
        one, other = (places.id_of(value, number) for value in (reference, target))
        if one == other:
            raise TwinlensError(f"{path}, row {number}: the target is the reference itself")
        right[one, records.clean(text)].add(other)
    if not right:
        raise TwinlensError(f"{path} has no triplets; it needs rows with {', '.join(COLUMNS)}")
    return [Triplet(reference, text, frozenset(targets)) for (reference, text), targets in right.items()]


def dataset(
    known: EmbeddedGallery,
    triplets: Sequence[Triplet],
    ids: Collection[str],
    groups: Mapping[str, str],
    *,
    seed: int,
    captioned: bool,
) -> Dataset:
    """Build a dataset of triplets whose reference and a target are among `ids`; the reference is ignored.

    captioned: the gallery has its captions, as a search finds it; without, a caption cannot stand in for the picture.
    """
    inside = [(n, t) for n, t in enumerate(triplets) if t.reference in ids and not t.targets.isdisjoint(ids)]
    queries = tuple(Sample(f"triplet-{n}", known.entries[known.at[t.reference]].path, t.text) for n, t in inside)
    order = np.random.default_rng(seed).permutation(sorted(known.at[entry] for entry in ids)).tolist()
    return Dataset(
        queries=queries,
        gallery=tuple(known.sample(place, captioned=captioned) for place in order),
        relevant={f"triplet-{n}": t.targets & frozenset(ids) for n, t in inside},
        ignore={f"triplet-{n}": frozenset([t.reference]) for n, t in inside},
        groups={entry: groups[entry] for entry in ids} | {f"triplet-{n}": groups[t.reference] for n, t in inside},
    )


class _Places:
    """Finds the id that a cell of the table means."""

    def __init__(self, known: EmbeddedGallery, table: Path) -> None:
        self._ids, self._table = known.at, table
        self._paths = {os.fspath(entry.path): str(entry.row) for entry in known.entries}

    def id_of(self, value: str, number: int) -> str:
        """Find a picture's id by its path or id. Raises TwinlensError where it is not in the collection."""
        for name in self._readings(value):
            if name in self._paths:
                return self._paths[name]
        if value in self._ids:
            return value
        raise TwinlensError(f"{self._table}, row {number}: the collection has no picture {value!r}")

    def _readings(self, value: str) -> Iterator[str]:
        for base in (self._table.resolve().parent, Path.cwd()):
            yield os.path.normpath(base / Path(value).expanduser())
            yield os.path.realpath(base / Path(value).expanduser())


def _values(path: Path, number: int, row: Mapping[str, object]) -> tuple[str, str, str]:
    missing = [column for column in COLUMNS if column not in row]
    if missing:
        raise TwinlensError(
            f"{path} has no column {missing[0]}; it needs {', '.join(COLUMNS)}, it has: {', '.join(row)}"
        )
    reference, text, target = ("" if row[column] is None else str(row[column]).strip() for column in COLUMNS)
    if not (reference and text and target):
        raise TwinlensError(f"{path}, row {number}: a triplet needs a reference, a text and a target")
    return reference, text, target
