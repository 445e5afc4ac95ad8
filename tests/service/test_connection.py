"""A service whose collection is replaced, repaired or removed under it."""

from __future__ import annotations

import multiprocessing
import shutil

import pytest

from tests.mean_color import MeanColor
from tests.pictures import ALONE, draw
from twinlens.collection import Collection
from twinlens.collection.store import DATABASE
from twinlens.core.types import TwinlensError
from twinlens.service.service import Service
from twinlens.service.settings import Settings


def hits(client, **query):
    response = client.post("/search", json={"text": "red", "k": 20, **query})
    assert response.status_code == 200, response.text
    return response.json()["hits"]


def test_a_collection_that_is_made_anew_is_served(client, folder, tmp_path):
    before = {hit["name"] for hit in hits(client)}
    shutil.rmtree(folder)
    for path in ("/fields", "/collections"):
        assert client.get(path).status_code == 503
    gone = client.post("/search", json={"text": "red"})
    assert gone.status_code == 503 and "there is no collection in" in gone.json()["error"]
    draw(tmp_path / "others" / "new.png", 77)
    with Collection.create(folder, MeanColor(turn=1), load=MeanColor.load) as made:
        made.add(tmp_path / "others", options=ALONE)
    assert [hit["name"] for hit in hits(client)] == ["new.png"] and "new.png" not in before
    assert client.get("/collections").json()["collections"][0]["pictures"] == 1


def test_a_database_that_a_repair_wrote_anew_is_served(client, folder):
    found = hits(client)
    copy = folder / "copy"
    shutil.copy(folder / DATABASE, copy)
    copy.replace(folder / DATABASE)
    with Collection.open(folder, load=MeanColor.load) as other:
        other.remove(found[0]["id"])
    assert found[0]["id"] not in {hit["id"] for hit in hits(client)}
    assert client.get(f"/pictures/{found[0]['id']}").status_code == 404


def test_the_others_are_listed_where_one_is_gone(served, folder, tmp_path):
    shutil.copytree(folder, tmp_path / "other")
    client = served(collections=(folder, tmp_path / "other"))
    shutil.rmtree(tmp_path / "other")
    assert [one["name"] for one in client.get("/collections").json()["collections"]] == ["shades"]
    assert client.post("/search", json={"text": "red", "collection": "other"}).status_code == 503
    assert hits(client, collection="shades")


def test_a_service_that_cannot_open_leaves_no_process(tmp_path):
    before = set(multiprocessing.active_children())
    with pytest.raises(TwinlensError, match="there is no collection in"):
        Service(Settings(collections=(tmp_path / "none",)))
    assert set(multiprocessing.active_children()) <= before
