"""Pushing to servers: resumed after a kill, verified, nothing doubled; and searches of what was pushed."""

from __future__ import annotations

import socket

import numpy as np
import pytest

from tests.collection.engines import stores
from tests.collection.engines.conftest import SERVERS
from tests.mean_color import MeanColor
from tests.pictures import ALONE, draw
from twinlens.collection import Collection, SearchRequest
from twinlens.collection.engines import _server
from twinlens.collection.engines._mirror import Listing
from twinlens.collection.engines.local import LocalEngine
from twinlens.collection.remote import engine_at
from twinlens.core import variants
from twinlens.core.types import TwinlensError

pytestmark = pytest.mark.servers
REQUESTS = {
    "text": {"text": "red"},
    "picture": {"image": "many/07.png"},
    "both": {"image": "many/07.png", "text": "red"},
    "itself": {"image": "many/07.png", "with_self": True},
    "filtered": {"text": "red", "where": "id > 10 and id < 25"},
    "nothing": {"text": "red", "where": "id > 1000"},
    "within": {"image": "many/03.png", "within": ["many"]},
    "distinct": {"image": "many/07.png", "distinct": 0.9},
    "without": {"image": "many/07.png", "text": "red", "without": ["blue"]},
    "unlike": {"image": "many/07.png", "unlike": ["4"]},
    "several": {"image": ["many/07.png", "many/08.png"], "text": ["red"], "weights": [1, 2, 0.5]},
    "all": {"text": "red", "k": 100},
}


@pytest.fixture(params=SERVERS)
def name(request):
    return request.param


@pytest.fixture
def server(name, request):
    return request.getfixturevalue(name)


@pytest.fixture
def collection(tmp_path):
    with stores.make(tmp_path / "c", 1000) as collection:
        yield collection


@pytest.fixture
def captioned(tmp_path):
    """Pictures with captions that all have something of every colour, so that no two scores are the same."""
    lines = ["file_name,text"]
    for n in range(30):
        draw(tmp_path / "many" / f"{n:02}.png", n)
        lines.append(f"{n:02}.png,{'red ' * (n % 5 + 1)}{'blue ' * (n % 4 + 1)}")
    (tmp_path / "many" / "metadata.csv").write_text("\n".join(lines))
    with Collection.create(tmp_path / "c", MeanColor(), load=MeanColor.load) as collection:
        collection.add(tmp_path / "many", options=ALONE)
        yield collection


@pytest.fixture
def small_batches(monkeypatch):
    for name in SERVERS:
        monkeypatch.setattr(variants.variant_class("collection.engines", name), "batch_rows", 250)


def check(engine, store):
    """The server holds exactly the rows of the store, with their vectors, none twice."""
    rows = store.rows(store.serving().number)
    there = engine._listing()
    np.testing.assert_array_equal(there.rows, rows)
    found, vectors = engine._read(rows)
    np.testing.assert_array_equal(found, rows)
    assert vectors.tobytes() == store.vectors(store.serving(), rows).tobytes()
    assert there.digest == Listing(*store.checksums(store.serving().number)).digest == engine._mark.digest


def test_a_push_writes_what_differs_and_nothing_else(make, name, collection, small_batches):
    engine, store = make(name), collection._store
    first = engine.push(store)
    assert (first.count, first.written, first.removed) == (1000, 1000, 0)
    again = engine.push(store)
    assert (again.written, again.removed, again.digest) == (0, 0, first.digest)
    stores.remove(store, 10)
    stores.fill(store, 50, seed=1)
    later = engine.push(store)
    assert (later.count, later.written, later.removed) == (950, 50, 100)
    check(engine, store)


@pytest.mark.parametrize("at", ["before", "after"])
def test_a_server_killed_in_mid_push_is_resumed(make, name, server, collection, small_batches, monkeypatch, at):
    """before, after: its rows are on the server but not acknowledged; a batch is acknowledged."""
    engine, written = make(name), []

    class Killed(type(engine)):
        def _write(self, rows, checks, vectors):
            super()._write(rows, checks, vectors)
            written.extend(rows.tolist())
            if len(written) == 500 and at == "after":
                server.kill()

        def _confirm(self, rows, vectors):
            if len(written) == 500 and at == "before":
                server.kill()
            super()._confirm(rows, vectors)

    engine.__class__ = Killed
    try:
        with pytest.raises(TwinlensError) as told:
            engine.push(collection._store)
        assert "\n" not in str(told.value) and len(written) == 500
    finally:
        if not server.is_running:
            server.start()
    read_only = make(name, read_only=True)
    with pytest.raises(TwinlensError, match=r"does not hold all vectors .* fill it with: twinlens push"):
        read_only.sync(collection._store)
    other = make(name)
    pushed = other.push(collection._store)
    assert pushed.count == 1000 and 250 <= pushed.written <= 500
    check(other, collection._store)
    assert read_only.sync(collection._store) == collection._store.state()


def test_the_connection_is_made_anew_after_the_server_was_started_anew(make, name, server, many):
    engine = make(name)
    engine.sync(many._session.store)
    server.kill()
    server.start()
    engine.sync(many._session.store)
    assert engine.count() == 30 and len(engine.search(many.entries_with_vectors()[1][:1], 5)[0][0]) == 5


