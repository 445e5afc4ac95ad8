"""Batches of searches, and the cache of embeddings."""

from __future__ import annotations

import pickle
import threading

import numpy as np
import pytest
from starlette.testclient import TestClient

from tests.mean_color import MeanColor
from tests.pictures import png
from tests.service.conftest import until
from twinlens.collection.search.records import Hits
from twinlens.collection.search.request import SearchRequest
from twinlens.core.types import Sample, TwinlensError
from twinlens.service.batching import BATCH, Answer, Batcher
from twinlens.service.cached_model import CachedModel, EmbeddingCache
from twinlens.service.errors import RequestError
from twinlens.service.lru import LeastRecent
from twinlens.service.pictures import QueryPicture


class Gate:
    """Answers batches once it is opened; a request for "wrong" fails its batch."""

    def __init__(self) -> None:
        self.open, self.sizes = threading.Event(), []

    def answer_all(self, requests):
        self.open.wait(60)
        self.sizes.append(len(requests))
        if any("wrong" in request.texts for request in requests):
            raise TwinlensError("it is wrong")
        return [Answer(Hits(unit=request.texts[0]), 0, 0.0) for request in requests]


@pytest.fixture
def gate():
    return Gate()


@pytest.fixture
def batcher(gate):
    made = Batcher(gate.answer_all, waiting=100, observe=lambda size, seconds: None)
    made.start()
    yield made
    gate.open.set()
    made.stop()


def ask(text: str) -> SearchRequest:
    return SearchRequest.of(None, text)


def test_what_waits_is_answered_in_one_pass(gate, batcher):
    futures = [batcher.submit(ask(str(n))) for n in range(60)]
    gate.open.set()
    assert [future.result(60).hits.unit for future in futures] == [str(n) for n in range(60)]
    assert max(gate.sizes) == BATCH and len(gate.sizes) <= 4


def test_a_wrong_request_fails_alone(gate, batcher):
    texts = ["a", "b", "wrong", "c", "d", "e", "wrong"]
    futures = [batcher.submit(ask(text)) for text in texts]
    gate.open.set()
    for text, future in zip(texts, futures, strict=True):
        if text == "wrong":
            with pytest.raises(TwinlensError, match="it is wrong"):
                future.result(60)
        else:
            assert future.result(60).hits.unit == text


def test_too_many_are_told_to_wait(gate, batcher):
    with pytest.raises(RequestError, match="too many searches") as raised:
        for n in range(200):
            batcher.submit(ask(str(n)))
    assert raised.value.status == 429


def test_the_end_answers_what_waits(gate, batcher):
    futures = [batcher.submit(ask(str(n))) for n in range(5)]
    gate.open.set()
    batcher.stop()
    assert all(future.done() for future in futures)


def test_one_that_was_given_up_is_passed_over(gate, batcher):
    first, second, third = (batcher.submit(ask(str(n))) for n in range(3))
    second.cancel()
    gate.open.set()
    assert first.result(60).hits.unit == "0" and third.result(60).hits.unit == "2"


def model(count: int = 100) -> CachedModel:
    inner = MeanColor()
    return CachedModel(
        inner, inner.digest, EmbeddingCache(count), lambda samples: [inner.prepare(sample) for sample in samples]
    )


def picture(seed: int) -> QueryPicture:
    return QueryPicture(png(seed), bytes([seed]))


SAMPLES = [
    Sample("a", None, "red"),
    Sample("b", picture(1), "red"),
    Sample("c", picture(1)),
    Sample("d", picture(2), "red"),
]


def test_an_embedding_is_made_once_for_a_picture_and_a_text():
    cached = model()
    first = cached.embed(SAMPLES)
    assert np.array_equal(first, MeanColor().embed(SAMPLES)) and cached.count_missing(SAMPLES) == 0
    assert np.array_equal(cached.embed(SAMPLES[::-1]), first[::-1])
    assert (cached.cache.misses, cached.cache.hits) == (4, 4) and cached.inner.prepared == 4


def test_equal_samples_of_a_batch_are_embedded_once():
    cached = model()
    vectors = cached.embed([SAMPLES[0]] * 5)
    assert cached.inner.prepared == 1 and np.array_equal(vectors, np.repeat(vectors[:1], 5, axis=0))


def test_nothing_is_kept_without_a_cache():
    cached = model(0)
    for _ in range(2):
        cached.embed(SAMPLES)
    assert cached.inner.prepared == 8 and cached.count_missing(SAMPLES) == 4


def test_other_models_have_other_embeddings():
    one, other = model(), CachedModel(MeanColor(turn=3), "3", EmbeddingCache(9), lambda samples: [])
    other.cache = one.cache
    assert not np.array_equal(one.embed(SAMPLES[:1]), other.embed(SAMPLES[:1]))


def test_the_least_recently_used_values_go():
    cache = LeastRecent[str, bytes](3, weight=10, weigh=len)
    for name in "abc":
        cache.put(name, bytes(3))
    assert cache.get("a") is not None
    cache.put("d", bytes(3))
    assert [name for name in "abcd" if cache.get(name) is not None] == ["a", "c", "d"]
    cache.put("e", bytes(11))
    assert len(cache) == 0
    cache.put("f", bytes(4))
    cache.put("f", bytes(9))
    cache.put("g", bytes(1))
    assert len(cache) == 2


def test_searches_of_one_moment_are_one_pass(served, monkeypatch):
    client, answers, waiting = served(), [], []
    batcher = client.app.state.service.served(None)._batcher
    submit = batcher.submit
    monkeypatch.setattr(batcher, "submit", lambda request: waiting.append(submit(request)) or waiting[-1])
    ask = lambda n: answers.append(client.post("/search", json={"text": f"red {n}"}).status_code)  # noqa: E731
    with client.app.state.service.served(None)._searches.current()._busy:  # the thread of searches waits for it
        threads = [threading.Thread(target=ask, args=(n,)) for n in range(20)]
        for thread in threads:
            thread.start()
        until(lambda: len(waiting) == 20)
    for thread in threads:
        thread.join()
    assert answers == [200] * 20
    sizes = [float(line.split()[-1]) for line in client.get("/metrics").text.splitlines()
             if line.startswith("twinlens_batch_size_count")]  # fmt: skip
    assert sum(sizes) <= 4


def test_it_is_not_ready_before_the_networks_are_loaded(served, monkeypatch):
    opened = threading.Event()

    class Slow(MeanColor):
        @classmethod
        def load(cls, folder):
            assert opened.wait(60)
            return super().load(folder)

    def get(client, path):
        if (reply := asked(client, path)).status_code == 503:
            opened.set()
        return reply

    asked = TestClient.get
    monkeypatch.setattr(TestClient, "get", get)
    client = served(load=Slow.load)
    log = client.get("/metrics").text
    assert 'twinlens_requests_total{route="/ready",status="503"}' in log
    until(lambda: client.post("/search", json={"text": "red"}).status_code == 200)


def test_other_processes_get_the_model_that_is_wrapped():
    assert isinstance(pickle.loads(pickle.dumps(model())), MeanColor)
