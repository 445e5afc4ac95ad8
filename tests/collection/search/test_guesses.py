"""Answers to a sentence whose meaning the model guesses tell so."""

from __future__ import annotations

import numpy as np
import pytest

from tests.pictures import ALONE
from twinlens.collection import Collection
from twinlens.shapes.drawing import draw
from twinlens.shapes.scenes import random_scene

READ, UNREAD = "There is a blue circle.", "some wee circles"


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pictures")
    rng = np.random.default_rng(4)
    for n in range(6):
        draw(random_scene(rng, items=(1, 5))).save(folder / f"{n}.png")
    with Collection.create(tmp_path_factory.mktemp("c") / "c", recipe="reading") as collection:
        collection.add(folder, options=ALONE)
        yield collection


@pytest.mark.parametrize("rerank", [None, "truth:3", "diverse:3"])
def test_each_answer_names_the_sentence_that_is_guessed(drawn, rerank):
    hits = drawn.search(text=UNREAD, k=3, rerank=rerank)
    assert all(hit.why["query"] == {"guessed": UNREAD} for hit in hits) and len(hits) == 3
    assert f"query: guessed {UNREAD}" in hits[0].because


def test_a_sentence_that_counts_against_an_answer_may_be_guessed_too(drawn):
    assert drawn.search(text=READ, without=[UNREAD], k=1)[0].why["query"] == {"guessed": UNREAD}


def test_nothing_is_said_of_a_sentence_that_is_read(drawn):
    assert not drawn.search(text=READ, k=1)[0].why
