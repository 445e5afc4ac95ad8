"""The index that a collection is set to: kept in its folder, told with answers and by info."""

from __future__ import annotations

import pytest

from tests.mean_color import MeanColor
from tests.pictures import ALONE, draw
from twinlens.collection import Collection
from twinlens.collection.engines import _building
from twinlens.collection.engines.approximate import ApproximateEngine
from twinlens.collection.engines.local import LocalEngine
from twinlens.collection.index_setting import IndexSetting
from twinlens.collection.store import Store
from twinlens.core.types import TwinlensError
from twinlens.indexes import hnsw, ivf

pytest.importorskip("faiss")


@pytest.fixture(autouse=True)
def small(monkeypatch):
    for module in (_building, ivf, hnsw):
        monkeypatch.setattr(module, "MIN_ROWS", 20)


@pytest.fixture
def many(tmp_path):
    for seed in range(60):
        draw(tmp_path / "many" / f"{seed:02}.png", seed)
    with Collection.create(tmp_path / "c", MeanColor(), load=MeanColor.load) as collection:
        collection.add(tmp_path / "many", options=ALONE)
        yield collection


def opened(collection):
    return Collection.open(collection.folder, load=MeanColor.load)


@pytest.mark.parametrize("kind", ["ivf", "hnsw", "cluster_svm"])
def test_a_setting_is_kept_and_answers_tell_the_recall(many, tmp_path, kind):
    query = tmp_path / "many" / "07.png"
    exact = many.search(query, k=5)
    assert exact.recall is None and many.info().index == {"setting": "exact", "recall": None, "state": "exact"}
    many.set_index(kind, recall=0.9)
    assert many.search(query, k=5) == exact
    told = many.build_index()
    assert told["state"] == "approximate" and told["index"] == kind and min(told["measured"].values()) >= 0.9
    assert many.info().index == told == many.build_index()
    for collection in (many, opened(many)):
        hits = collection.search(query, k=5)
        assert hits.recall == min(told["measured"].values()) and hits[0] == exact[0]
        assert collection.search(query, k=5, where="id > 3").recall is None
    assert many.verify() == []
    many.set_index("exact")
    assert many.search(query, k=5) == exact and opened(many).search(query, k=5).recall is None


@pytest.mark.parametrize("next_setting", [("hnsw", 0.9), ("cluster_svm", 0.9), ("ivf", 0.95)])
def test_an_index_of_an_earlier_setting_does_not_answer(many, next_setting):
    many.set_index("ivf", recall=0.9)
    assert many.build_index()["index"] == "ivf"
    kind, target = next_setting
    many.set_index(kind, recall=target)
    for collection in (many, opened(many)):
        assert collection.search(text="red").recall is None
        assert collection.info().index["state"] == "exact until the index is built"
    told = many.build_index()
    assert (told["index"], told["recall"]) == next_setting
    assert opened(many).search(text="red").recall == min(told["measured"].values()) >= target
    assert len(list((many.folder / "cache").glob("*.index"))) == 1


def test_few_pictures_are_searched_exactly_whatever_is_set(many, monkeypatch):
    monkeypatch.setattr(_building, "MIN_ROWS", 61)
    many.set_index("ivf")
    assert many.build_index()["state"] == "exact: fewer than 61 pictures"
    many.set_index("auto")
    assert many.build_index()["state"] == "exact: fewer than 200,000 pictures"
    assert many.search(text="red").recall is None


def test_an_engine_that_is_given_is_taken(many):
    many.set_index("ivf")
    many.build_index()
    with Collection.open(many.folder, load=MeanColor.load, engine=LocalEngine) as collection:
        assert collection.search(text="red").recall is None


def test_a_warm_collection_builds_its_index_beside_the_searches(many):
    many.set_index("ivf", recall=0.9)
    many.warm_up()
    engine = many._session.engine
    assert isinstance(engine, ApproximateEngine)
    engine._building.join()
    assert many.search(text="red").recall >= 0.9


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"index": "quick", "recall": 0.9}', '{"index": "ivf", "recall": 7}'])
def test_a_damaged_setting_leaves_exact_answers_and_is_told(many, text):
    (many.folder / "index.json").write_text(text)
    with opened(many) as collection:
        assert collection.search(text="red").recall is None
        assert [line for line in collection.verify() if "index.json is damaged" in line]
    many.set_index("exact")
    assert many.verify() == []


def test_what_cannot_be_set_is_refused(many):
    with pytest.raises(TwinlensError, match="did you mean"):
        many.set_index("ivv")
    for wrong in (0, 2, "much"):
        with pytest.raises(TwinlensError, match="recall must be"):
            many.set_index("ivf", recall=wrong)
    assert IndexSetting.read(many.folder) == IndexSetting()


def test_a_collection_whose_engine_is_refused_leaves_no_file_open(collection, monkeypatch):
    closed = []
    monkeypatch.setattr(Store, "close", lambda store: closed.append(store))

    def refuse():
        raise TwinlensError("no such server")

    with pytest.raises(TwinlensError, match="no such server"):
        Collection.open(collection.folder, load=MeanColor.load, engine=refuse)
    assert len(closed) == 1
