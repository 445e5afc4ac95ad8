"""Two stages under a protocol."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests import checkpoints
from tests.evaluation.test_reading_scores import SENTENCE, UNREADABLE, dataset
from twinlens.core.arguments import Stage
from twinlens.core.types import TwinlensError
from twinlens.evaluation.judgements import Judgements
from twinlens.evaluation.two_stage import milliseconds, parse_stage, rerank
from twinlens.models.match_head import MatchHead

SCORES = np.array([[0.9, 0.2, 0.5]], dtype=np.float32)  # the query's own scene, a true one, a false one


def test_true_comes_before_false_among_the_first():
    judged = Judgements.of(dataset(SENTENCE))
    assert rerank(judged, SCORES, Stage("truth", 2)).tolist() == np.array([[0.9, 0.5, 0.2]], dtype=np.float32).tolist()
    assert judged.per_query(rerank(judged, SCORES, Stage("truth", 2)))["matched_accuracy"] == [1]


def test_what_comes_later_or_is_unread_stays():
    assert np.array_equal(rerank(Judgements.of(dataset(SENTENCE)), SCORES, Stage("truth", 1)), SCORES)
    assert np.array_equal(rerank(Judgements.of(dataset(UNREADABLE)), SCORES, Stage("truth", 3)), SCORES)


def test_a_stage_has_a_name_and_a_number():
    assert parse_stage("truth") == ("truth", 50, None) and parse_stage("truth:7") == ("truth", 7, None)
    assert parse_stage("match=checkpoints/blip:7") == ("match", 7, "checkpoints/blip")
    for wrong in ("diverse", "truth:0", "truth:many", "truth=checkpoints/blip"):
        with pytest.raises(TwinlensError):
            parse_stage(wrong)


def test_a_cross_encoder_orders_the_first_by_its_scores(tmp_path):
    checkpoint = checkpoints.blip(tmp_path / "blip")
    judged = Judgements.of(dataset(SENTENCE))
    read = dict(MatchHead(str(checkpoint)).scores(SENTENCE, [entry.image for entry in judged.gallery[1:]]))
    reordered = rerank(judged, SCORES, Stage("match", 2, str(checkpoint)))[0]
    assert (reordered[1] > reordered[2]) == (read[0] > read[1]) and reordered[0] == SCORES[0, 0]
    assert sorted(reordered) == sorted(SCORES[0])
    assert milliseconds(judged, Stage("match", 2, str(checkpoint))) > 0


def test_a_picture_that_a_cross_encoder_cannot_read_keeps_its_place(tmp_path):
    data = dataset(SENTENCE)
    gallery = (*data.gallery[:2], replace(data.gallery[2], image=tmp_path / "none.png"))
    judged = Judgements.of(replace(data, gallery=gallery))
    stage = Stage("match", 3, str(checkpoints.blip(tmp_path / "blip")))
    assert np.array_equal(rerank(judged, SCORES, stage), SCORES)
