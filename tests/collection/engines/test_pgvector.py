"""PostgreSQL: a synchronous standby, one push at a time, passwords and certificates."""

from __future__ import annotations

import numpy as np
import pytest

from tests import unprivileged
from tests.collection.engines import stores
from tests.collection.engines.test_push import check, collection, small_batches  # noqa: F401
from twinlens.collection.engines.pgvector import PgvectorEngine
from twinlens.core.types import TwinlensError

needs_server = pytest.mark.servers
PASSWORD = "correct horse"


@needs_server
def test_a_failover_keeps_every_acknowledged_row(make, collection, small_batches):  # noqa: F811
    from tests.collection.engines import postgres

    if reason := postgres.missing():
        from tests.collection.engines.conftest import skip

        skip(reason)
    with unprivileged.home() as first, unprivileged.home() as second:
        primary = postgres.Postgres.create(first)
        standby = primary.standby(second)
        acknowledged = []

        class Failing(PgvectorEngine):
            def _write(self, rows, checks, vectors):
                super()._write(rows, checks, vectors)
                acknowledged.extend(rows.tolist())
                if len(acknowledged) == 500:
                    primary.kill()

        both = f"postgresql://postgres@/postgres?host={first},{second}&target_session_attrs=read-write"
        engine = Failing(url=both)
        try:
            with pytest.raises(TwinlensError):
                engine.push(collection._store)
            standby.run("pg_ctl", "promote", "-D", str(second / "data"))
            other = make("pgvector", url=both)
            table = engine._table
            kept = {row for (row,) in standby.execute(f'SELECT "row" FROM {table}')}
            assert len(acknowledged) == 500 and kept >= set(acknowledged)
            pushed = other.push(collection._store)
            assert pushed.count == 1000 and pushed.written == 1000 - len(kept)
            check(other, collection._store)
        finally:
            engine.close()
            standby.stop()
            primary.stop()


@needs_server
def test_two_pushes_of_one_collection_do_not_run_at_once(make, pgvector, collection):  # noqa: F811
    one, other = make("pgvector"), make("pgvector")
    with one._exclusively(collection._store.state().collection), pytest.raises(TwinlensError, match="let it finish"):
        other.push(collection._store)
    assert other.push(collection._store).count == 1000


@needs_server
def test_a_vector_that_changed_in_the_store_is_written_anew(make, collection):  # noqa: F811
    engine, store = make("pgvector"), collection._store
    engine.push(store)
    generation = store.serving()
    rows = store.rows(generation.number)[:5].tolist()
    with store.change():
        for row in rows:
            store.put_vector(row, generation, store.vectors(generation, store.rows(1)[-1:])[0], late=True)
    store.commit()
    pushed = engine.push(store)
    assert (pushed.written, pushed.removed) == (5, 0)
    check(engine, store)


@needs_server
def test_rows_that_another_program_removed_are_brought_back(make, pgvector, collection):  # noqa: F811
    engine, store = make("pgvector"), collection._store
    engine.push(store)
    pgvector.execute(f'DELETE FROM {engine._table} WHERE "row" % 3 = 0')
    assert engine.push(store).written == 333
    check(engine, store)


@needs_server
def test_a_table_that_another_program_dropped_is_told_with_the_cure(make, pgvector, collection):  # noqa: F811
    engine = make("pgvector")
    engine.push(collection._store)
    pgvector.execute(f"DROP TABLE {engine._table}")
    searching = make("pgvector", read_only=True)
    searching.sync(collection._store)
    with pytest.raises(TwinlensError, match=r"does not hold all vectors of .*; fill it with: twinlens push --coll"):
        searching.search(np.ones((1, searching._serving.dim), dtype=np.float32), 3)
    assert engine.push(collection._store).written == 1000


@needs_server
def test_a_push_for_exact_searches_drops_the_graph_before_it_writes(make, pgvector, collection):  # noqa: F811
    store = collection._store
    approximate, engine = make("pgvector", url=f"{pgvector.url}&index=hnsw"), make("pgvector")
    approximate.push(store)
    of_table = f"tablename = '{approximate._table}'"  # other tests leave indexes there
    indexes = f"SELECT count(*) FROM pg_indexes WHERE {of_table} AND indexname LIKE '%hnsw'"
    assert pgvector.execute(indexes) == [(1,)]
    stores.fill(store, 50, seed=1)

    class Watched(type(engine)):
        def _write(self, rows, checks, vectors):
            assert pgvector.execute(indexes) == [(0,)]
            super()._write(rows, checks, vectors)

    engine.__class__ = Watched
    assert engine.push(store).written == 50
    check(engine, store)


@needs_server
def test_the_cure_for_a_server_that_lags_is_the_whole_address(make, pgvector, collection):  # noqa: F811
    url = f"{pgvector.url}&index=hnsw"
    with pytest.raises(TwinlensError) as told:
        make("pgvector", url=url, read_only=True).sync(collection._store)
    assert str(told.value).endswith(f"--collection {collection._store.folder} --to '{url}'")


