"""Two stages under a protocol."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests import checkpoints
from tests.evaluation.test_reading_scores import SENTENCE, UNREADABLE, dataset
from tests.pictures import paint
from twinlens.core.arguments import Stage
from twinlens.core.types import Sample, TwinlensError
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


@pytest.fixture
def painted(tmp_path):
    """The judgements of three pictures of one colour each, and a tiny cross-encoder that scores them apart."""
    colors = {"own": (5, 5, 5), "true": (200, 20, 20), "false": (240, 240, 240)}
    data = dataset(SENTENCE)
    gallery = tuple(replace(one, image=paint(tmp_path / f"{one.id}.png", colors[one.id])) for one in data.gallery)
    return replace(data, gallery=gallery), str(checkpoints.vilt(tmp_path / "vilt"))


def test_a_cross_encoder_orders_the_first_by_its_scores(painted):
    data, checkpoint = painted
    judged = Judgements.of(data)
    read = dict(MatchHead(checkpoint).scores(SENTENCE, [entry.image for entry in judged.gallery]))
    assert read[1] != read[2]
    ahead, behind = (1, 2) if read[1] > read[2] else (2, 1)
    scores = np.array([[0.9, 0.0, 0.0]], dtype=np.float32)
    scores[0, ahead], scores[0, behind] = 0.2, 0.5
    reordered = rerank(judged, scores, Stage("match", 2, checkpoint))[0]
    assert reordered[[0, ahead, behind]].tolist() == scores[0, [0, behind, ahead]].tolist()
    assert milliseconds(judged, Stage("match", 2, checkpoint)) > 0


def test_a_picture_that_a_cross_encoder_cannot_read_keeps_its_place(painted, tmp_path):
    data, checkpoint = painted
    judged = Judgements.of(replace(data, gallery=(*data.gallery[:2], Sample("false", tmp_path / "none.png"))))
    assert np.array_equal(rerank(judged, SCORES, Stage("match", 3, checkpoint)), SCORES)
