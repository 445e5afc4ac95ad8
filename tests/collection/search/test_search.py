from __future__ import annotations

import os

import numpy as np
import pytest

from tests.mean_color import MeanColor, SideBySide
from tests.pictures import ALONE, draw, names
from twinlens.collection import Collection
from twinlens.collection.items import Item
from twinlens.collection.store import Store, writing
from twinlens.core.types import Sample, TwinlensError
from twinlens.datasets import shapes

COLORS = {"red", "green", "blue"}


def test_a_collection_is_opened_as_it_was_left(collection, pictures):
    with Collection.open(collection.folder, load=MeanColor.load) as again:
        assert len(again) == 12
        assert names(again.search(image=pictures / "red-0.png", text="red", k=2, with_self=True)) == ["red-0", "red-1"]


def test_hits_are_what_people_need(collection, pictures):
    (hit,) = collection.search(image=pictures / "blue-2.png", text="blue", k=1, with_self=True)
    assert hit.sample.image == pictures / "blue-2.png" and hit.sample.text == "blue"
    assert hit.score == pytest.approx(1)
    assert collection.entry(hit.sample.id).metadata == {"shade": 2, "color": "blue"}


def test_ranking_is_that_of_plain_numpy(collection, pictures):
    model, query = MeanColor(), Sample("q", pictures / "red-3.png", "green")
    gallery = [Sample(p.name, p, p.stem.split("-")[0]) for p in sorted(pictures.glob("*.png"))]
    scores = model.embed(gallery) @ model.embed([query])[0]
    hits = collection.search(query.image, query.text, 12, with_self=True)
    assert [hit.score for hit in hits] == pytest.approx(sorted(scores.tolist(), reverse=True), abs=1e-6)


@pytest.mark.parametrize("query", [{}, {"text": "  "}, {"image": []}, {"without": "red"}])
def test_a_query_needs_a_picture_or_a_text(collection, query):
    with pytest.raises(TwinlensError, match="a query needs a picture, a text, or both"):
        collection.search(**query)


def test_wrong_queries_are_one_line(collection, pictures):
    with pytest.raises(TwinlensError, match="k must be at least 1"):
        collection.search(text="red", k=0)
    with pytest.raises(TwinlensError, match="has no picture with the id '77'"):
        collection.search(text="red", unlike="77")
    with pytest.raises(TwinlensError, match="1 picture and 1 text, but 1 weight"):
        collection.search(pictures / "red-0.png", "red", weights=[1], with_self=True)
    with pytest.raises(TwinlensError, match="cancel each other out"):
        collection.search(text="red", without="red")
    with pytest.raises(TwinlensError, match="at character 7"):
        collection.search(text="red", where="shade ~ 2")
    (pictures / "bad.png").write_text("no picture")
    with pytest.raises(TwinlensError, match=r"bad\.png"):
        collection.search(pictures / "bad.png")


def test_the_filter_comes_before_the_ranking(collection, pictures):
    hits = collection.search(pictures / "red-0.png", "red", 3, where='color = "blue" and shade >= 2', with_self=True)
    assert sorted(names(hits)) == ["blue-2", "blue-3"]
    assert collection.search(text="red", where="shade > 100") == []


def test_several_pictures_and_texts(collection, pictures):
    red, blue = pictures / "red-0.png", pictures / "blue-0.png"
    both = names(collection.search([red, blue], k=8, with_self=True))
    assert {name.split("-")[0] for name in both} == {"red", "blue"}
    assert {name.split("-")[0] for name in names(collection.search(text=["red", "green"], k=8))} == {"red", "green"}
    assert names(collection.search([red], ["red"], 3, with_self=True)) == names(
        collection.search(red, "red", 3, with_self=True)
    )


def test_weights_move_the_query(collection, pictures):
    picture = pictures / "red-0.png"
    assert names(collection.search(picture, "blue", 4, weights=[1, 0.01], with_self=True))[0].startswith("red")
    assert names(collection.search(picture, "blue", 4, weights=[0.01, 1], with_self=True))[0].startswith("blue")


