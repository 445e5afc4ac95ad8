"""Adaptation: training a fusion on a collection's own captions, adopted only if it wins.

Encoders stay as they are: their vectors are in the collection, so that an epoch costs the fusion alone.
"""

from __future__ import annotations

from twinlens.adaptation.decision import BASELINES, METRIC
from twinlens.adaptation.learner import FUSION, Plan, learn, measure, revert
from twinlens.adaptation.parts import FOLDER, PICTURE
from twinlens.adaptation.task import SOURCES

__all__ = ["BASELINES", "FOLDER", "FUSION", "METRIC", "PICTURE", "SOURCES", "Plan", "learn", "measure", "revert"]
