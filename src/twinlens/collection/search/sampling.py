"""The sample of a collection that scores are measured by."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from twinlens.calibration import Calibration, Channel, lowest_by_hash
from twinlens.collection.store import Gallery, Rows

SAMPLE = 1024
"""Entries drawn; means and deviations of scores are then right to a few hundredths of a deviation."""
RARE = 256
"""Entries drawn beside them of those that have a block, where few have it."""


def calibration(now: Gallery, channels: Sequence[Channel]) -> Calibration:
    """Draw the sample of a gallery: always the same one, and hardly another when a picture comes or goes."""
    rows = now.rows
    everyone = rows[lowest_by_hash(rows, SAMPLE)]
    drawn = [everyone]
    for missing in sorted({channel.missing for channel in channels}):
        there = rows[_with_block(now, missing)]
        drawn.append(there[lowest_by_hash(there, RARE)])
    others = sorted(set(np.concatenate(drawn).tolist()) - set(everyone.tolist()))
    return Calibration(channels, now.vectors([*everyone.tolist(), *others]), len(everyone))


def _with_block(now: Gallery, missing: int) -> Rows:
    """Where in a gallery's rows the entries stand whose vectors are 0 at a coordinate."""
    return np.flatnonzero(np.concatenate([np.empty(0), *(vectors[:, missing] for _, vectors in now.parts)]) == 0)
