"""Who reads gets 1, who does not gets one half: by construction, not by luck."""

from __future__ import annotations

import functools
from dataclasses import replace

import numpy as np
import pytest

from tests import toy
from tests.evaluation.words import reading
from twinlens.evaluation.baselines import similarities
from twinlens.evaluation.judgements import Judgements
from twinlens.evaluation.words import choose, measure


@pytest.fixture(scope="module")
def judgements():
    data = toy.edits()
    order = np.random.default_rng(0).permutation(len(data.gallery))
    return Judgements.of(replace(data, gallery=tuple(data.gallery[n] for n in order)))


def measured(judgements, score):
    return measure(score, choose(judgements, {}, score, seed=0), seed=0)


def means(found, metric="foil_accuracy"):
    return {name: row[metric]["mean"] for name, row in found["rows"].items() if metric in row}


def difference(found, metric, first, second):
    (one,) = [d for d in found["differences"] if (d["metric"], d["of"], d["over"]) == (metric, first, second)]
    return one


def holds(summary, value):
    low, high = summary["ci95"]
    return low <= value <= high


def test_a_reader_exceeds_either_side_alone(judgements):
    found = measured(judgements, reading.by(reading.reads))
    assert found["pairs"] > 150 and found["gaps"]["foil_accuracy"] == 0
    words, both = means(found), means(found, "both_foils")
    assert words["composed"] == words["text_only"] == 1 and both["composed"] == 1
    assert words["image_only"] == 0.5 and both["image_only"] == both["text_only"] == 0.5
    assert means(found, "picture_foil_accuracy")["text_only"] == 0.5
    assert words["random"] == 0.5 and both["random"] == pytest.approx(1 / 3)
    assert holds(found["rows"]["shuffled_text"]["foil_accuracy"], 0.5)
    assert holds(found["rows"]["pixel_count"]["foil_accuracy"], 0.5)
    assert difference(found, "foil_accuracy", "composed", "image_only")["ci95"][0] > 0.4
    assert difference(found, "both_foils", "composed", "text_only")["ci95"][0] > 0.4
    assert holds(difference(found, "foil_accuracy", "shuffled_text", "image_only"), 0)


def test_a_reader_keeps_to_paraphrases_and_turns_at_negations(judgements):
    alike = means(measured(judgements, reading.by(reading.reads)), "decided_alike")
    assert alike["paraphrase"] == 1 and alike["negation"] == 0 and alike["shuffled_text"] < 0.5
    skipping = measured(judgements, reading.by(reading.skips_negations))
    assert means(skipping, "decided_alike")["negation"] == 1 and means(skipping)["composed"] == 1


def test_the_picture_alone_is_one_half_and_no_words_change_that(judgements):
    found = measured(judgements, reading.by(reading.blind))
    words = means(found)
    assert {words[name] for name in ("composed", "image_only", "text_only", "shuffled_text", "negation")} == {0.5}
    assert set(means(found, "decided_alike").values()) == {1.0}
    assert difference(found, "foil_accuracy", "composed", "image_only")["mean"] == 0


def test_words_alone_compose_nothing(judgements):
    found = measured(judgements, reading.by(reading.reads, picture=0))
    assert means(found)["composed"] == means(found)["text_only"] > means(found)["image_only"] == 0.5
    assert "both_foils" not in found["rows"]["composed"]  # nothing is less alike where nothing is alike


def test_the_score_of_any_composer_fits(judgements, toy_composer):
    found = measured(judgements, functools.partial(similarities, toy_composer))
    assert found["rows"]["image_only"]["foil_accuracy"]["mean"] == pytest.approx(0.5, abs=0.02)
    assert 0 < found["gaps"]["foil_accuracy"] < 0.25


def test_pictures_that_are_gone_have_no_pixel_count(judgements, tmp_path):
    score = reading.by(reading.reads)
    foils = choose(judgements, {}, score, seed=0)
    gone = replace(foils, gallery=tuple(replace(entry, image=tmp_path / "gone.png") for entry in foils.gallery))
    scores = {len(queries): score(queries, foils.gallery) for queries in [[*foils.queries] * 25]}
    found = measure(lambda queries, _: np.resize(scores[len(foils.queries) * 25], (len(queries), 27)), gone)
    assert "pixel_count" not in found["rows"] and "random" in found["rows"]
    assert not [d for d in found["differences"] if d["over"] == "pixel_count"]


def test_one_group_has_no_interval(judgements):
    score = reading.by(reading.reads)
    foils = choose(judgements, {}, score, seed=0)
    found = measure(score, replace(foils, groups=("one",) * len(foils.queries)))
    assert found["differences"] == [] and found["rows"]["composed"]["foil_accuracy"]["ci95"] is None
