"""Learning to compose from people's own captioned pictures, without ever making their searches worse.

Encoders stay as they are: their vectors are in the collection, so that an epoch costs the fusion alone.
"""

from __future__ import annotations

from twinlens.adaptation.learner import FUSION, Plan, discard, learn, measure
from twinlens.adaptation.parts import FOLDER, PICTURE
from twinlens.adaptation.task import SOURCES
from twinlens.adaptation.verdict import BASELINES, METRIC

__all__ = ["BASELINES", "FOLDER", "FUSION", "METRIC", "PICTURE", "SOURCES", "Plan", "discard", "learn", "measure"]
