"""What a collection does while a query's networks load."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from twinlens.collection.search.query import preloading
from twinlens.collection.search.request import SearchRequest
from twinlens.core.types import TwinlensError


class Model:
    """Notes by which thread it was asked to embed what."""

    def __init__(self, error=None):
        self.asked, self.error = [], error

    def embed(self, samples):
        self.asked.append((threading.current_thread(), [sample.text for sample in samples]))
        if self.error:
            raise self.error


def test_words_load_their_networks_beside_the_vectors_the_first_time():
    model = Model()
    with preloading(SearchRequest(texts=("a red dog",)), model, first=True):
        pass
    ((thread, texts),) = model.asked
    assert thread is not threading.current_thread()
    assert texts == ["a red dog"]


@pytest.mark.parametrize("images", [(), (Path("a.png"),)], ids=["later", "image"])
def test_nothing_is_embedded_twice_for_nothing(images):
    model = Model()
    with preloading(SearchRequest(images, ("a",)), model, first=bool(images)):
        pass
    assert model.asked == []


def test_what_fails_there_is_left_to_the_search_itself(capsys):
    with preloading(SearchRequest(texts=("a",)), Model(TwinlensError("no network")), first=True):
        pass
    assert capsys.readouterr().err == ""