def test_a_mark_counts_once_the_server_gives_it_back(make, name, server, collection, monkeypatch):
    engine, read = make(name), type(make(name))._read_mark
    unseen = [None, None]
    monkeypatch.setattr(type(engine), "_read_mark", lambda *of, **how: unseen.pop() if unseen else read(*of, **how))
    monkeypatch.setattr(_server, "WAITS", (0.0, 0.0, 0.0))  # before the last, the marks are read from the disk
    engine.push(collection._store)
    assert not unseen and make(name, read_only=True).sync(collection._store) == collection._store.state()
    monkeypatch.setattr(type(engine), "_read_mark", lambda *of, **how: None)
    with pytest.raises(TwinlensError, match="does not give back the mark that says so; run the same command again"):
        make(name).push(collection._store)


def test_a_collection_answers_as_by_its_local_engine(make, name, server, captioned, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    make(name).sync(captioned._session.store)
    with Collection.open(captioned.folder, load=MeanColor.load, engine=engine_at(server.url)) as same:
        for asked, options in REQUESTS.items():  # one push for all: it takes a server seconds
            wanted, found = (one.answer(SearchRequest.of(**options)) for one in (captioned, same))
            assert list(found) == list(wanted), asked
            assert (found.chance, found.mean) == (wanted.chance, wanted.mean), asked
        assert isinstance(captioned._session.engine, LocalEngine) and not isinstance(same._session.engine, LocalEngine)
        assert [list(hits) for hits in same.search_many(["red", "blue"])] == [
            list(hits) for hits in captioned.search_many(["red", "blue"])
        ]


def test_a_pairwise_score_is_answered_too(make, name, server, captioned, tmp_path):
    class Pairwise(MeanColor):
        def own_similarity(self, queries, vectors):
            return -np.abs(queries[:, None] - vectors[None]).sum(axis=2)

    make(name).sync(captioned._session.store)
    asked = {"image": tmp_path / "many" / "07.png", "k": 9, "where": "id > 3"}
    answers = []
    for engine in (LocalEngine, engine_at(server.url)):
        with Collection.open(captioned.folder, load=lambda _: Pairwise(), engine=engine) as collection:
            answers.append(list(collection.search(**asked)))
    assert answers[0] == answers[1] and len(answers[0]) == 9


def test_an_engine_that_lags_says_how_to_mend_it(make, name, server, many, tmp_path):
    engine = engine_at(server.url)
    with Collection.open(many.folder, load=MeanColor.load, engine=engine) as other:
        with pytest.raises(TwinlensError, match="does not hold all vectors"):
            other.search(text="red")
        make(name).sync(many._session.store)
        assert len(other.search(text="red", k=3)) == 3
        draw(tmp_path / "many" / "new.png", 99)
        many.add(tmp_path / "many", options=ALONE)
        with pytest.raises(TwinlensError, match=r"lags behind .*: twinlens push --collection .* --to '?\w+://"):
            other.search(text="red")
        make(name).sync(many._session.store)
        assert len(other.search(text="red", k=40)) == 31


def test_another_model_gets_other_tables(make, name, many):
    engine, store = make(name), many._session.store
    engine.sync(store)
    many.change_model(MeanColor(turn=1), options=ALONE)
    assert many.generation.number == 2
    engine.sync(store)
    check(engine, store)


def test_an_approximate_index_finds_nearly_all_and_a_filter_all(make, name, server, collection):
    store = collection._store
    engine = make(name, url=f"{server.url}{'&' if '?' in server.url else '?'}index=hnsw&ef=100")
    assert not engine.exact
    engine.sync(store)
    check(engine, store)
    rows = store.rows(store.serving().number)
    vectors = store.vectors(store.serving(), rows)
    exact = LocalEngine()
    exact.sync(store)
    wanted, found = exact.search(vectors[:50], 10)[0], engine.search(vectors[:50], 10)[0]
    hits = sum(len(np.intersect1d(a, b)) for a, b in zip(wanted, found, strict=True))
    assert found.shape == (50, 10) and hits >= 0.95 * 500
    some = rows[::9]
    np.testing.assert_array_equal(
        engine.search(vectors[:9], 10, rows=some)[0], exact.search(vectors[:9], 10, rows=some)[0]
    )


def test_equal_scores_are_ordered_by_row(make, name, collection):
    engine, exact, store = make(name), LocalEngine(), collection._store
    engine.sync(store), exact.sync(store)
    queries = store.vectors(store.serving(), store.rows(store.serving().number)[:70:7])
    np.testing.assert_array_equal(engine.search(queries, 2)[0], exact.search(queries, 2)[0])


def test_vectors_that_come_back_otherwise_do_not_count(make, name, collection, monkeypatch):
    engine = make(name)
    monkeypatch.setattr(type(engine), "_read", lambda self, rows: (rows, np.zeros((len(rows), 20), dtype=np.float32)))
    with pytest.raises(TwinlensError, match="other vectors than were written"):
        engine.push(collection._store)


def test_a_collection_that_changes_during_a_push_is_followed(make, name, collection, small_batches):
    engine, store = make(name), collection._store
    changes = iter([lambda: stores.remove(store, 3), lambda: stores.fill(store, 20, seed=5)])

    class Changing(type(engine)):
        def _write(self, rows, checks, vectors):
            super()._write(rows, checks, vectors)
            next(changes, lambda: None)()

    engine.__class__ = Changing
    pushed = engine.push(store)
    check(engine, store)
    assert pushed.count == len(store.rows(store.serving().number)) == 1000 - 334 + 20


def test_nobody_listening_is_one_line(make, name, collection):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    scheme = {"pgvector": "postgresql", "milvus": "milvus"}[name]
    with pytest.raises(TwinlensError, match=rf"^{scheme}://127.0.0.1:{port}[^\n]*$"):
        make(name, url=f"{scheme}://127.0.0.1:{port}").push(collection._store)
