"""Networks that load before the collection is opened."""

from __future__ import annotations

import threading

import pytest

from twinlens.collection import Collection
from twinlens.collection.ahead import preloaded
from twinlens.core.types import TwinlensError
from twinlens.models import runtime


class Noted:
    """Notes which sides were asked for."""

    def __init__(self):
        self.asked = []

    def preload(self, *, image, text):
        self.asked.append((image, text))


@pytest.fixture
def folder(tmp_path):
    Collection.create(tmp_path / "c", recipe="compact").close()
    return tmp_path / "c"


def test_the_model_that_serves_is_loaded_once(folder):
    loaded = []
    load = preloaded(folder, lambda path: loaded.append(path) or Noted(), image=False, text=True)
    with Collection.open(folder, load=load) as collection:
        assert collection.model.asked == [(False, True)]
    assert loaded == list((folder / "model").iterdir())


def test_networks_of_both_sides_are_there_when_they_are_needed(folder):
    model = preloaded(folder, runtime.load, image=True, text=True)(next((folder / "model").iterdir()))
    for thread in [one for one in threading.enumerate() if one.name == "networks"]:
        thread.join()
    towers = {tower.name for tower in model.about.towers}
    assert towers and towers <= set(model._network._parts)


def test_another_model_is_read_by_the_same_load(folder, tmp_path):
    load = preloaded(folder, lambda path: path, image=True, text=False)
    assert load(tmp_path) == tmp_path


def test_a_model_that_is_not_run_by_this_is_loaded_all_the_same(folder):
    load = preloaded(folder, lambda path: [path], image=True, text=False)
    (found,) = (folder / "model").iterdir()
    assert load(found) is load(found)


def test_faults_are_left_to_whoever_opens_the_collection(tmp_path, folder):
    def load(path):
        raise TwinlensError("damaged")

    for place in (tmp_path / "none", folder):
        assert preloaded(place, load, image=True, text=True) is load
