"""The stage `truth` on drawn pictures, through a collection."""

from __future__ import annotations

import numpy as np
import pytest

from tests.mean_color import MeanColor
from tests.pictures import ALONE, paint
from twinlens.collection import Collection
from twinlens.reading.grammar.parse import parse
from twinlens.shapes.drawing import draw
from twinlens.shapes.scenes import random_scene

SENTENCE = "There is at least 1 box with a yellow circle"


@pytest.fixture(scope="module")
def scenes():
    rng = np.random.default_rng(4)
    return {f"scene-{n}.png": random_scene(rng, items=(1, 5), tower_share=0.2) for n in range(16)}


@pytest.fixture
def drawn(tmp_path, scenes):
    folder = tmp_path / "pictures"
    folder.mkdir()
    for name, scene in scenes.items():
        draw(scene).save(folder / name)
    paint(folder / "grey.png", (211, 211, 211))
    with Collection.create(tmp_path / "c", MeanColor(), load=MeanColor.load) as collection:
        collection.add(folder, options=ALONE)
        yield collection


def names(hits):
    return [hit.sample.image.name for hit in hits]


def test_true_pictures_come_first_and_else_the_order_stays(drawn, scenes):
    plain = names(drawn.search(text=SENTENCE, k=17))
    hits = drawn.search(text=SENTENCE, k=17, rerank="truth:20")
    true = {name: parse(SENTENCE).true_of(scene.boxes) for name, scene in scenes.items()}
    assert 3 <= sum(true.values()) <= 13
    told = {name: hit.why["truth"] for name, hit in zip(names(hits), hits, strict=True) if name in true}
    assert {name: reason["true"] for name, reason in told.items()} == true
    assert names(hits).index("grey.png") == plain.index("grey.png")
    worlds, before = ([name for name in order if name in true] for order in (names(hits), plain))
    assert worlds == [*filter(true.get, before), *(name for name in before if not true[name])]


def test_only_the_first_n_are_reordered(drawn):
    plain = names(drawn.search(text=SENTENCE, k=17))
    assert set(names(drawn.search(text=SENTENCE, k=5, rerank="truth:5"))) == set(plain[:5])


def test_a_sentence_that_is_not_read_leaves_the_order(drawn):
    text = "a photograph of two dogs"
    hits = drawn.search(text=text, k=17, rerank="truth:20")
    assert names(hits) == names(drawn.search(text=text, k=17))
    assert all(hit.why["truth"] == {"abstains": "the sentence is not read"} for hit in hits)


def test_a_picture_of_another_world_says_so(drawn):
    hits = drawn.search(text=SENTENCE, k=17, rerank="truth:20")
    (grey,) = [hit for hit in hits if hit.sample.image.name == "grey.png"]
    assert grey.why["truth"] == {"abstains": "the picture shows no scene of three boxes"}


def test_all_sentences_count_and_those_without_count_against(drawn, scenes):
    second, against = "There are exactly two boxes with a blue item", "There is a black triangle"
    hits = drawn.search(text=[SENTENCE, second], without=[against], k=17, rerank="truth:20")
    for hit in hits:
        if (scene := scenes.get(hit.sample.image.name)) is not None:
            wanted = parse(SENTENCE).true_of(scene.boxes) and parse(second).true_of(scene.boxes)
            assert hit.why["truth"]["true"] == (wanted and not parse(against).true_of(scene.boxes))


def test_the_facts_that_decide_are_told(drawn, scenes):
    second = "There are exactly two boxes with a blue item"
    hits = drawn.search(text=[SENTENCE, second], k=17, rerank="truth:20")
    for place, hit in enumerate(sorted(hits, key=lambda hit: hit.why["search"]["place"]), 1):
        assert hit.why["search"] == {"score": hit.score, "place": place}
        if (scene := scenes.get(hit.sample.image.name)) is not None:
            told = hit.why["truth"]["facts"]
            assert [fact["true"] for fact in told] == [parse(text).true_of(scene.boxes) for text in (SENTENCE, second)]
            blue = sum(any(item.colour == "blue" for item in box) for box in scene.boxes)
            assert told[1]["found"] == blue and f"({blue} found)" in hit.because


def test_a_stage_of_the_recipe_is_used_unless_another_is_named(drawn, monkeypatch):
    plain = names(drawn.search(text=SENTENCE, k=17))
    monkeypatch.setattr(MeanColor, "rerank", "truth:20")
    by_recipe = drawn.search(text=SENTENCE, k=17)
    assert all("truth" in hit.why for hit in by_recipe) and by_recipe.seconds > 0
    assert all("diverse" in hit.why for hit in drawn.search(text=SENTENCE, k=17, rerank="diverse"))
    off = drawn.search(text=SENTENCE, k=17, rerank="none")
    assert names(off) == plain and not any(hit.why for hit in off) and off.seconds is None