def test_without_and_unlike_stay_away(collection, pictures):
    (green,) = collection.search(pictures / "green-0.png", "green", 1, with_self=True)
    toward = {"text": ["red", "green"], "k": 4}
    assert {name.split("-")[0] for name in names(collection.search(**toward, without="green"))} == {"red"}
    away = collection.search(**{**toward, "k": 12}, unlike=green.sample.id)
    assert names(away)[0].startswith("red") and green.sample.id not in {hit.sample.id for hit in away}
    assert len(away) == 11


def test_negatives_lower_what_is_like_them_and_become_no_query(collection):
    both = collection.search(text="red", k=12, without="green")
    assert {name.split("-")[0] for name in names(both[:4])} == {"red"}
    weights = [0, 0.2, 0.5, 1]
    scores = [
        {hit.sample.image.stem: hit.score for hit in collection.search(text="red", k=12, without="green", **how)}
        for how in ({"negative_weight": weight} for weight in weights)
    ]
    greens = [each["green-0"] for each in scores]
    assert greens == sorted(greens, reverse=True) and greens[0] > greens[-1]
    assert {hit.sample.image.stem: hit.score for hit in both} == scores[2]
    with pytest.raises(TwinlensError, match="negative_weight wants 0 or more, not -1"):
        collection.search(text="red", without="green", negative_weight=-1)


def test_several_negatives_weigh_as_much_together_as_one(collection):
    hits = collection.search(text="red", k=12, without=["green", "blue"])
    assert hits == collection.search(text="red", k=12, without=["green", "blue"], negative_weight=0.5 / 2**0.5)


def test_near_duplicates_are_shown_once(collection, pictures):
    assert len({name.split("-")[0] for name in names(collection.search(text="red", k=3))}) == 1
    hits = collection.search(text="red", k=3, distinct=0.99)
    assert {name.split("-")[0] for name in names(hits)} == set(COLORS)


def test_create_does_not_replace_a_collection(collection):
    with pytest.raises(TwinlensError, match=r"there is a collection in .* already"):
        Collection.create(collection.folder, MeanColor())


def test_what_a_kill_during_creation_leaves_is_completed(tmp_path):
    Store.create(tmp_path / "c").close()
    assert not Collection.exists(tmp_path / "c")
    with pytest.raises(TwinlensError, match="is empty; fill it"):
        Collection.open(tmp_path / "c", load=MeanColor.load)
    with Collection.create(tmp_path / "c", MeanColor(), load=MeanColor.load) as collection:
        assert len(collection) == 0 and collection.verify() == []
        assert collection.search(text="red") == []


def test_info_tells_what_there_is(collection, pictures):
    (pictures / "bad.png").write_text("no picture")
    collection.add(pictures, options=ALONE)
    info = collection.info()
    assert (info.pictures, info.failed, info.lacking, info.building) == (12, 1, 0, None)
    assert (info.model.recipe, info.model.dim) == ("mean-color", 20)
    ((reason, count, path),) = info.failures
    assert "no picture" in reason and count == 1 and path == pictures / "bad.png"


def test_two_writers_are_kept_apart(collection, pictures):
    with writing(collection.folder), pytest.raises(TwinlensError, match=f"being written by process {os.getpid()}"):
        collection.add(pictures, options=ALONE)


def test_a_failed_picture_can_not_be_stayed_away_from(collection, pictures):
    (pictures / "bad.png").write_text("no picture")
    collection.add(pictures, options=ALONE)
    bad = collection._store.at(pictures / "bad.png")
    with pytest.raises(TwinlensError, match="could not be embedded"):
        collection.search(text="red", unlike=str(bad.row))


def test_the_best_answer_can_be_marked_as_unwanted(tmp_path):
    """Also where it is exactly what is searched for: it leaves, and the others keep their order."""
    scenes = shapes.load(None, "test", protocol="edits", scenes=2)
    with Collection.create(tmp_path / "scenes", recipe="reading") as made:
        made.add([Item(f"{n}", scene.image) for n, scene in enumerate(scenes.gallery[:8])], options=ALONE)
        query = {"image": scenes.gallery[0].image, "with_self": True, "k": 20}
        best, *others = made.search(**query)
        assert [hit.id for hit in made.search(**query, unlike=best.id)] == [hit.id for hit in others]


