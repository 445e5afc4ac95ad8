"""Splits of a dataset into training and test parts, and measurement of the leak between them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Hashable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from twinlens.core.components import Components
from twinlens.core.types import Dataset, Sample, TwinlensError

TEST_SHARE = 0.2
"""The part that is tested: the paper's 80/20 split."""


class Split(NamedTuple):
    """Ids of gallery entries on the two sides, both in the gallery's order."""

    train: tuple[str, ...]
    test: tuple[str, ...]


class Labels(NamedTuple):
    """Sentence and items of each sample, as integers (N,)."""

    sentences: NDArray[np.int64]
    items: NDArray[np.int64]


def connect(keys: Mapping[str, Iterable[Hashable]]) -> dict[str, str]:
    """Group entries that share a key, directly or through others: the connected components of entries and keys.

    `keys` maps an entry's id to its keys (a scene, a sentence …; tag them, such as ("scene", …), when kinds could
    clash). The result maps every id to its group, named after the group's first id; an entry without keys is alone.
    """
    columns: dict[Hashable, int] = {}
    links = [(row, columns.setdefault(key, len(columns))) for row, of in enumerate(keys.values()) for key in of]
    components = Components(len(keys) + len(columns))
    for row, column in links:
        components.join(row, len(keys) + column)
    names: dict[int, str] = {}
    return {entry: names.setdefault(components.root(row), entry) for row, entry in enumerate(keys)}


def split_groups(groups: Mapping[str, str], share: float, seed: int) -> frozenset[str]:
    """Draw the groups to hold out, so that they hold about `share` of the entries (`groups`: id → group).

    Groups are taken in a random order while they fit into the share; a group larger than what is left stays on the
    other side. Where none fits, the smallest is held out. Raises TwinlensError for fewer than two groups.
    """
    sizes = Counter(groups.values())
    if len(sizes) < 2:
        raise TwinlensError(
            f"a leak-free split needs at least two groups of entries that share nothing; there are {len(sizes)}"
        )
    names = sorted(sizes)
    room = share * len(groups)
    held: set[str] = set()
    for name in np.random.default_rng(seed).permutation(names).tolist():
        if sizes[name] <= room:
            held.add(name)
            room -= sizes[name]
    return frozenset(held or {min(names, key=sizes.__getitem__)})


def hold_out(dataset: Dataset, share: float, seed: int) -> tuple[Dataset, Dataset]:
    """Split into (train, validation) by groups: no group stands on both sides.

    A query without a group is a group of its own; a gallery entry without one stands on both sides. A query whose
    relevant entries are all on the other side is left out. Raises TwinlensError when a side is left without queries.
    """
    groups = {query.id: query.id for query in dataset.queries} | dict(dataset.groups)
    held = split_groups(groups, share, seed)
    free = {entry.id for entry in dataset.gallery if entry.id not in groups}
    sides = [{entry for entry, group in groups.items() if (group in held) is inside} | free for inside in (False, True)]
    train, validation = (restrict(dataset, side) for side in sides)
    if not train.queries or not validation.queries:
        raise TwinlensError(
            "too few queries with an answer on their own side of the split; choose another share or seed"
        )
    return train, validation


def restrict(dataset: Dataset, ids: Collection[str]) -> Dataset:
    """Restrict a dataset to the queries and gallery entries among `ids`, with its relations.

    Queries that had relevant entries and keep none are left out.
    """
    kept = frozenset(ids)
    gallery = tuple(entry for entry in dataset.gallery if entry.id in kept)
    inside = frozenset(entry.id for entry in gallery)

    def answerable(query: Sample) -> bool:
        wanted = dataset.relevant.get(query.id)
        return not wanted or not wanted.isdisjoint(inside)

    queries = tuple(query for query in dataset.queries if query.id in kept and answerable(query))

    def within(sets: Mapping[str, frozenset[str]]) -> dict[str, frozenset[str]]:
        return {query.id: sets[query.id] & inside for query in queries if query.id in sets}

    return replace(
        dataset,
        queries=queries,
        gallery=gallery,
        relevant=within(dataset.relevant),
        ignore=within(dataset.ignore),
        rejected=within(dataset.rejected),
        groups={entry: group for entry, group in dataset.groups.items() if entry in kept},
        siblings={entry: key for entry, key in dataset.siblings.items() if entry in kept},
    )


def random_split(dataset: Dataset, seed: int, share: float = TEST_SHARE) -> Split:
    """Split pictures at random, as the paper did: siblings of a test picture stay in train, see `measure_leak`."""
    ids = [entry.id for entry in dataset.gallery]
    drawn = np.random.default_rng(seed).permutation(len(ids))[: round(share * len(ids))]
    return _split(dataset, {ids[row] for row in drawn})


def leak_free_split(dataset: Dataset, seed: int, share: float = TEST_SHARE) -> Split:
    """Split whole groups at random. Raises TwinlensError for fewer than two groups."""
    groups = {entry.id: dataset.groups.get(entry.id, entry.id) for entry in dataset.gallery}
    held = split_groups(groups, share, seed)
    return _split(dataset, {entry for entry, group in groups.items() if group in held})


def measure_leak(dataset: Dataset, train_ids: Collection[str], test_ids: Collection[str]) -> dict[str, float]:
    """Measure the share of test entries of which the train part holds …

    sibling: another picture of the same items; sentence: the same sentence, ignoring case; group: an entry of the same
    leak-free group.
    """
    train, test = frozenset(train_ids), list(test_ids)
    texts = {entry.id: entry.text.casefold() for entry in dataset.gallery if entry.text}
    known_texts = {texts[entry] for entry in train if entry in texts}
    known_groups = {dataset.groups[entry] for entry in train if entry in dataset.groups}
    known_items = Counter(dataset.siblings[entry] for entry in train if entry in dataset.siblings)
    return {
        "sibling": _share(known_items[dataset.siblings.get(entry, "")] > (entry in train) for entry in test),
        "sentence": _share(texts.get(entry) in known_texts for entry in test),
        "group": _share(dataset.groups.get(entry) in known_groups for entry in test),
    }


def labels(dataset: Dataset, samples: Sequence[Sample]) -> Labels:
    """Number the sentence (ignoring case) and the items (`Dataset.siblings`, else the sample's own) of each sample."""
    sentences: dict[str, int] = {}
    items: dict[tuple[bool, str], int] = {}
    codes = [
        (
            sentences.setdefault(sample.text.casefold(), len(sentences)),
            items.setdefault((sample.id in dataset.siblings, dataset.siblings.get(sample.id, sample.id)), len(items)),
        )
        for sample in samples
    ]
    both = np.array(codes, dtype=np.int64).reshape(-1, 2)
    return Labels(both[:, 0], both[:, 1])


def _split(dataset: Dataset, test: Collection[str]) -> Split:
    ids = [entry.id for entry in dataset.gallery]
    return Split(tuple(i for i in ids if i not in test), tuple(i for i in ids if i in test))


def _share(found: Iterable[bool]) -> float:
    flags = list(found)
    return sum(flags) / len(flags) if flags else 0.0
