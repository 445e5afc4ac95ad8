"""The query's own picture is no answer, unless it is asked for."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
from PIL import Image
from scipy.stats import norm

from tests.mean_color import MeanColor
from tests.pictures import ALONE, names, paint
from twinlens.collection import Collection, SearchRequest, receipts
from twinlens.core.types import TwinlensError


def test_the_querys_own_picture_and_copies_of_it_are_left_out(collection, pictures, tmp_path):
    shutil.copy(pictures / "red-0.png", pictures / "copy.png")
    collection.add(pictures, options=ALONE)
    outside = shutil.copy(pictures / "red-0.png", tmp_path / "outside.png")
    for query in (pictures / "red-0.png", outside):
        hits = collection.search(query, k=20)
        assert len(hits) == 11 and not {"red-0", "copy"} & set(names(hits))
    assert {"red-0", "copy"} == set(names(collection.search(outside, k=2, with_self=True)))


def test_a_file_that_has_changed_since_is_still_itself(collection, pictures, monkeypatch):
    paint(pictures / "red-0.png", (225, 20, 20))
    assert names(collection.search(pictures / "red-0.png", k=1)) == ["red-1"]
    (pictures.parent / "link").symlink_to(pictures)
    monkeypatch.chdir(pictures.parent)
    assert names(collection.search("link/red-0.png", k=1)) == ["red-1"]


def test_of_several_pictures_each_is_left_out_and_one_in_memory_is_not(collection, pictures):
    both = [pictures / "red-0.png", pictures / "blue-0.png"]
    assert not {"red-0", "blue-0"} & set(names(collection.search(both, k=12)))
    with Image.open(pictures / "red-0.png") as picture:
        assert names(collection.search(picture.convert("RGB"), k=1)) == ["red-0"]


def test_a_failed_entry_of_the_same_content_harms_nothing(collection, pictures):
    (pictures / "bad.png").write_text("no picture")
    collection.add(pictures, options=ALONE)
    paint(pictures / "bad.png", (225, 20, 20))
    assert len(collection.search(pictures / "bad.png", k=20)) == 12


def test_a_collection_of_the_query_alone_has_no_answer(tmp_path):
    path = paint(tmp_path / "one" / "a.png", (1, 2, 3))
    with Collection.create(tmp_path / "c", MeanColor(), load=MeanColor.load) as collection:
        collection.add(path.parent, options=ALONE)
        assert collection.search(path) == [] and len(collection.search(path, with_self=True)) == 1


def test_the_chance_is_that_of_the_other_pictures(tmp_path):
    rng = np.random.default_rng(0)
    for n in range(40):
        paint(tmp_path / "many" / f"{n}.png", tuple(rng.integers(0, 255, 3).tolist()))
    with Collection.create(tmp_path / "c", MeanColor(), load=MeanColor.load) as collection:
        collection.add(tmp_path / "many", options=ALONE)
        hits = collection.search(tmp_path / "many" / "3.png", k=99)
    scores = np.array([hit.score for hit in hits])
    z = (scores[0] - scores.mean()) / scores.std()
    assert len(hits) == 39 and hits.chance == pytest.approx(1 - norm.cdf(z) ** 39, rel=0.03)


def test_a_receipt_keeps_the_choice_and_an_older_one_had_the_picture_itself(collection, pictures):
    request = SearchRequest.of(pictures / "red-0.png", k=2)
    assert request.to_json()["with_self"] is False and SearchRequest.from_json(request.to_json()) == request
    _, receipt = receipts.search(collection, request)
    assert receipts.replay(collection, receipt).same
    hits, receipt = receipts.search(collection, SearchRequest.of(pictures / "red-0.png", k=2, with_self=True))
    del receipt["asked"]["with_self"]
    replay = receipts.replay(collection, json.loads(json.dumps(receipt)))
    assert names(hits)[0] == "red-0" and replay.same


def test_anything_but_true_and_false_is_one_line():
    with pytest.raises(TwinlensError, match="with_self is True or False, not 'yes'"):
        SearchRequest.of(text="x", with_self="yes")