def test_pictures_in_which_the_model_sees_nothing_are_no_duplicates(tmp_path):
    rng = np.random.default_rng(0)
    noise = [Item(f"n{n}", rng.integers(0, 255, (40, 60, 3), dtype=np.uint8)) for n in range(5)]
    with Collection.create(tmp_path / "scenes", recipe="reading") as made:
        scene, *others = (one.image for one in shapes.load(None, "test", protocol="edits", scenes=3).gallery[:12])
        made.add([*noise, Item("a", scene), Item("b", scene)], options=ALONE)
        made.add([Item(f"o{n}", other) for n, other in enumerate(others)], options=ALONE)
        assert ["a", "b"] in [[entry.id for entry in group][:2] for group in made.duplicates()]
        assert not any(entry.id.startswith("n") for group in made.duplicates() for entry in group)
        hits = made.search(scene, with_self=True, distinct=0.98, k=20)
        assert {hit.id for hit in hits} >= {f"n{n}" for n in range(5)}
        assert {hits[0].id, *hits[0].duplicates} >= {"a", "b"}


def test_many_duplicates_are_grouped_as_one_by_one(tmp_path, monkeypatch):
    from twinlens.collection.search import scoring

    rng = np.random.default_rng(1)
    centres = rng.standard_normal((7, 16))
    vectors = (centres[rng.integers(0, 7, 90)] + 0.05 * rng.standard_normal((90, 16))).astype(np.float32)
    answers = [scoring.Answer(n, -float(n)) for n in range(90)]
    plain = {}
    units = scoring.unit(vectors)
    for n in range(90):
        near = next((first for first in plain if units[first] @ units[n] >= 0.9), None)
        plain[n if near is None else near] = [] if near is None else [*plain[near], n]
    monkeypatch.setattr(scoring, "GROUPED_AT_ONCE", 16)
    assert {one.row: list(one.duplicates) for one in scoring._grouped(answers, vectors, 0.9)} == plain


def test_captions_that_say_the_words_come_first_whatever_the_query_takes_away(tmp_path):
    lines = ["file_name,text"]
    for seed in range(40):
        draw(tmp_path / "pictures" / f"{seed:02}.png", seed)
        lines.append(f"{seed:02}.png,{('red', 'blue', 'red blue', 'green')[seed % 4]}")
    (tmp_path / "pictures" / "metadata.csv").write_text("\n".join(lines))
    with Collection.create(tmp_path / "c", SideBySide(), load=SideBySide.load) as made:
        made.add(tmp_path / "pictures", options=ALONE)
        for k in (1, 4, 9):
            hits = made.search(text="red blue", without="red", k=k)
            assert {hit.sample.text for hit in hits} == {"red blue"}
            every = made.search(text="red blue", without="red", k=40)
            assert [hit.id for hit in hits] == [hit.id for hit in every[:k]]


def test_the_first_entry_without_a_caption_is_found_beside_those_with_one(tmp_path):
    for seed in range(12):
        draw(tmp_path / "pictures" / f"{seed:02}.png", seed)
    lines = ["file_name,text", *(f"{seed:02}.png,green" for seed in range(11))]
    (tmp_path / "pictures" / "metadata.csv").write_text("\n".join(lines[:6]))
    with Collection.create(tmp_path / "c", SideBySide(), load=SideBySide.load) as made:
        made.add([tmp_path / "pictures" / f"{seed:02}.png" for seed in range(5)], options=ALONE)
        before = made.search(tmp_path / "pictures" / "11.png", text="green", k=12)
        assert len(before) == 5 and not made._session._calibrated[1].flags
        made.add([tmp_path / "pictures" / "11.png"], options=ALONE)
        hits = made.search(tmp_path / "pictures" / "11.png", text="green", k=12, with_self=True)
        assert len(hits) == 6 and hits[0].sample.image.name == "11.png"
