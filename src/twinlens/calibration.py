"""Similarity scores on one scale: standard deviations above the mean of a collection, for each channel on its own.

Cosines of two pictures, of two sentences and of a sentence with a picture have different means and spreads; added as
they are, the widest spread would decide. Once standardised for the query over a sample of the collection, they can be
added and weighted. Standardising is affine: a composed query stays one vector for all entries that have the same
blocks, and a search one product with a small matrix.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float32]
Direction = NDArray[np.float64]
Directions = NDArray[np.float64]
"""(P, D + 1): for entries of each pattern the direction of the score, and what is added to it."""

BOTH = "both"
"""The side of a channel that counts only for queries with a picture and a text."""
FLOOR = 0.01
"""The least standard deviation of cosines that is divided by: below it, differences are rounding errors."""

NAMED_WEIGHT = 0.25
"""Weight of the comparison of a text with a picture's named classes; that of a text with captions is 1."""
MIN_CAPTIONS = 256
"""Captions below which the spread of a query's scores with them is not taken from these alone."""
REFERENCE_MEAN = 1.0
"""Captions that the mean over the reference counts as: few, since captions of one kind are nearer to any query, or
farther from it, than other sentences by as much as they deviate. Its variance counts as one for each sentence."""
CAPTION_TAIL = 1.4
"""Reach of high scores of a sentence with captions above their mean, as a multiple of that of normal scores.

Measured by matching the frequencies of high scores, 1e-1 to 1e-4, on clip art with titles (docs/methods.md).
"""
SAME_WORDS = 0.9995
"""Cosine of two sentences from which they are the same but for capitals, spaces, and rounding."""
REPEATING = 30.0
"""Length of the words in a query for entries that repeat them, beside a unit query that orders these."""
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

    @property
    def compares_words(self) -> bool:
        """Return True if a sentence is compared with captions: with the same block of the other vector."""
        return self.side == "text" and self.query == self.entry

    @property
    def tail(self) -> float:
        """Return how far high scores reach above the mean, as a multiple of how far normal ones do."""
        return CAPTION_TAIL if self.compares_words else 1.0

    @classmethod
    def from_json(cls, fields: Sequence[Any]) -> Channel:
        """Read the list that `to_json` returns."""
        side, query_start, query_stop, entry_start, entry_stop, missing, weight = fields
        return cls(side, slice(query_start, query_stop), slice(entry_start, entry_stop), missing, weight)

    def to_json(self) -> list[Any]:
        """Return the channel as a list of plain values: side, query block, entry block, missing, weight."""
        blocks = (self.query.start, self.query.stop, self.entry.start, self.entry.stop)
        return [self.side, *blocks, self.missing, self.weight]


def channels_of_sides(image_dim: int, text_dim: int, *, shared: bool = False, named: int = 0) -> tuple[Channel, ...]:
    """Return the channels of vectors [picture; text; a; b]: pictures with pictures, texts with what is in their space.

    a, b: above 0 where the picture or the text is missing. shared, named: as in fusion `calibrated`.
    """
    width, no_image, no_text = image_dim, image_dim + text_dim, image_dim + text_dim + 1
    image, names, text = slice(0, width - named), slice(width - named, width), slice(width, width + text_dim)
    crossed = [Channel("text", text, image, no_image)] if shared else []
    crossed += [Channel("text", text, names, no_image, NAMED_WEIGHT)] if named else []
    return Channel("image", image, image, no_image), *crossed, Channel("text", text, text, no_text)


