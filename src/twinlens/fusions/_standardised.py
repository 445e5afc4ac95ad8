"""Scores of queries against a whole gallery, standardised over it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from twinlens.calibration import Calibration, Channel, Vectors


def standardised_scores(channels: Sequence[Channel], queries: Vectors, gallery: Vectors) -> NDArray[np.float32]:
    """Score queries (Q, D) against a gallery (N, D), standardised over the gallery itself: (Q, N)."""
    calibration = Calibration(channels, gallery, len(gallery))
    rows = np.zeros((len(queries), len(gallery)), dtype=np.float32)
    for row, query in zip(rows, queries, strict=True):
        directions = calibration.directions(query)
        if directions is not None:
            scores = calibration.scores(directions, gallery)
            row[:] = scores - scores.mean()
    return rows
