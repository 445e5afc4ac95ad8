"""Two stages under a protocol."""

from __future__ import annotations

import numpy as np
import pytest

from tests.evaluation.test_reading_scores import SENTENCE, UNREADABLE, dataset
from twinlens.core.types import TwinlensError
from twinlens.evaluation.judgements import Judgements
from twinlens.evaluation.two_stage import parse_stage, rerank

SCORES = np.array([[0.9, 0.2, 0.5]], dtype=np.float32)  # the query's own scene, a true one, a false one


def test_true_comes_before_false_among_the_first():
    judged = Judgements.of(dataset(SENTENCE))
    assert rerank(judged, SCORES, 2).tolist() == np.array([[0.9, 0.5, 0.2]], dtype=np.float32).tolist()
    assert judged.per_query(rerank(judged, SCORES, 2))["matched_accuracy"] == [1]


def test_what_comes_later_or_is_unread_stays():
    assert np.array_equal(rerank(Judgements.of(dataset(SENTENCE)), SCORES, 1), SCORES)
    assert np.array_equal(rerank(Judgements.of(dataset(UNREADABLE)), SCORES, 3), SCORES)


def test_a_stage_has_a_name_and_a_number():
    assert parse_stage("truth") == ("truth", 50, None) and parse_stage("truth:7") == ("truth", 7, None)
    for wrong in ("diverse", "truth:0", "truth:many"):
        with pytest.raises(TwinlensError):
            parse_stage(wrong)
