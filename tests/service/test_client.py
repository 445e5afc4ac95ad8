"""The client of the package against the service."""

from __future__ import annotations

import pytest

from tests.pictures import png
from twinlens.core.types import TwinlensError
from twinlens.service.client import Client


@pytest.fixture
def ask(served):
    """A client of a writable service."""
    client = Client("http://127.0.0.1:8765")
    client._client = served(writable=True)
    return client


def test_a_picture_is_uploaded_once_and_named_from_then_on(ask, pictures):
    first = ask.search(pictures / "red-1.png", "red", k=3, balance=0.3, with_self=True)
    assert len(first) == 3 and [hit.rank for hit in first] == [1, 2, 3] and first.embedded > 0
    again = ask.search(first.images, "red", k=3, balance=0.9, with_self=True)
    assert again.embedded == 0 and again.images == first.images
    assert ask.search(png(4), k=1).hits[0].name.endswith(".png")


def test_answers_lead_to_pictures(ask, pictures):
    hit = ask.search(text="blue", k=1).hits[0]
    assert ask.picture(hit.id)["caption"] == "blue"
    assert ask.file(hit.id) == (pictures / hit.name).read_bytes() and ask.thumb(hit.id)[:2] == b"\xff\xd8"
    assert {other.caption for other in ask.similar(hit.id, k=3)} == {"blue"}
    assert ask.collections()[0]["pictures"] == 12 and ask.fields()["fields"] and ask.duplicates(0.99)
    assert ask.is_ready()


def test_pictures_come_and_go(ask):
    record = ask.add(png(5), id="new/one", caption="a yellow boat", metadata={"year": 2020})
    assert (record["id"], record["metadata"]) == ("new/one", {"year": 2020})
    assert ask.search(text="boat", k=1, where="year = 2020").hits[0].id == "new/one"
    ask.add(png(6), id="new/one", caption="another")
    assert ask.picture("new/one")["caption"] == "another" and ask.collections()[0]["pictures"] == 13
    assert ask.delete("new/one") == 1 and ask.collections()[0]["pictures"] == 12


def test_errors_are_the_line_of_the_service(ask, tmp_path):
    with pytest.raises(TwinlensError, match="a query needs a picture, a text, or both"):
        ask.search()
    with pytest.raises(TwinlensError, match="no picture with the id"):
        ask.picture("999")
    with pytest.raises(TwinlensError, match="cannot be read"):
        ask.search(tmp_path / "nowhere.png")
    with pytest.raises(TwinlensError, match="cannot be used"):
        ask.add(b"\x89PNG\r\n\x1a\nnone", id="bad")


def test_a_service_is_read_only_unless_it_is_told(served):
    client = Client()
    client._client = served()
    for change in (lambda: client.add(png(1)), lambda: client.delete("1")):
        with pytest.raises(TwinlensError, match="twinlens serve --writable"):
            change()


def test_a_service_that_is_not_there_is_one_line():
    with Client("http://127.0.0.1:9") as client, pytest.raises(TwinlensError, match="is it running"):
        client.collections()
    assert not Client("http://127.0.0.1:9").is_ready()
