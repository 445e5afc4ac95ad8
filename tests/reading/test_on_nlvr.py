"""Reading of NLVR itself: dev, from which the grammar was written, and examples of train."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from twinlens.datasets import nlvr
from twinlens.evaluation.judgements import Judgements
from twinlens.evaluation.reading import truth_scores
from twinlens.reading.grammar.parse import parse
from twinlens.reading.items import read_items
from twinlens.reading.world import Item

REAL = Path(__file__).resolve().parents[3] / "shared" / "data" / "nlvr"
EXAMPLES = REAL / "train-examples"
needs_real = pytest.mark.skipif(not REAL.is_dir(), reason=f"the NLVR pictures are not at {REAL}")
needs_examples = pytest.mark.skipif(
    not EXAMPLES.is_dir(), reason=f"the examples of NLVR's train split are not at {EXAMPLES}"
)
COLOURS = {"Yellow": "yellow", "Black": "black", "#0099ff": "blue"}


def items_of(row, picture):
    boxes = [[Item(i.shape, COLOURS[i.color], i.size, i.x, i.y) for i in box] for box in row.boxes]
    return tuple(tuple(sorted(boxes[place])) for place in nlvr.ORDERS[picture])


def read(path):
    with Image.open(path) as picture:
        return read_items(picture)


@needs_real
def test_items_of_200_pictures_are_exact():
    rows = nlvr.rows(REAL, "dev")[:200]
    wrong = [row.identifier for n, row in enumerate(rows) if read(row.pictures[n % 6]) != items_of(row, n % 6)]
    assert wrong == []


@needs_real
def test_sentences_of_dev_are_read_and_true_where_the_raters_say_so():
    rows = nlvr.rows(REAL, "dev")
    meanings = {row.key: parse(row.sentence) for row in rows}
    assert sum(meaning is not None for meaning in meanings.values()) >= 240
    agreed = [meanings[row.key].true_of(items_of(row, 0)) == row.label for row in rows if meanings[row.key]]
    assert len(agreed) >= 960 and np.mean(agreed) >= 0.99


@needs_real
def test_matched_accuracy_on_dev_from_pixels():
    judgements = Judgements.of(nlvr.load(REAL, "dev"))
    values = judgements.per_query(truth_scores(judgements.queries, judgements.gallery))
    assert np.nanmean(values["matched_accuracy"]) >= 0.98


@needs_examples
def test_labels_of_train_examples_agree_where_the_sentence_is_read():
    examples = [json.loads(line) for line in (EXAMPLES / "examples.jsonl").read_text("utf-8").splitlines()]
    meanings = [(parse(example["sentence"]), example) for example in examples]
    agreed = [
        meaning.true_of(read(EXAMPLES / example["file_name"])) == (example["label"] == "true")
        for meaning, example in meanings
        if meaning is not None
    ]
    assert len(agreed) >= 950 and np.mean(agreed) >= 0.92
