"""Several threads use one collection: searches see whole states while others add, update and remove."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from tests.mean_color import MeanColor
from tests.pictures import ALONE, png
from twinlens.collection import Collection
from twinlens.collection.items import Item
from twinlens.core.types import TwinlensError

SECONDS = 3.0
STAYING = 20
"""Items that nobody removes."""


@pytest.fixture
def collection(tmp_path):
    with Collection.create(tmp_path / "c", MeanColor(), load=MeanColor.load) as made:
        made.add([Item(f"stays-{n}", png(n), "red stone", {"n": n}) for n in range(STAYING)], options=ALONE)
        yield made


def test_searches_see_whole_states_while_another_thread_writes(collection):
    until, ended = time.monotonic() + SECONDS, threading.Event()
    first = collection.search(text="red stone", k=STAYING)
    assert len(first) == STAYING

    def write() -> int:
        turns = 0
        while time.monotonic() < until or turns < 2:
            goes = [Item(f"goes-{n}", png(100 + n), f"blue {turns}", {"turn": turns}) for n in range(5)]
            collection.add(goes, options=ALONE)
            collection.update("goes-0", caption="blue again")
            collection.remove(*(item.id for item in goes))
            turns += 1
        ended.set()
        return turns

    def look(kind: int) -> int:
        looks = 0
        while not ended.is_set() or looks < 2:
            if kind == 0:
                found = [collection.search(text="red stone", k=100)]
            else:
                asked = ["red stone", png(3), {"text": "red stone", "where": "n >= 0"}]
                found = collection.search_many(asked, k=100, with_self=True)
            for hits in found:
                stays = {hit.id for hit in hits if hit.id.startswith("stays")}
                assert len(stays) == STAYING and len(hits) in range(STAYING, STAYING + 6)
                assert len({hit.id for hit in hits}) == len(hits)
                assert all(np.isfinite(hit.score) for hit in hits)
            looks += 1
        return looks

    with ThreadPoolExecutor(4) as threads:
        writing, *looking = [threads.submit(write), *(threads.submit(look, kind) for kind in (0, 1, 1))]
        turns, looks = writing.result(), [one.result() for one in looking]
    assert turns >= 2 and min(looks) >= 2
    assert collection.verify() == [] and len(collection) == STAYING
    assert collection.search(text="red stone", k=STAYING) == first


def test_a_second_writer_is_told_and_nothing_is_lost(collection):
    def add(n: int) -> int:
        while True:
            try:
                collection.add(Item(f"new-{n}", png(200 + n)), options=ALONE)
            except TwinlensError as error:
                assert "writ" in str(error)
                time.sleep(0.01)
            else:
                return n

    with ThreadPoolExecutor(4) as threads:
        assert sorted(threads.map(add, range(8))) == list(range(8))
    assert len(collection) == STAYING + 8 and collection.verify() == []
