"""The held-out part of a collection: chosen once by a hash of its groups, and kept in whatever comes later."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from twinlens.adaptation.embedded_gallery import EmbeddedGallery

SHARE, LARGEST_SHARE = 0.2, 0.5
"""The share of the groups that is held out; and where they are few, the largest share."""
ENOUGH_GROUPS = 100
"""So many groups are held out, up to the largest share, before a fifth will do."""


@dataclass(frozen=True)
class HeldOut:
    """The two sides of a collection's pictures, by id.

    threshold: a group that stands on no side yet is held out if its rank lies below, unless it is too large.
    """

    threshold: float
    held: frozenset[str] = frozenset()
    trained: frozenset[str] = frozenset()


def group_ranks(known: EmbeddedGallery, groups: Mapping[str, str]) -> dict[str, float]:
    """Rank groups, evenly in [0, 1), by a hash of their content: of the picture whose own hash is the smallest.

    It depends neither on a seed nor on names or row numbers, so that a collection made again has the same ranks.
    """
    hashes: dict[str, list[bytes]] = defaultdict(list)
    for entry, group in groups.items():
        hashes[group].append(known.entries[known.at[entry]].hash)
    return {group: _uniform(min(found)) for group, found in hashes.items()}


def first_threshold(ranks: Mapping[str, float], groups: Mapping[str, str], asked: Collection[str]) -> float:
    """Choose the rank below which groups are held out, among groups with pictures that queries are made of (`asked`).

    A fifth of them; where that is less than 100, up to a half.
    """
    candidates = sorted(ranks[group] for group in {groups[entry] for entry in asked})
    count = max(SHARE * len(candidates), min(LARGEST_SHARE * len(candidates), ENOUGH_GROUPS))
    return candidates[round(count)] if candidates else 0.0


def extend(past: HeldOut, ranks: Mapping[str, float], groups: Mapping[str, str]) -> HeldOut:
    """Give every picture a side: a group keeps that of its pictures; new groups have theirs by rank.

    A group with pictures of both sides, which new pictures have joined, is trained on. So is a new one with more than a
    fifth of all pictures.
    """
    sizes = Counter(groups.values())
    trained = {groups[entry] for entry in past.trained if entry in groups}
    held = {groups[entry] for entry in past.held if entry in groups} - trained
    for group in sizes.keys() - trained - held:
        if ranks[group] < past.threshold and sizes[group] <= max(1, SHARE * len(groups)):
            held.add(group)
    sides = defaultdict[bool, set[str]](set)
    for entry, group in groups.items():
        sides[group in held].add(entry)
    return HeldOut(past.threshold, frozenset(sides[True]), frozenset(sides[False]))


def _uniform(content: bytes) -> float:
    return int.from_bytes(hashlib.blake2b(content, digest_size=8).digest(), "big") / 2**64
