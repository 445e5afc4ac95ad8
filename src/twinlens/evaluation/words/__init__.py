"""Protocol F: how much of a ranking the words decide, by foil pairs and without labels."""

from __future__ import annotations

from twinlens.evaluation.words.first_ten import measure_change
from twinlens.evaluation.words.foil_accuracy import measure
from twinlens.evaluation.words.foils import Foils, choose
from twinlens.evaluation.words.wordings import COMMON, Score

__all__ = ["COMMON", "Foils", "Score", "choose", "measure", "measure_change"]
