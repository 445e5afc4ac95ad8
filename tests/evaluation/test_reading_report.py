"""The reader under the grounded protocol, on drawn scenes."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from twinlens.core.types import Dataset, Sample, TwinlensError
from twinlens.evaluation.reading import UNREAD, measure_reading, truth_scores
from twinlens.reading.world import Item
from twinlens.shapes.drawing import draw
from twinlens.shapes.scenes import Scene

BLUE, BLACK = Item("circle", "blue", 20, 10, 10), Item("square", "black", 20, 60, 60)
SENTENCE, UNREADABLE = "There is a box with a blue circle and a black square.", "A sentence of another world"
TOGETHER, APART = Scene(((BLUE, BLACK), (), ())), Scene(((BLUE,), (BLACK,), ()))
BESIDE = Scene(((), (BLUE, BLACK), ()))


def dataset(text):
    gallery = tuple(
        Sample(name, lambda scene=scene: draw(scene))
        for name, scene in (("own", TOGETHER), ("true", BESIDE), ("false", APART))
    )
    return Dataset(
        queries=(Sample("query", gallery[0].image, text),),
        gallery=gallery,
        relevant={"query": frozenset({"true"})},
        rejected={"query": frozenset({"false"})},
        ignore={"query": frozenset({"own"})},
        siblings=dict.fromkeys(("own", "true", "false"), "the same items"),
        judged_only=True,
    )


def test_truth_ranks_a_true_scene_above_a_false_one_of_the_same_items():
    report = measure_reading(dataset(SENTENCE))
    assert report.sentences_read == 1
    assert report.all_queries["matched_accuracy"].mean == report.read_queries["grounding_accuracy"].mean == 1


def test_an_unread_sentence_counts_one_half():
    data = dataset(UNREADABLE)
    assert truth_scores(data.queries, data.gallery).tolist() == [[UNREAD] * 3]
    with pytest.raises(TwinlensError, match="no sentence of this dataset is read"):
        measure_reading(data)


def test_a_picture_of_another_world_counts_one_half():
    gallery = (Sample("grey", lambda: Image.new("RGB", (400, 100))), Sample("nothing", None), dataset("").gallery[0])
    scores = truth_scores([Sample("query", None, SENTENCE)], gallery)
    np.testing.assert_array_equal(scores, [[UNREAD, UNREAD, 1]])
