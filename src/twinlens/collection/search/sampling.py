"""The sample of a collection on which scores are calibrated."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from twinlens.calibration import Calibration, Channel
from twinlens.collection.engines import Engine

SAMPLE = 1024
"""Entries drawn; means and deviations of scores are then right to a few hundredths of a deviation."""
RARE = 256
"""Entries drawn beside them of those that have a block, where few have it."""


def calibration(engine: Engine, channels: Sequence[Channel]) -> Calibration:
    """Draw the sample: always the same one, and hardly another when an entry comes or goes."""
    rows, vectors = engine.sample(SAMPLE)
    drawn, parts = set(rows.tolist()), [vectors]
    for missing in sorted({channel.missing for channel in channels}):
        rare_rows, rare = engine.sample(RARE, having=missing)
        fresh = [n for n, row in enumerate(rare_rows.tolist()) if row not in drawn]
        drawn.update(rare_rows[fresh].tolist())
        parts.append(rare[fresh])
    return Calibration(channels, np.concatenate(parts), len(rows))
