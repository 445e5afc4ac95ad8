"""Scores on one scale: how many standard deviations an entry lies above a collection's average, for each lens alone.

Cosines of two pictures, of two sentences, and of a sentence with a picture have means and spreads of their own; added
as they are, the widest would decide. Standardised for the query at hand over a sample of the collection, they can be
added and weighed. Standardising is affine, so that a composed query stays one vector and a search one matrix product.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float32]
Direction = NDArray[np.float64]

BOTH = "both"
"""The side of a channel that asks only for queries with a picture and a text."""
FLOOR = 0.01
"""The least spread of cosines that counts: where all entries are alike, what tells them apart is rounding."""


@dataclass(frozen=True)
class Channel:
    """One way to compare a query with an entry: the inner product of a block of the one and a block of the other.

    side: which side of the query asks, "image", "text" or `BOTH`. query, entry: where these blocks lie in the query's
    and in the entry's vector; both are of one length, or zero where there is nothing. missing: the coordinate that is
    above 0 in just the entries without such a block. weight: how much it counts beside the others of its side; of both
    sides: beside either.
    """

    side: str
    query: slice
    entry: slice
    missing: int
    weight: float = 1.0

    @classmethod
    def from_json(cls, said: Sequence[Any]) -> Channel:
        """From JSON that `to_json` gave."""
        side, first, last, low, high, missing, weight = said
        return cls(side, slice(first, last), slice(low, high), missing, weight)

    def to_json(self) -> list[Any]:
        """For JSON."""
        blocks = (self.query.start, self.query.stop, self.entry.start, self.entry.stop)
        return [self.side, *blocks, self.missing, self.weight]


@dataclass(frozen=True)
class Calibration:
    """A sample of a collection's vectors (S, D), the first `everyone` of them drawn regardless of what they lack.

    channels: how the model's vectors are compared; none: whole, by their cosine.
    """

    channels: Sequence[Channel]
    sample: Vectors
    everyone: int

    def direction(self, vector: Vectors) -> Direction | None:
        """What to search for (D,), given the vector (D,) of a query: the standardised scores of its channels, added.

        The inner product of the answer with an entry's vector is, up to a constant, Σ w z / √Σ w² over the channels
        that each side of the query has here, where z is a score in standard deviations above its mean and w the
        channel's weight (of both sides: Σ w z); an entry without the block counts as an average one, z = 0. None where
        nothing in the sample can be compared.
        """
        if not self.channels or not len(self.sample):
            whole = vector.astype(np.float64)
            return whole / max(self.spread(whole)[1], FLOOR)
        found = [(channel, self._of_channel(channel, vector)) for channel in self.channels]
        parts = [(channel, direction) for channel, direction in found if direction is not None]
        total: dict[str, float] = {}
        for channel, _ in parts:
            total[channel.side] = total.get(channel.side, 0.0) + channel.weight**2
        total[BOTH] = 1.0
        weighed = [channel.weight / np.sqrt(total[channel.side]) * direction for channel, direction in parts]
        return np.asarray(np.sum(weighed, axis=0)) if weighed else None

    def unanswered(self, vector: Vectors) -> list[str]:
        """The sides that a query's vector (D,) has, but no entry of the sample has a block for."""
        asking = [channel for channel in self.channels if len(self.sample) and vector[channel.query].any()]
        answered = {channel.side for channel in asking if (self.sample[:, channel.missing] == 0).any()}
        return [] if BOTH in answered else sorted({channel.side for channel in asking} - answered)

    def spread(self, direction: Direction) -> tuple[float, float]:
        """Mean and standard deviation of a direction's (D,) scores over the sample; (0, 0) of an empty one."""
        if not len(self.sample):
            return 0.0, 0.0
        scores = self.scores(direction)
        return float(scores.mean()), float(scores.std())

    def scores(self, direction: Direction) -> Direction:
        """Inner products (S',) of a direction (D,) with the entries drawn regardless of what they lack."""
        return np.asarray(self.sample[: self.everyone] @ direction.astype(np.float32), dtype=np.float64)

    def _of_channel(self, channel: Channel, vector: Vectors) -> Direction | None:
        asked = vector[channel.query]
        there = self.sample[:, channel.missing] == 0
        if not asked.any() or not there.any():
            return None
        scores = (self.sample[:, channel.entry] @ asked)[there].astype(np.float64)
        mean, deviation = float(scores.mean()), max(float(scores.std()), FLOOR * float(asked @ asked))
        found = np.zeros(self.sample.shape[1])
        found[channel.entry] = asked / deviation
        flags = self.sample[~there, channel.missing]
        if len(flags):  # an entry without the block then has the average score
            found[channel.missing] = mean / deviation / float(flags[0])
        return found


def asking(channels: Sequence[Channel], entries: Vectors) -> Vectors:
    """Vectors (N, D) of entries as queries for what is like them: a caption is not to change its picture."""
    queries = entries.copy()
    for channel in channels:
        if channel.side == BOTH:
            queries[:, channel.query] = 0
    return queries


def calibrated(channels: Sequence[Channel], queries: Vectors, gallery: Vectors) -> NDArray[np.float32]:
    """Scores (Q, N) of every query (Q, D) with every entry (N, D), the gallery being its own sample."""
    calibration = Calibration(channels, gallery, len(gallery))
    return np.stack([_scores(calibration, query) for query in queries]).astype(np.float32)


def _scores(calibration: Calibration, query: Vectors) -> Direction:
    direction = calibration.direction(query)
    return np.zeros(len(calibration.sample)) if direction is None else centred(calibration.scores(direction))


def centred(scores: Direction) -> Direction:
    """The scores (N,) less their mean."""
    return np.asarray(scores - scores.mean())


def lowest_by_hash(rows: NDArray[np.int64], count: int) -> NDArray[np.intp]:
    """Where `count` of the rows (N,) stand that a fixed hash puts first: adding a row changes at most one of them."""
    mixed = (rows.astype(np.uint64) + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
    mixed ^= mixed >> np.uint64(31)
    mixed *= np.uint64(0xBF58476D1CE4E5B9)
    # Hashes spread evenly: a limit that some more than `count` keep spares ordering the others.
    limit = min(1.0, (1.2 * count + 100) / max(1, len(rows)))
    few = np.flatnonzero(mixed <= np.uint64(limit * (2**64 - 2**12)))
    chosen = few if len(few) >= count else np.arange(len(rows))
    return chosen[np.argsort(mixed[chosen], kind="stable")][:count]
