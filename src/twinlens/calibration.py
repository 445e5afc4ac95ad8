"""Similarity scores on one scale: standard deviations above the mean of a collection, for each channel on its own.

Cosines of two pictures, of two sentences and of a sentence with a picture have different means and spreads; added as
they are, the widest spread would decide. Once standardised for the query over a sample of the collection, they can be
added and weighted. Standardising is affine: a composed query stays one vector and a search one matrix product.
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
"""The side of a channel that counts only for queries with a picture and a text."""
FLOOR = 0.01
"""The least standard deviation of cosines that is divided by: below it, differences are rounding errors."""

HASHED_AT_ONCE = 32_768
"""Rows; their hashes stay in the processor's cache."""


@dataclass(frozen=True)
class Channel:
    """One comparison of a query with an entry: the inner product of a block of each vector.

    side: the side of the query that is compared: "image", "text" or `BOTH`. query, entry: the blocks, as slices of the
    query's and of the entry's vector, of equal length; a missing block is all zeros. missing: the coordinate of an
    entry's vector that is above 0 exactly where its block is missing. weight: the channel's share beside others of its
    side; for `BOTH`, its share beside either side.
    """

    side: str
    query: slice
    entry: slice
    missing: int
    weight: float = 1.0

    @classmethod
    def from_json(cls, fields: Sequence[Any]) -> Channel:
        """Read the list that `to_json` returns."""
        side, query_start, query_stop, entry_start, entry_stop, missing, weight = fields
        return cls(side, slice(query_start, query_stop), slice(entry_start, entry_stop), missing, weight)

    def to_json(self) -> list[Any]:
        """Return the channel as a list of plain values: side, query block, entry block, missing, weight."""
        blocks = (self.query.start, self.query.stop, self.entry.start, self.entry.stop)
        return [self.side, *blocks, self.missing, self.weight]


@dataclass(frozen=True)
class Calibration:
    """A sample (S, D) of a collection's vectors, over which scores are standardised.

    channels: the comparisons of the model; without any, vectors are compared whole, by their cosine. uniform: the
    first so many rows are a uniform draw; the rows after them are drawn from entries that have a rare block.
    """

    channels: Sequence[Channel]
    sample: Vectors
    uniform: int

    def direction(self, vector: Vectors) -> Direction | None:
        """Turn a query's vector (D,) into the direction (D,) to search along: its standardised channels, added.

        The inner product of the direction with an entry's vector is, up to a constant, Σ w z / √Σ w² over the channels
        of each side that the query has here, where z is a score in standard deviations above its mean and w the
        channel's weight (of `BOTH`: Σ w z). An entry without the block counts as an average one, z = 0. Returns None
        when no entry of the sample can be compared with the query.
        """
        if not self.channels or not len(self.sample):
            whole = vector.astype(np.float64)
            return whole / max(self.spread(whole)[1], FLOOR)
        directions = [(channel, self._of_channel(channel, vector)) for channel in self.channels]
        usable = [(channel, direction) for channel, direction in directions if direction is not None]
        if not usable:
            return None
        squares: dict[str, float] = {}
        for channel, _ in usable:
            squares[channel.side] = squares.get(channel.side, 0.0) + channel.weight**2
        squares[BOTH] = 1.0
        weighted = [channel.weight / np.sqrt(squares[channel.side]) * direction for channel, direction in usable]
        return np.asarray(np.sum(weighted, axis=0))

    def unanswered(self, vector: Vectors) -> list[str]:
        """List the sides of a query's vector (D,) for which no entry of the sample has a block."""
        present = [channel for channel in self.channels if len(self.sample) and vector[channel.query].any()]
        answered = {channel.side for channel in present if (self.sample[:, channel.missing] == 0).any()}
        return [] if BOTH in answered else sorted({channel.side for channel in present} - answered)

    def spread(self, direction: Direction) -> tuple[float, float]:
        """Return mean and standard deviation of a direction's (D,) scores over the sample; (0, 0) if it is empty."""
        if not len(self.sample):
            return 0.0, 0.0
        scores = self.scores(direction)
        return float(scores.mean()), float(scores.std())

    def scores(self, direction: Direction) -> Direction:
        """Return the inner products of a direction (D,) with the uniformly drawn entries (uniform,)."""
        return np.asarray(self.sample[: self.uniform] @ direction.astype(np.float32), dtype=np.float64)

    def _of_channel(self, channel: Channel, vector: Vectors) -> Direction | None:
        """Return the direction (D,) of one channel: its block divided by the standard deviation of its scores."""
        block = vector[channel.query]
        present = self.sample[:, channel.missing] == 0
        if not block.any() or not present.any():
            return None
        scores = (self.sample[:, channel.entry] @ block)[present].astype(np.float64)
        mean, deviation = float(scores.mean()), max(float(scores.std()), FLOOR * float(block @ block))
        direction = np.zeros(self.sample.shape[1])
        direction[channel.entry] = block / deviation
        flags = self.sample[~present, channel.missing]
        if len(flags):
            # Give an entry without the block the average score.
            direction[channel.missing] = mean / deviation / float(flags[0])
        return direction


def as_queries(channels: Sequence[Channel], entries: Vectors) -> Vectors:
    """Return entries' vectors (N, D) as queries for similar entries, without the blocks of `BOTH`.

    An entry's caption describes its picture; composed with it, it would be read as a change of the picture.
    """
    queries = entries.copy()
    for channel in channels:
        if channel.side == BOTH:
            queries[:, channel.query] = 0
    return queries


def standardised_scores(channels: Sequence[Channel], queries: Vectors, gallery: Vectors) -> NDArray[np.float32]:
    """Score queries (Q, D) against a gallery (N, D), standardised over the gallery itself: (Q, N)."""
    calibration = Calibration(channels, gallery, len(gallery))
    rows = np.zeros((len(queries), len(gallery)), dtype=np.float32)
    for row, query in zip(rows, queries, strict=True):
        direction = calibration.direction(query)
        if direction is not None:
            scores = calibration.scores(direction)
            row[:] = scores - scores.mean()
    return rows


def lowest_by_hash(rows: NDArray[np.int64], count: int) -> NDArray[np.intp]:
    """Return the positions of the `count` rows (N,) with the lowest hash: one more row changes at most one of them."""
    # Hashes spread evenly: a limit that some more than `count` keep spares ordering the others.
    limit = np.uint32(min(1.0, (1.2 * count + 100) / max(1, len(rows))) * (2**32 - 1))
    starts = range(0, len(rows), HASHED_AT_ONCE)
    below = [start + np.flatnonzero(_hashes(rows[start : start + HASHED_AT_ONCE]) <= limit) for start in starts]
    few = np.concatenate(below) if below else np.empty(0, dtype=np.intp)
    chosen = few if len(few) >= count else np.arange(len(rows))
    return chosen[np.argsort(_hashes(rows[chosen]), kind="stable")][:count]


def _hashes(rows: NDArray[np.int64]) -> NDArray[np.uint32]:
    """Mix the last 32 bits of rows (N,) to numbers that spread evenly over 32 bits: the finaliser of MurmurHash3."""
    mixed = rows.astype(np.uint32)
    mixed ^= mixed >> np.uint32(16)
    mixed *= np.uint32(0x85EBCA6B)
    mixed ^= mixed >> np.uint32(13)
    mixed *= np.uint32(0xC2B2AE35)
    mixed ^= mixed >> np.uint32(16)
    return mixed
