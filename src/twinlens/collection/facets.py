"""Facets of a collection: its fields with their commonest values or a histogram, and its folders, for filters."""

from __future__ import annotations

import json
import math
import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from twinlens.collection.search.records import flat
from twinlens.collection.store import Store
from twinlens.media import moments
from twinlens.media.fields import PLACE, RENAMED

MAX_VALUES = 50
"""Values that a facet lists."""
MAX_DISTINCT = 20_000
"""Different values of a field that are counted; of one with more the later ones are left out."""
MAX_TEXT = 200
"""Characters of the longest value that is listed: longer ones are prose, not keywords."""
BARS = 24
"""Bars of a histogram of numbers."""
DATE_BARS = 48
"""The most bars of a histogram of dates before a coarser unit is taken: the months of four years."""
_DATE = re.compile(r"\d{4}-\d\d(-\d\d)?")
_UNITS = (10, 7, 4)
"""Characters of a date in ISO 8601 up to its day, month and year."""


@dataclass(frozen=True)
class Bar:
    """A bar of a histogram: values from `low` to below `high` (the last one: to `high`), and how many."""

    low: str | float
    high: str | float
    count: int


@dataclass(frozen=True)
class Facet:
    """A field: its kind ("text", "number", "date", "list" or "place"), pictures with it, values, histogram."""

    name: str
    kind: str
    count: int
    values: tuple[tuple[str | float, int], ...] = ()
    histogram: tuple[Bar, ...] = ()


@dataclass(frozen=True)
class Facets:
    """The fields of a collection, the most frequent first, and its folders with the number of their pictures."""

    fields: tuple[Facet, ...]
    folders: tuple[tuple[Path, int], ...]


@dataclass
class _Field:
    """The values of a field while they are counted, by their kinds."""

    count: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    values: Counter[str | float] = field(default_factory=Counter)

    def add(self, value: Any) -> None:
        self.count += 1
        self.kinds[_kind(value)] += 1
        for one in value if isinstance(value, list) else [value]:
            if isinstance(one, bool):
                one = "true" if one else "false"
            is_known = isinstance(one, str | int | float) and (one in self.values or len(self.values) < MAX_DISTINCT)
            if is_known and (isinstance(one, str) or math.isfinite(one)):
                self.values[one] += 1


def facets(store: Store) -> Facets:
    """Count the fields and the folders of all pictures of a collection."""
    found, folders = dict[str, _Field](), Counter[Path]()
    for path, metadata in store.ask("SELECT path, metadata FROM entry WHERE failure IS NULL"):
        folders[moments.file_of(Path(os.fsdecode(path))).parent] += 1
        for name, value in flat(json.loads(metadata)).items():
            if value is not None and name not in RENAMED:
                found.setdefault(name, _Field()).add(value)
    ordered = sorted(found.items(), key=lambda item: (-item[1].count, item[0]))
    facets = [_facet(name, counted) for name, counted in ordered if counted.values]
    return Facets(tuple(facets), tuple(sorted(folders.items())))


def _kind(value: Any) -> str:
    if isinstance(value, list):
        return "list"
    if isinstance(value, int | float) and not isinstance(value, bool):
        return "number"
    return "date" if isinstance(value, str) and _DATE.match(value) else "text"


def _facet(name: str, counted: _Field) -> Facet:
    (kind, _) = counted.kinds.most_common(1)[0]
    values = [(value, count) for value, count in counted.values.most_common() if len(str(value)) <= MAX_TEXT]
    histogram: Sequence[Bar] = ()
    if kind == "date":
        histogram = _dates([(value, count) for value, count in values if isinstance(value, str)])
    elif kind == "number":
        histogram = _numbers({value: count for value, count in values if not isinstance(value, str)})
    listed = () if kind == "date" else tuple(values[:MAX_VALUES])
    return Facet(name, "place" if name == PLACE else kind, counted.count, listed, tuple(histogram))


def _numbers(counts: Mapping[float, int]) -> list[Bar]:
    """Count numbers in bars of equal width."""
    low, high = min(counts), max(counts)
    if low == high:
        return [Bar(low, high, sum(counts.values()))]
    width, bars = (high - low) / BARS, [0] * BARS
    for value, count in counts.items():
        bars[min(int((value - low) / width), BARS - 1)] += count
    return [Bar(low + n * width, low + (n + 1) * width, count) for n, count in enumerate(bars)]


def _dates(values: Iterable[tuple[str, int]]) -> list[Bar]:
    """Count dates by day, month or year, in the finest unit with few enough bars; empty ones in between are shown."""
    dated = [(value, count) for value, count in values if _DATE.match(value)]
    shortest = min(len(value[:10]) for value, _ in dated)
    for length in _UNITS:
        counts = Counter[str]()
        for value, count in dated:
            counts[value[:length]] += count
        bars = [Bar(unit, after(unit), counts[unit]) for unit in _between(min(counts), max(counts), length)]
        if length == _UNITS[-1] or (len(bars) <= DATE_BARS and length <= shortest):
            return bars
    return []


def _between(first: str, last: str, length: int) -> Iterator[str]:
    """Yield the units of time from one to another; no more than a histogram can have by far."""
    unit = first
    for _ in range(400 if length < _UNITS[0] else 2 * DATE_BARS):
        yield unit
        if unit >= last:
            return
        unit = after(unit)


def after(unit: str) -> str:
    """Return the day, month or year after one: 2020-02-29 → 2020-03-01; a day that is none → the next month's first."""
    year, month, day = (int(part) for part in (*unit.split("-"), "0", "0")[:3])
    if len(unit) == _UNITS[2]:
        return f"{year + 1:04}"
    if len(unit) == _UNITS[0] and day < _days(year, month):
        return f"{year:04}-{month:02}-{day + 1:02}"
    year, month = (year + 1, 1) if month >= 12 else (year, month + 1)
    return f"{year:04}-{month:02}" + ("-01" if len(unit) == _UNITS[0] else "")


def _days(year: int, month: int) -> int:
    if month == 2:
        return 29 if year % 4 == 0 and (year % 100 != 0 or year % 400 == 0) else 28
    return 30 if month in (4, 6, 9, 11) else 31