@dataclass(frozen=True)
class Calibration:
    """A sample (S, D) of a collection's vectors, over which scores are standardised.

    channels: the comparisons of the model; without any, vectors are compared whole, by their cosine. uniform: the
    first so many rows are a uniform draw; the rows after them are drawn from entries that have a rare block.
    reference: vectors (R, D) of entries with a sentence alone, for where captions are few. unset: flags of no entry.
    """

    channels: Sequence[Channel]
    sample: Vectors
    uniform: int
    reference: Vectors | None = None
    unset: frozenset[int] = frozenset()

    @cached_property
    def flags(self) -> list[int]:
        """Return the coordinates that mark blocks which an entry may have or lack, ascending.

        A picture's is among them only where the sample shows both: every entry of a collection has one.
        """
        pictures = {channel.missing for channel in self.channels if channel.side == "image"}
        lacking = {channel.missing: self.sample[:, channel.missing] > 0 for channel in self.channels}
        known = (flag for flag, lacks in lacking.items() if not lacks.all() and (flag not in pictures or lacks.any()))
        return sorted(set(known) - self.unset)

    def patterns(self, vectors: Vectors) -> NDArray[np.int64]:
        """Number the blocks that vectors (N, D) lack as patterns (N,): bit n is set where flag n is, 0 lacks none."""
        return np.asarray((vectors[:, self.flags] > 0) @ (1 << np.arange(len(self.flags))), dtype=np.int64)

    def directions(self, vector: Vectors) -> Directions | None:
        """Turn a query's vector (D,) into the directions (P, D + 1) to search along, one for every pattern.

        The inner product of an entry's vector, followed by 1, with the direction of its pattern is, for each side that
        the query has, r · Σ w z over those channels of the side whose block the entry has: z is the score in standard
        deviations above its mean, w the channel's weight, and r = √Σ(w h)² / (√Σw² · √Σ(w h)²), the first two sums
        over all channels of the side, the last over the entry's own, with h the channel's `tail`. So an entry is scored
        by what it has, and high scores are as frequent among entries of one pattern as of another. A channel of `BOTH`
        adds w z. Returns None when no entry of the sample can be compared with the query.
        """
        parts = [directions for _, directions in self.by_channel(vector)]
        return np.asarray(np.sum(parts, axis=0)) if parts else None

    def by_channel(self, vector: Vectors) -> list[tuple[Channel | None, Directions]]:
        """Return the summands (P, D + 1) of `directions` for a vector (D,), one per channel that can be compared.

        Where vectors are compared whole, the only summand has no channel.
        """
        if not self.channels or not len(self.sample):
            whole = np.append(vector.astype(np.float64), 0)[None]
            return [(None, np.asarray(whole / max(self.spread(whole)[1], FLOOR)))]
        affine = [(channel, self._standardised(channel, vector)) for channel in self.channels]
        usable = [(channel, direction) for channel, direction in affine if direction is not None]
        every = [channel for channel, _ in usable]
        return [
            (channel, np.stack([factor * direction for factor in self._factors(channel, every)]))
            for channel, direction in usable
        ]

    def unanswered(self, vector: Vectors) -> list[str]:
        """List the sides of a query's vector (D,) for which no entry of the sample has a block."""
        present = [channel for channel in self.channels if len(self.sample) and vector[channel.query].any()]
        answered = {channel.side for channel in present if (self.sample[:, channel.missing] == 0).any()}
        return [] if BOTH in answered else sorted({channel.side for channel in present} - answered)

    def has_few_captions(self) -> bool:
        """Return True if the sample has captions, but too few to know the spread of their scores."""
        counts = [np.count_nonzero(self.sample[:, c.missing] == 0) for c in self.channels if c.compares_words]
        return any(0 < count < MIN_CAPTIONS for count in counts)

    def spread(self, directions: Directions) -> tuple[float, float]:
        """Return mean and standard deviation of scores along directions over the sample; (0, 0) if it is empty."""
        if not len(self.sample):
            return 0.0, 0.0
        scores = self.scores(directions, self.sample[: self.uniform])
        return float(scores.mean()), float(scores.std())

    def scores(self, directions: Directions, vectors: Vectors) -> Direction:
        """Return the scores (N,) of vectors (N, D), each along the direction of its pattern."""
        every = vectors @ directions[:, :-1].astype(np.float32).T + directions[:, -1]
        return np.asarray(every[np.arange(len(vectors)), self.patterns(vectors)], dtype=np.float64)

    def separated(self, directions: Directions) -> Vectors:
        """Turn directions (P, D + 1) into unit queries (P', D): the best entries of each are all of one direction.

        Patterns of one direction share a query. To a flag that makes a difference a query adds more than any inner
        product can make up for, or takes as much away.
        """
        numbers = np.arange(len(directions))
        bits = [n for n in range(len(self.flags)) if not np.array_equal(directions, directions[numbers ^ 1 << n])]
        numbers = numbers[[not number & ~sum(1 << n for n in bits) for number in numbers.tolist()]]
        queries = directions[numbers, :-1]
        # A flag's value is at least that of one block among all blocks of a unit vector, one per channel and flag.
        bonus = 2.5 * np.linalg.norm(queries, axis=1).max() * (len(self.channels) + len(self.flags)) ** 0.5
        for n in bits:
            queries[:, self.flags[n]] += np.where(numbers >> n & 1, bonus, -bonus)
        return np.asarray(queries / np.linalg.norm(queries, axis=1, keepdims=True), dtype=np.float32)

    def repeats(self, vector: Vectors, entries: Vectors) -> NDArray[np.bool_]:
        """Return a mask (N,) of the entries (N, D) whose caption says the same words as a query's vector (D,)."""
        same = np.zeros(len(entries), dtype=bool)
        for channel in (channel for channel in self.channels if channel.compares_words):
            block = vector[channel.query]
            same |= entries[:, channel.entry] @ block > SAME_WORDS * float(block @ block)
        return same

    def repeating(self, vector: Vectors, query: Vectors) -> Vectors:
        """Return a unit query (D,) for entries whose caption says a vector's words (D,), ordered by `query` (D,)."""
        words = np.zeros_like(query)
        for channel in (channel for channel in self.channels if channel.compares_words):
            words[channel.entry] = vector[channel.query]
        towards = query + REPEATING * words / np.linalg.norm(words).clip(FLOOR)
        return np.asarray(towards / np.linalg.norm(towards), dtype=np.float32)

    def _factors(self, channel: Channel, every: Sequence[Channel]) -> list[float]:
        """Return w · r of a channel among all that can be compared, for each pattern; 0 where its block is missing."""
        factors = []
        for pattern in range(1 << len(self.flags)):
            lacking = {flag for n, flag in enumerate(self.flags) if pattern >> n & 1}
            present = [one for one in every if one.missing not in lacking]
            factors.append(_factor(channel, every, present) if channel in present else 0.0)
        return factors

    def _standardised(self, channel: Channel, vector: Vectors) -> Direction | None:
        """Return the direction (D + 1,) of one channel: its block over the deviation of its scores, less their mean."""
        block = vector[channel.query]
        present = self.sample[:, channel.missing] == 0
        if not block.any() or not present.any():
            return None
        scores = (self.sample[:, channel.entry] @ block)[present].astype(np.float64)
        mean, variance, length = float(scores.mean()), float(scores.var()), float(block @ block)
        if self.reference is not None and (alike := self.reference[:, channel.missing] == 0).any():
            known = (self.reference[:, channel.entry] @ block)[alike].astype(np.float64)
            mean, variance = _with_prior(scores, known)
        deviation = max(variance**0.5, FLOOR * length)
        direction = np.zeros(len(vector) + 1)
        direction[channel.entry], direction[-1] = block / deviation, -mean / deviation
        return direction


