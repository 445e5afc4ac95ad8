"""The contract of engines, held against the store's own vectors."""

from __future__ import annotations

import numpy as np
import pytest

from tests.collection.engines.conftest import engines
from tests.mean_color import MeanColor
from tests.pictures import ALONE, draw
from twinlens.collection import Collection
from twinlens.collection.engines import local
from twinlens.collection.search import filters
from twinlens.indexes import _first_pass, _trial


@pytest.fixture(params=engines())
def engine(request, make):
    return make(request.param)


def truth(collection):
    entries, vectors = collection.entries_with_vectors()
    return np.array([entry.row for entry in entries]), vectors


def check_search(engine, collection, k=7):
    rows, vectors = truth(collection)
    queries = vectors[::5]
    found, scores = engine.search(queries, k)
    cosines = queries @ vectors.T
    order = np.argsort(-cosines, axis=1, kind="stable")[:, :k]
    np.testing.assert_allclose(scores, np.take_along_axis(cosines, order, axis=1), atol=1e-5)
    places = np.searchsorted(rows, found)
    np.testing.assert_allclose(np.take_along_axis(cosines, places, axis=1), scores, atol=1e-5)
    assert engine.count() == len(rows)
    np.testing.assert_array_equal(engine.vectors(rows), vectors)


def test_answers_are_those_of_all_vectors_after_every_change(engine, many, tmp_path):
    store = many._session.store
    assert engine.sync(store) == store.state()
    check_search(engine, many)
    draw(tmp_path / "many" / "new.png", 99)
    (tmp_path / "many" / "03.png").unlink()
    draw(tmp_path / "many" / "05.png", 77)
    many.add(tmp_path / "many", options=ALONE)
    assert engine.sync(store) == store.state() == engine.sync(store)
    check_search(engine, many)


def test_rows_restrict_the_answers(engine, many):
    engine.sync(many._session.store)
    rows, vectors = truth(many)
    some = rows[[2, 3, 11, 20]]
    found, scores = engine.search(vectors[:2], 10, rows=some)
    assert found.shape == scores.shape == (2, 4)
    assert all(sorted(line) == some.tolist() for line in found.tolist())
    nothing, _ = engine.search(vectors[:2], 10, rows=rows[:0])
    assert nothing.shape == (2, 0)


def test_a_condition_is_taken_where_that_is_announced(engine, many):
    if not engine.takes_conditions:
        pytest.skip("this engine is given rows")
    engine.sync(many._session.store)
    _, vectors = truth(many)
    assert (engine.search(vectors[:1], 30, where=filters.parse("id > 10"))[0] > 10).all()


def test_the_sample_hardly_changes_when_an_entry_comes(engine, many, tmp_path):
    engine.sync(many._session.store)
    before, vectors = engine.sample(10)
    assert len(set(before.tolist())) == 10
    np.testing.assert_array_equal(engine.vectors(before), vectors)
    draw(tmp_path / "many" / "newer.png", 101)
    many.add(tmp_path / "many", options=ALONE)
    engine.sync(many._session.store)
    after, _ = engine.sample(10)
    assert len(set(before.tolist()) & set(after.tolist())) >= 9
    assert len(engine.sample(1000)[0]) == engine.count() == len(truth(many)[0])


def test_a_sample_of_those_with_a_block_is_found_however_rare(engine, many, monkeypatch):
    monkeypatch.setattr(local, "FIRST", 2)
    engine.sync(many._session.store)
    rows, vectors = truth(many)
    coordinate = 15
    assert (vectors[:, coordinate] == 0).all()
    assert len(engine.sample(1000, having=coordinate)[0]) == len(rows)
    np.testing.assert_array_equal(engine.sample(3, having=coordinate)[0], engine.sample(3)[0])
    assert len(engine.sample(5, having=0)[0]) == (vectors[:, 0] == 0).sum() == 0


def test_a_flag_that_some_entry_has_is_never_denied(engine, many):
    engine.sync(many._session.store)
    _, vectors = truth(many)
    set_somewhere = (vectors > 0).any(axis=0)
    assert all(engine.may_be_set(n) for n in np.flatnonzero(set_somewhere).tolist())
    if isinstance(engine, local.LocalEngine):
        assert not any(engine.may_be_set(n) for n in np.flatnonzero(~set_somewhere).tolist())


def test_an_empty_collection_answers_nothing(engine, tmp_path):
    with Collection.create(tmp_path / "empty", MeanColor(), load=MeanColor.load) as collection:
        engine.sync(collection._session.store)
        rows, scores = engine.search(np.ones((2, MeanColor.dim), dtype=np.float32), 3)
        assert rows.shape == scores.shape == (2, 0) and engine.count() == 0


def test_codes_of_the_rows_change_no_answer_while_rows_come_and_go(many, tmp_path, monkeypatch):
    monkeypatch.setattr(_first_pass, "MIN_ROWS", 1)
    monkeypatch.setattr(_trial, "GAIN", np.inf)
    monkeypatch.setattr(_first_pass, "RESCORED_SHARE", 1)
    monkeypatch.setattr(local, "PREPARING_SHARE", np.inf)
    engine, store = local.LocalEngine(), many._session.store
    engine.sync(store)
    engine.warm_up()
    for number in range(3):
        engine._preparing.join()
        assert any(block.scan.first_pass is not None for block in engine._synced.blocks)
        rows, vectors = truth(many)
        for query in vectors[::7]:
            (found,), (scores,) = engine.search(query[None], 5)
            wanted = np.argsort(-(vectors @ query), kind="stable")[:5]
            np.testing.assert_allclose(scores, (vectors @ query)[wanted], atol=1e-5)
            assert set(found.tolist()) <= set(rows.tolist())
        draw(tmp_path / "many" / f"more-{number}.png", 200 + number)
        (tmp_path / "many" / f"0{number}.png").unlink()
        many.add(tmp_path / "many", options=ALONE)
        engine.sync(store)
