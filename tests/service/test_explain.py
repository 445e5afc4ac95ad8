"""Explanations of answers, from the record that their search made."""

from __future__ import annotations

import pytest


def test_a_score_is_explained_by_its_shares(client):
    found = client.post("/search", json={"text": "red boat", "k": 3}).json()
    hit = found["hits"][1]
    why = client.get(f"/explain/{hit['id']}", params={"search": found["search"]}).json()
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
