"""The reader under the grounded protocol, on drawn scenes."""

from __future__ import annotations

import numpy as np
from PIL import Image

from twinlens.core.types import Dataset, Sample
from twinlens.evaluation.judgements import Judgements
from twinlens.evaluation.reading import UNREAD, sentence_kinds, truth_scores
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
    judgements = Judgements.of(dataset(SENTENCE))
    values = judgements.per_query(truth_scores(judgements.queries, judgements.gallery))
    assert values["matched_accuracy"].tolist() == values["grounding_accuracy"].tolist() == [1]


def test_an_unread_sentence_counts_one_half():
    data = dataset(UNREADABLE)
    assert truth_scores(data.queries, data.gallery).tolist() == [[UNREAD] * 3]


def test_sentences_are_sorted_by_what_is_read():
    texts = [SENTENCE, UNREADABLE, "There is a blue circle.", "there is a  blue circle"]
    queries = [Sample(str(n), None, text) for n, text in enumerate(texts)]
    kinds = {name: mask.tolist() for name, mask in sentence_kinds(queries, known=["There is a blue circle"])}
    assert list(kinds)[:4] == ["all", "read", "unread", "new"]
    assert kinds["read"] == [True, False, True, True] and kinds["unread"] == [False, True, False, False]
    assert kinds["new"] == [True, True, False, False]
    assert kinds["Count"] == [False, False, True, True] and kinds["Boxes"] == [True, False, False, False]
    assert "new" not in dict(sentence_kinds(queries)) and "unread" not in dict(sentence_kinds(queries[:1]))


def test_a_picture_of_another_world_counts_one_half():
    gallery = (Sample("grey", lambda: Image.new("RGB", (400, 100))), Sample("nothing", None), dataset("").gallery[0])
    scores = truth_scores([Sample("query", None, SENTENCE)], gallery)
    np.testing.assert_array_equal(scores, [[UNREAD, UNREAD, 1]])
