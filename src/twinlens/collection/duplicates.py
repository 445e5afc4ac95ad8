"""Groups of near-duplicates in a collection: connected by the cosine of their pictures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from twinlens.calibration import Channel, picture_block
from twinlens.collection.search.scoring import unit, without_blanks
from twinlens.collection.store import Entry, Generation, Rows, Store, Vectors
from twinlens.core.components import Components
from twinlens.core.types import TwinlensError

BLOCK = 1024
"""Pictures compared with as many others at once: 4 MB of cosines, whatever the size of the collection."""


def duplicate_groups(
    store: Store,
    generation: Generation,
    channels: Sequence[Channel],
    cosine: float,
    *,
    blank: Vectors | None = None,
) -> list[list[Entry]]:
    """Return groups of entries whose pictures have at least this cosine to another of the group; the largest first.

    Two pictures of a group may be less alike than that: a chain of others connects them. All pairs are compared, a
    block of rows by a block, of which no more than two are in memory. blank: as of `rank`. Raises TwinlensError for a
    number that is none.
    """
    if not -1 <= cosine <= 1:
        raise TwinlensError(f"duplicates wants a cosine, from -1 to 1, not {cosine:g}")
    rows = store.rows(generation.number)
    picture = picture_block(channels)
    components = Components(len(rows))
    for a, b in _near_pairs(store, generation, rows, picture, cosine, blank):
        components.join(a, b)
    groups: dict[int, list[int]] = {}
    for place, row in enumerate(rows.tolist()):
        groups.setdefault(components.root(place), []).append(row)
    found = sorted((group for group in groups.values() if len(group) > 1), key=lambda group: (-len(group), group))
    entries = store.entries([row for group in found for row in group])
    return [[entries[row] for row in group] for group in found]


def _near_pairs(
    store: Store, generation: Generation, rows: Rows, picture: slice, cosine: float, blank: Vectors | None
) -> Iterator[tuple[int, int]]:
    """Yield places (a < b) of rows whose pictures are near each other."""

    def block(start: int) -> Vectors:
        vectors = store.vectors(generation, rows[start : start + BLOCK])
        return unit(without_blanks(vectors, blank)[:, picture])

    for first in range(0, len(rows), BLOCK):
        upper = block(first)
        for second in range(first, len(rows), BLOCK):
            lower = upper if second == first else block(second)
            near = np.argwhere(upper @ lower.T >= cosine)
            yield from ((first + i, second + j) for i, j in near.tolist() if first + i < second + j)
