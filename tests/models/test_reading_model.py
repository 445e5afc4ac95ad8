"""The model `reading` that ships: what it reads on drawn scenes it has not seen, and on NLVR where that is there."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from twinlens.core.arguments import Stage
from twinlens.core.types import Dataset, Sample
from twinlens.datasets import nlvr, shapes
from twinlens.evaluation.baselines import similarities
from twinlens.evaluation.judgements import Judgements
from twinlens.evaluation.two_stage import rerank
from twinlens.models.composer import Composer
from twinlens.reading.drawing import random_meaning
from twinlens.reading.execution import Execution
from twinlens.reading.grammar.parse import parse
from twinlens.reading.table import Mask, Table
from twinlens.shapes.drawing import draw
from twinlens.shapes.scenes import NLVR_ITEMS, NLVR_TOWER_SHARE
from twinlens.shapes.sentences import FAMILIES
from twinlens.shapes.worlds import World
from twinlens.training.pretraining.forms import HELD_OUT
from twinlens.training.pretraining.held_out import findings
from twinlens.training.pretraining.sentences import shapes_sentences, training_families

NLVR = Path(__file__).resolve().parents[3] / "shared" / "data" / "nlvr"
needs_nlvr = pytest.mark.skipif(not NLVR.is_dir(), reason=f"the NLVR pictures are not at {NLVR}")
SCENES = World("test", 1, NLVR_ITEMS, NLVR_TOWER_SHARE).scenes(600)
TABLE = Table.of(SCENES)


@pytest.fixture(scope="module")
def model() -> Composer:
    return Composer.load("reading")


@pytest.fixture(scope="module")
def encoder(model):
    return model.encoders[0]


@pytest.fixture(scope="module")
def vectors(encoder):
    return encoder.space.vectors(TABLE)


def pairs_in_order(scores, truth: Mask) -> float:
    """Compute the share of (true, false) pairs of scenes whose true scene scores higher."""
    return float((scores[truth][:, None] > scores[~truth][None]).mean())


def metrics_of(model, data: Dataset) -> tuple[Judgements, np.ndarray]:
    judged = Judgements.of(data)
    return judged, similarities(model, judged.queries, judged.gallery)


def test_directions_rank_true_scenes_above_false_ones(encoder, vectors):
    rng, execution = np.random.default_rng(11), Execution(TABLE)
    truths = {meaning: execution.truth(meaning) for meaning in (random_meaning(rng) for _ in range(150))}
    shares = [
        pairs_in_order(vectors @ encoder.space.direction(meaning), truth)
        for meaning, truth in truths.items()
        if 0.05 < truth.mean() < 0.95
    ]
    assert len(shares) > 60 and np.mean(shares) > 0.97 and np.quantile(shares, 0.05) > 0.85


@pytest.mark.parametrize("family", FAMILIES)
def test_sentences_of_every_family_rank_true_scenes_first(family, encoder, vectors):
    sentences = islice(shapes_sentences(np.random.default_rng(5), TABLE, [family]), 6)
    shares = [pairs_in_order(vectors @ encoder.space.direction(parse(text)), truth) for text, truth in sentences]
    assert np.mean(shares) > 0.95


def test_the_network_reads_kinds_it_has_seen_and_those_it_has_not(encoder):
    found = list(findings(encoder, 7, scenes=300, sentences=8))
    means = {
        name: np.mean([one.in_order for one in found if one.family in families])
        for name, families in (("seen", training_families()), ("held out", HELD_OUT))
    }
    assert means["seen"] > 0.97 and means["held out"] > 0.85


def test_instructions_find_their_one_answer(model):
    judged, scores = metrics_of(model, shapes.load(split="test", protocol="edits", scenes=40))
    assert judged.per_query(scores)["hit@1"].mean() >= 0.97


def test_a_sentence_finds_a_picture_from_its_pixels(model):
    truth = [parse("There is a tower with a blue top.").true_of(scene.boxes) for scene in SCENES[:40]]
    gallery = [Sample(str(n), draw(scene)) for n, scene in enumerate(SCENES[:40])]
    scores = similarities(model, [Sample("", None, "There is a tower with a blue top.")], gallery)[0]
    assert pairs_in_order(scores, np.array(truth)) > 0.95


@needs_nlvr
def test_matched_accuracy_on_dev_by_one_vector_and_in_two_stages(model):
    judged, scores = metrics_of(model, nlvr.load(NLVR, "dev"))
    assert np.nanmean(judged.per_query(scores)["matched_accuracy"]) >= 0.96
    assert np.nanmean(judged.per_query(rerank(judged, scores, Stage("truth", 50)))["matched_accuracy"]) >= 0.98
