"""Searches over HTTP: JSON and forms, references of pictures, cursors, and errors in one line."""

from __future__ import annotations

import json

import pytest

from tests.pictures import png
from twinlens.collection.engines.local import LocalEngine


def answer(client, **query):
    response = client.post("/search", json=query)
    assert response.status_code == 200, response.text
    return response.json()


def names(found):
    return [hit["name"] for hit in found["hits"]]


def test_words_find_captions(client):
    found = answer(client, text="red", k=4)
    assert {name.split("-")[0] for name in names(found)} == {"red"}
    assert found["collection"] == "shades" and found["unit"] == "cosine" and found["embedded"] == 1
    assert [hit["rank"] for hit in found["hits"]] == [1, 2, 3, 4]
    hit = found["hits"][0]
    assert hit["caption"] == "red" and hit["metadata"]["color"] == "red" and hit["folder"].endswith("pictures")


def test_a_picture_that_is_uploaded_is_named_for_the_next_search(client, folder):
    data = (folder.parent / "pictures" / "red-1.png").read_bytes()
    form = client.post("/search", files=[("image", ("a.png", data))], data={"k": "3", "with_self": "true"}).json()
    assert form["embedded"] == 1 and "red-1.png" in names(form)
    (reference,) = form["query"]["image"]
    again = answer(client, image=reference, k=3, with_self=True)
    assert again["embedded"] == 0 and again["hits"] == form["hits"] and again["query"] == form["query"]


def test_a_form_takes_the_json_of_a_search_and_several_pictures(reader):
    files = [("image", ("a.png", png(1))), ("image", ("b.png", png(2)))]
    found = reader.post("/search", files=files, data={"request": json.dumps({"text": ["red"], "k": 5})}).json()
    assert len(found["query"]["image"]) == 2 and found["query"]["k"] == 5 and len(found["hits"]) == 5


def test_the_slider_needs_no_network(client):
    image, *_ = answer(client, text="red", k=1)["hits"]
    first = answer(client, image=image["id"], text="blue", balance=0.5, with_self=True)
    assert first["embedded"] > 0
    orders = set()
    for balance in (0, 0.25, 0.75, 1):
        moved = answer(client, image=image["id"], text="blue", balance=balance, with_self=True)
        assert moved["embedded"] == 0 and moved["seconds"]["embed"] == 0
        orders.add(tuple(names(moved)))
    assert len(orders) > 1


def test_cursors_lead_through_all_answers_once(reader):
    seen, cursor = [], None
    while True:
        found = answer(reader, text="green", k=5, cursor=cursor)
        seen += [hit["id"] for hit in found["hits"]]
        if (cursor := found["cursor"]) is None:
            break
    assert len(seen) == len(set(seen)) == 12
    assert [hit["rank"] for hit in answer(reader, text="green", k=5, cursor="5")["hits"]] == [6, 7, 8, 9, 10]


def test_a_picture_of_the_collection_has_similar_ones(reader):
    image, *_ = answer(reader, text="blue", k=1)["hits"]
    found = reader.get(f"/similar/{image['id']}", params={"k": 3}).json()
    assert {name.split("-")[0] for name in names(found)} == {"blue"} and image["id"] not in names(found)


@pytest.mark.parametrize(
    ("query", "status", "line"),
    [
        ({}, 400, "a query needs a picture, a text, or both"),
        ({"text": "a", "where": "year >"}, 400, "condition"),
        ({"text": "a", "where": "colour = 'red'"}, 400, "color"),
        ({"text": "a", "k": 0}, 400, "k: "),
        ({"text": "a", "speed": 1}, 400, "speed: there is no such field; known: collection, image, text"),
        ({"text": "a", "near": [1, 2]}, 400, "near: wants a list of three numbers"),
        ({"text": "a", "near": "48"}, 400, "near: wants a list of three numbers"),
        ({"text": "a", "near": [1, "x", 3]}, 400, "near: wants a list of three numbers"),
        ({"text": "a", "rerank": "match=../../etc/passwd"}, 400, "rerank wants NAME"),
        ({"text": "a", "rerank": "match"}, 400, "a request cannot ask for match"),
        ({"text": "a", "rerank": "match:20"}, 400, "a request cannot ask for match"),
        ({"text": "a", "folder": ["~nobody"]}, 400, "folder wants whole paths"),
        ({"text": "a", "cursor": "x"}, 400, "cursor"),
        ({"text": "a", "collection": "others"}, 404, "known: shades"),
        ({"image": "999"}, 404, "has no picture"),
        ({"image": "upload:00"}, 404, "upload it again"),
    ],
)
def test_a_wrong_request_is_one_line_with_the_cure(reader, query, status, line):
    response = reader.post("/search", json=query)
    assert (response.status_code, list(response.json())) == (status, ["error"])
    assert line in response.json()["error"] and "\n" not in response.json()["error"]


@pytest.mark.parametrize("data", [b"", b"\x89PNG\r\n\x1a\n", b"not a picture", b"<svg xmlns=''/>", png(3)[:60]])
def test_what_is_no_picture_is_refused(reader, data):
    response = reader.post("/search", files=[("image", ("a.png", data))])
    assert response.status_code == 415, response.text
    assert answer(reader, text="red")["hits"]


def test_json_that_is_none_is_refused(reader):
    for body, kind, status in ((b"{", "application/json", 400), (b"[" * 100_000, "application/json", 400),
                               (b"<a/>", "text/xml", 415), (b'{"k": %s}' % (b"9" * 5000), "application/json", 400),
                               (b'"\xff"', "application/json", 400)):  # fmt: skip
        response = reader.post("/search", content=body, headers={"content-type": kind})
        assert response.status_code == status and "sys." not in response.text, response.text


def test_a_picture_without_a_direction_is_told_of_as_one(reader, monkeypatch):
    (image,) = answer(reader, text="blue", k=1)["hits"]
    with monkeypatch.context() as patch:
        patch.setattr("twinlens.collection.search.query.MIN_LENGTH", float("inf"))
        response = reader.get(f"/similar/{image['id']}")
    assert response.status_code == 400 and "choose another picture" in response.json()["error"]


def test_another_engine_answers_where_one_is_given(served):
    class Counting(LocalEngine):
        searches = 0

        def search(self, *args, **options):
            Counting.searches += 1
            return super().search(*args, **options)

    client = served(engine=Counting)
    before = Counting.searches
    assert len(client.post("/search", json={"text": "red", "k": 5}).json()["hits"]) == 5
    assert Counting.searches > before
