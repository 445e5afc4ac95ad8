"""Searches that a collection may be asked, drawn from its own entries: what the recall of an index is measured on."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from twinlens.calibration import BOTH, Calibration, Channel, as_queries
from twinlens.collection.store import Vectors
from twinlens.indexes._recall import Question

SEARCHES = 200
"""Searches of each kind."""
SAMPLE = 1024
"""Entries that scores are standardised over."""
SIDES = {"pictures": ("image",), "words": ("text",), "pictures and words": ("image", "text")}
"""Kinds of searches, and the sides that their queries have."""


def drawn(channels: Sequence[Channel], vectors: Vectors, seed: int, count: int = SEARCHES) -> dict[str, list[Question]]:
    """Return searches by their kind: pictures, words and both as an entry has them, along its directions.

    For a model without channels, whose queries are composed, vectors between two entries. vectors: the gallery's.
    """
    rng = np.random.default_rng(seed)
    entries = vectors[np.sort(rng.permutation(len(vectors))[: max(SAMPLE, 2 * count)])]
    entries = entries[rng.permutation(len(entries))]
    if not channels:
        between = entries[:count] + entries[-count:][: len(entries[:count])]
        lengths = np.linalg.norm(between, axis=1)
        return {"composed": [Question((one / length)[None]) for one, length in zip(between, lengths, strict=True)
                             if length > 0]}  # fmt: skip
    calibration = Calibration(channels, entries, len(entries))
    queries = as_queries(channels, entries[:count])
    found = {kind: list(_along(calibration, _only(channels, queries, sides))) for kind, sides in SIDES.items()}
    return {kind: searches for kind, searches in found.items() if searches}


def _only(channels: Sequence[Channel], queries: Vectors, sides: Sequence[str]) -> Vectors:
    """Return queries (N, D) without the blocks of other sides; those that then have all of these sides."""
    only, whole = np.zeros_like(queries), np.ones(len(queries), dtype=np.bool_)
    for channel in channels:
        if channel.side in sides:
            only[:, channel.query] = queries[:, channel.query]
    for side in sides:
        blocks = [only[:, channel.query].any(axis=1) for channel in channels if channel.side == side]
        whole &= np.any(blocks, axis=0) if blocks else any(channel.side == BOTH for channel in channels)
    return only[whole]


def _along(calibration: Calibration, queries: Vectors) -> Iterable[Question]:
    for query in queries:
        directions = calibration.directions(query) if query.any() else None
        if directions is not None and directions[:, :-1].any():

            def score(vectors: Vectors, along: np.ndarray = directions) -> np.ndarray:
                return calibration.scores(along, vectors)

            yield Question(calibration.separated(directions), score)
