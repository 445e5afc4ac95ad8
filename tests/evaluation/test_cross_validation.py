from __future__ import annotations

import pytest

from tests import toy
from twinlens.evaluation.baselines import BASELINES
from twinlens.evaluation.cross_validation import cross_validate


def test_cross_validation_measures_only_what_was_not_trained_on(toy_edits):
    result = cross_validate(toy.recipe(epochs=1), toy_edits, repeats=2)
    assert 40 <= result["queries"] <= 80
    assert set(result["baselines"]) == set(BASELINES)
    random = result["baselines"]["random"]
    assert random["hit@1"]["mean"] == pytest.approx(random["density"]["mean"])