def _with_prior(scores: Direction, known: Direction) -> tuple[float, float]:
    """Return mean and variance of scores (n,) under a normal-inverse-χ² prior from those of the reference (ν,).

    Posterior means, with the prior's mean counted as κ = `REFERENCE_MEAN` scores and its variance as ν (Gelman et al.,
    Bayesian Data Analysis, 2013, 3.3).
    """
    count, apart = len(scores), float(scores.mean() - known.mean())
    share = REFERENCE_MEAN / (count + REFERENCE_MEAN)
    squares = count * scores.var() + len(known) * known.var() + share * count * apart**2
    return float(scores.mean()) - share * apart, float(squares) / (count + len(known))


def _factor(channel: Channel, every: Sequence[Channel], present: Sequence[Channel]) -> float:
    """Return w · r of a channel; see `Calibration.directions`."""
    if channel.side == BOTH:
        return channel.weight
    weights, with_tails, there = (
        math.hypot(*(c.weight * (c.tail if tails else 1) for c in some if c.side == channel.side))
        for some, tails in ((every, False), (every, True), (present, True))
    )
    return channel.weight * with_tails / (weights * there)


def picture_block(channels: Sequence[Channel]) -> slice:
    """Return the part of an entry's vector that is its picture's: all, unless the channels keep sides apart."""
    return next((channel.entry for channel in channels if channel.side == "image"), slice(None))


def as_queries(channels: Sequence[Channel], entries: Vectors) -> Vectors:
    """Return entries' vectors (N, D) as queries for similar entries, without the blocks of `BOTH`.

    An entry's caption describes its picture; composed with it, it would be read as a change of the picture.
    """
    queries = entries.copy()
    for channel in channels:
        if channel.side == BOTH:
            queries[:, channel.query] = 0
    return queries


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
