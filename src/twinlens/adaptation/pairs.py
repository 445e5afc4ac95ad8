"""Queries from captions: a picture that resembles another one, and the other one's caption."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence

import numpy as np

from twinlens.adaptation.embedded_gallery import EmbeddedGallery
from twinlens.core.types import Dataset, Sample
from twinlens.indexes.exact import Exact

ALIKE = 10
"""References drawn from so many of the pictures most similar to the target."""
LOOKED_AT = 40
"""Neighbours among which these are looked for: near-duplicates and pictures of the same caption are none of them."""


def dataset(
    known: EmbeddedGallery,
    ids: Collection[str],
    near: Mapping[str, str],
    groups: Mapping[str, str],
    *,
    each: int,
    seed: int,
) -> Dataset:
    """Build a dataset that asks `each` times for every captioned picture of `ids`, in a gallery without captions.

    A query is the caption of a picture B, and in place of B's own picture, which nobody who searches has, one drawn
    from the ten of `ids` that look most like B, near-duplicates of B and pictures with its caption left out. Right are
    B, its near-duplicates and pictures with its caption (ignoring case); the query's own picture and its
    near-duplicates are ignored. near: id → its near-duplicates' group; groups: id → leak-free group.
    """
    places = sorted(known.at[entry] for entry in ids)
    asked, found = _Asked(known, near, places), dict[str, tuple[Sample, str, frozenset[str], frozenset[str]]]()
    for target, alike in _alike(known, asked, places):
        rng = np.random.default_rng((seed, known.entries[target].row))
        for number, reference in enumerate(rng.permutation(alike)[:each].tolist()):
            query = Sample(f"{asked.ids[target]}-{number}", known.entries[reference].path, asked.captions[target])
            own = asked.same_picture(reference)
            found[query.id] = query, asked.ids[target], asked.same_answer(target) - own, own
    order = np.random.default_rng(seed).permutation(places).tolist()  # ties go to the earlier entry: to none in rule
    return Dataset(
        queries=tuple(query for query, _, _, _ in found.values()),
        gallery=tuple(known.sample(place) for place in order),
        relevant={name: right for name, (_, _, right, _) in found.items()},
        ignore={name: own for name, (_, _, _, own) in found.items()},
        groups={entry: groups[entry] for entry in ids} | {n: groups[target] for n, (_, target, _, _) in found.items()},
    )


class _Asked:
    """The near-duplicates and equal captions among the pictures of a part."""

    def __init__(self, known: EmbeddedGallery, near: Mapping[str, str], places: Sequence[int]) -> None:
        self.ids = {place: str(known.entries[place].row) for place in places}
        self.captions = {place: known.entries[place].caption for place in places if known.captioned[place]}
        self.near = {place: near[entry] for place, entry in self.ids.items()}
        self._pictures, self._captions = defaultdict[str, set[str]](set), defaultdict[str, set[str]](set)
        for place, entry in self.ids.items():
            self._pictures[self.near[place]].add(entry)
            if place in self.captions:
                self._captions[self.captions[place].casefold()].add(entry)

    def same_picture(self, place: int) -> frozenset[str]:
        """Return the ids of a picture and its near-duplicates."""
        return frozenset(self._pictures[self.near[place]])

    def same_answer(self, place: int) -> frozenset[str]:
        """Return the ids of all right answers where a captioned picture is wanted."""
        return self.same_picture(place) | self._captions[self.captions[place].casefold()]

    def may_stand_for(self, place: int, target: int) -> bool:
        """Return True if a picture can be the reference: another picture with another caption or none."""
        return self.near[place] != self.near[target] and self.ids[place] not in self.same_answer(target)


def _alike(known: EmbeddedGallery, asked: _Asked, places: Sequence[int]) -> Iterator[tuple[int, list[int]]]:
    """Yield every captioned picture with possible references, the most similar first."""
    targets = [place for place in places if place in asked.captions]
    if not targets:
        return
    vectors, index = known.pictures, Exact()
    index.fit(vectors[places])
    rows, _ = index.search(vectors[targets], LOOKED_AT + 1)
    for target, neighbours in zip(targets, rows.tolist(), strict=True):
        others = (places[row] for row in neighbours)
        alike = [place for place in others if asked.may_stand_for(place, target)][:ALIKE]
        if alike:
            yield target, alike
