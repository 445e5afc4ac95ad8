"""How long tests wait for what is promised within some seconds."""

from __future__ import annotations

import os

from twinlens.core.machine import cores


def in_time(seconds: float) -> float:
    """The promised seconds, or as many times more as processes wait for each core."""
    return seconds * max(1.0, os.getloadavg()[0] / cores())