@needs_server
def test_the_password_comes_from_the_environment_or_a_file(pgvector, collection, monkeypatch, tmp_path):  # noqa: F811
    pgvector.execute(f"CREATE ROLE asked LOGIN SUPERUSER PASSWORD '{PASSWORD}'")
    rules = pgvector.folder / "data" / "pg_hba.conf"
    before = rules.read_text()
    try:
        rules.write_text("local all asked scram-sha-256\n" + before)
        pgvector.execute("SELECT pg_reload_conf()")
        url = pgvector.url.replace("postgres@", "asked@")
        file = tmp_path / "password"
        for given in (None, "wrong"):
            file.write_text(str(given))
            engine = PgvectorEngine(url=url, credentials=None if given is None else file)
            with pytest.raises(TwinlensError) as told:
                engine.push(collection._store)
            assert "password" in str(told.value) and "wrong" not in str(told.value)
        file.write_text(f"{PASSWORD}\n")
        assert _pushed(PgvectorEngine(url=url, credentials=file), collection) == 1000
        monkeypatch.setenv("PGPASSWORD", PASSWORD)
        assert _pushed(PgvectorEngine(url=url), collection) == 1000
    finally:
        rules.write_text(before)
        pgvector.execute("SELECT pg_reload_conf()")
        pgvector.execute("REASSIGN OWNED BY asked TO postgres")
        pgvector.execute("DROP ROLE asked")


def _pushed(engine, collection):  # noqa: F811
    try:
        return engine.push(collection._store).count
    finally:
        engine.close()


@pytest.mark.parametrize(
    ("url", "mode"),
    [
        ("postgresql://localhost/a", None),
        ("postgresql://127.0.0.1/a", None),
        ("postgresql://[::1]:5433/a", None),
        ("postgresql:///a?host=/run/postgresql", None),
        ("postgresql:///a", None),
        ("postgresql://db.example.org/a", "verify-full"),
        ("postgresql://10.0.0.7/a", "verify-full"),
        ("postgresql://localhost,db.example.org/a", "verify-full"),
        ("postgresql:///a?hostaddr=10.0.0.7", "verify-full"),
        ("postgresql://db.example.org/a?sslmode=require", "require"),
    ],
)
def test_beyond_loopback_the_server_must_show_its_certificate(url, mode, monkeypatch, tmp_path):
    pytest.importorskip("psycopg")
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("PGHOST", "PGHOSTADDR", "PGSERVICE", "PGSSLROOTCERT"):
        monkeypatch.delenv(name, raising=False)
    parameters = PgvectorEngine(url=url)._parameters
    assert parameters.get("sslmode") == mode
    assert parameters.get("sslrootcert") == ("system" if mode == "verify-full" else None)
    assert "password" not in parameters


@pytest.mark.parametrize(
    ("url", "variables", "mode"),
    [
        ("postgresql:///a", {"PGHOST": "db.example.org"}, "verify-full"),
        ("postgresql:///a", {"PGHOSTADDR": "10.0.0.7"}, "verify-full"),
        ("postgresql://localhost/a", {"PGHOSTADDR": "10.0.0.7"}, "verify-full"),
        ("postgresql:///a", {"PGSERVICE": "far"}, "verify-full"),
        ("postgresql:///a", {"PGSERVICE": "near"}, None),
        ("postgresql:///?service=far", {}, "verify-full"),
        ("postgresql:///?service=far&sslmode=require", {}, "require"),
        ("postgresql:///a?service=far&hostaddr=127.0.0.1", {}, None),
    ],
)
def test_hosts_that_the_url_does_not_name_are_looked_up(url, variables, mode, monkeypatch, tmp_path):
    pytest.importorskip("psycopg")
    (tmp_path / "services").write_text("[far]\nhost=db.example.org\n[near]\nhost=localhost\n")
    monkeypatch.setenv("PGSERVICEFILE", str(tmp_path / "services"))
    for name in ("PGHOST", "PGHOSTADDR", "PGSERVICE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert PgvectorEngine(url=url)._parameters.get("sslmode") == mode


def test_an_authority_of_the_users_own_is_kept(monkeypatch, tmp_path):
    pytest.importorskip("psycopg")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("PGSSLROOTCERT", raising=False)
    given = PgvectorEngine(url="postgresql://db.example.org/a?sslrootcert=/etc/ca.pem")._parameters
    assert (given["sslmode"], given["sslrootcert"]) == ("verify-full", "/etc/ca.pem")
    (tmp_path / ".postgresql").mkdir()
    (tmp_path / ".postgresql" / "root.crt").touch()
    assert "sslrootcert" not in PgvectorEngine(url="postgresql://db.example.org/a")._parameters


def test_an_option_that_libpq_does_not_have_is_one_line():
    pytest.importorskip("psycopg")
    with pytest.raises(TwinlensError, match=r"^postgresql:// takes an address and options as libpq does$"):
        PgvectorEngine(url="postgresql://localhost/a?colour=red")


def test_the_client_is_asked_for_where_it_is_missing(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "psycopg", None)
    with pytest.raises(TwinlensError, match=r"pip install 'twinlens\[pgvector\]'"):
        PgvectorEngine(url="postgresql://localhost/a")
