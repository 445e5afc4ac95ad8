"""Explanations of answers, from the record that their search made."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from tests.mean_color import MeanColor


def test_a_score_is_explained_by_its_shares(reader):
    found = reader.post("/search", json={"text": "red boat", "k": 3}).json()
    hit = found["hits"][1]
    why = reader.get(f"/explain/{hit['id']}", params={"search": found["search"]}).json()
    assert (why["id"], why["rank"], why["unit"]) == (hit["id"], 2, found["unit"])
    assert why["score"] == pytest.approx(hit["score"], abs=1e-5)
    assert sum(share["score"] for share in why["shares"]) == pytest.approx(hit["score"], abs=1e-5)
    assert [word["word"] for word in why["words"]] == ["red", "boat"] and why["gate"] is None and why["no_gate"]


def test_a_search_with_an_upload_is_explained_while_it_is_remembered(client, pictures):
    files = [("image", ("a.png", (pictures / "red-0.png").read_bytes()))]
    found = client.post("/search", files=files, data={"text": "blue", "k": "2"}).json()
    assert client.get(f"/explain/{found['hits'][0]['id']}", params={"search": found["search"]}).status_code == 200
    assert "search again" in client.get("/explain/1?search=unknown").json()["error"]
    assert client.get(f"/explain/999?search={found['search']}").status_code == 404


class GatedColor(MeanColor):
    """A model whose gate is open at the left and closed at the right."""

    def gate_map(self, sample):
        return np.array([[1.0, 0.0], [1.0, 0.0]], dtype=np.float32)


def test_a_gate_is_laid_over_the_querys_picture(served):
    client = served(load=GatedColor.load)
    image = client.post("/search", json={"text": "red", "k": 1}).json()["hits"][0]["id"]
    found = client.post("/search", json={"image": image, "text": "blue", "k": 1}).json()
    address = f"/explain/{found['hits'][0]['id']}"
    assert client.get(address, params={"search": found["search"]}).json()["gate"]["columns"] == 2
    picture = client.get(f"{address}/gate.png", params={"search": found["search"]})
    assert picture.headers["content-type"] == "image/png"
    drawn = Image.open(io.BytesIO(picture.content))
    assert drawn.size == (8, 6) and sum(drawn.getpixel((0, 3))) > sum(drawn.getpixel((7, 3)))


def test_there_is_no_map_where_there_is_no_gate(reader):
    found = reader.post("/search", json={"text": "red", "k": 1}).json()
    response = reader.get(f"/explain/{found['hits'][0]['id']}/gate.png", params={"search": found["search"]})
    assert response.status_code == 404 and "no map of a gate" in response.json()["error"]
