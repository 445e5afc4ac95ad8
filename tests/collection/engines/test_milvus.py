"""Milvus: addresses, encryption, the token, and searches beyond what it returns at once."""

from __future__ import annotations

import numpy as np
import pytest

from tests.collection.engines.test_push import check, collection  # noqa: F401
from twinlens.collection.engines import milvus
from twinlens.collection.engines._address import Address
from twinlens.collection.engines.local import LocalEngine
from twinlens.core.types import TwinlensError

TOKEN = "root:correct horse"


@pytest.mark.parametrize(
    ("url", "parameters"),
    [
        ("milvus://localhost", {"uri": "http://localhost:19530"}),
        ("milvus://127.0.0.1:19531", {"uri": "http://127.0.0.1:19531"}),
        ("milvus://[::1]:7", {"uri": "http://[::1]:7"}),
        ("milvus://localhost?tls=on", {"uri": "https://localhost:19530"}),
        ("milvus://db.example.org", {"uri": "https://db.example.org:19530"}),
        ("milvus://10.0.0.7:1/pictures", {"uri": "https://10.0.0.7:1", "db_name": "pictures"}),
        ("milvus://db.example.org?tls=off", {"uri": "http://db.example.org:19530"}),
        ("milvus://db?ca=/etc/ca.pem", {"uri": "https://db:19530", "server_pem_path": "/etc/ca.pem"}),
    ],
)
def test_beyond_loopback_the_connection_is_encrypted(url, parameters):
    assert milvus._parameters(Address.parse(url)) == parameters


@pytest.mark.parametrize("url", ["milvus://", "milvus://host:port", "milvus://host:99999", "milvus://host?tls=maybe"])
def test_an_address_that_makes_no_sense_is_one_line(url):
    with pytest.raises(TwinlensError, match="an address of Milvus looks like"):
        milvus._parameters(Address.parse(url))


def test_an_unknown_option_is_told_with_the_known_ones():
    with pytest.raises(TwinlensError, match=r"unknown option of milvus:// 'tsl' \(did you mean 'tls'\?\)"):
        milvus._parameters(Address.parse("milvus://host?tsl=on"))


def test_the_token_comes_from_the_environment_or_a_file(monkeypatch, tmp_path):
    pymilvus, given = pytest.importorskip("pymilvus"), []
    monkeypatch.setattr(pymilvus, "MilvusClient", lambda **options: given.append(options))
    (tmp_path / "token").write_text(f"{TOKEN}-of-file\n")
    monkeypatch.delenv(milvus.TOKEN, raising=False)
    for credentials in (None, tmp_path / "token"):
        _ = milvus.MilvusEngine(url="milvus://localhost", credentials=credentials)._client
    monkeypatch.setenv(milvus.TOKEN, TOKEN)
    _ = milvus.MilvusEngine(url="milvus://localhost")._client
    assert [options["token"] for options in given] == ["", f"{TOKEN}-of-file", TOKEN]


def test_the_client_is_asked_for_where_it_is_missing(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "pymilvus", None)
    with pytest.raises(TwinlensError, match=r"pip install 'twinlens\[milvus\]'"):
        milvus.MilvusEngine(url="milvus://localhost")


@pytest.mark.servers
def test_more_rows_than_milvus_takes_at_once(make, collection, monkeypatch):  # noqa: F811
    engine, exact, store = make("milvus"), LocalEngine(), collection._store
    monkeypatch.setattr(milvus, "WINDOW_ROWS", 300)
    monkeypatch.setattr(milvus, "FILTER_ROWS", 150)
    monkeypatch.setattr(milvus, "MESSAGE_BYTES", 100 * 4 * 20)
    engine.sync(store)
    exact.sync(store)
    check(engine, store)
    rows = store.rows(store.serving().number)
    queries = store.vectors(store.serving(), rows[:3])
    for some in (None, rows[::2]):
        wanted, scores = exact.search(queries, 40, rows=some)
        found, cosines = engine.search(queries, 40, rows=some)
        np.testing.assert_allclose(cosines, scores, atol=1e-5)
        assert all(set(a[:30]) <= set(b) for a, b in zip(wanted.tolist(), found.tolist(), strict=True))
    monkeypatch.setattr(milvus, "LIMIT", 100)
    for some in (None, rows[::2]):
        wanted, found = (one.search(queries, 400, rows=some) for one in (exact, engine))
        assert found[0].shape == (3, 400)
        np.testing.assert_allclose(found[1], wanted[1], atol=1e-5)
        assert all(len(set(line)) == 400 for line in found[0].tolist())


@pytest.mark.servers
def test_an_index_is_replaced_by_another_push(make, milvus, collection):  # noqa: F811
    store = collection._store
    hnsw = f"{milvus.url}?index=hnsw"
    make("milvus").sync(store)
    with pytest.raises(TwinlensError, match=r"was pushed for the index exact; ask with \?index=exact"):
        make("milvus", url=hnsw, read_only=True).sync(store)
    make("milvus", url=hnsw).sync(store)
    assert make("milvus", url=hnsw, read_only=True).sync(store) == store.state()
    with pytest.raises(TwinlensError, match="was pushed for the index hnsw"):
        make("milvus", read_only=True).sync(store)
