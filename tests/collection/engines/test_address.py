"""URLs of servers: what they may hold, and what they may not."""

from __future__ import annotations

import pytest

from twinlens.collection.engines._address import Address, is_loopback, secret
from twinlens.collection.engines._mirror import Listing, Mark
from twinlens.collection.remote import engine_at
from twinlens.collection.store import State
from twinlens.core.types import TwinlensError

SECRET = "hunter2"


@pytest.mark.parametrize(
    "url",
    [
        f"postgresql://me:{SECRET}@host/db",
        f"postgresql://me%3A{SECRET}@host/db",
        f"postgresql://me:{SECRET}/1@host/db",
        f"postgresql://me:1/{SECRET}%40@host/db",
        f"postgresql://host/db?password={SECRET}",
        f"postgresql://host/db?PassWord={SECRET}",
        f"postgresql://host/db?index=hnsw&sslpassword={SECRET}",
        f"postgresql://host/db?oauth_client_secret={SECRET}",
        f"postgresql://host/db?scram_client_key={SECRET}",
        f"postgres://:{SECRET}@host",
        f"milvus://root:{SECRET}@host:19530",
        f"milvus://host:19530?token={SECRET}",
        f"milvus://host:19530/db?secret={SECRET}&index=x",
    ],
)
def test_a_url_with_a_password_is_refused_by_a_line_that_says_how(url):
    with pytest.raises(TwinlensError) as told:
        engine_at(url)
    line = str(told.value)
    assert "PGPASSWORD" in line and "--credentials-file" in line and SECRET not in line and "\n" not in line


@pytest.mark.parametrize(
    ("url", "line"),
    [
        ("host:5432", "looks like postgresql://"),
        (f"me:{SECRET}@host", "looks like postgresql://"),
        ("://x", "looks like postgresql://"),
        ("postgres://host?index", "look like"),
        ("postgres://host?index=ivf", "unknown index of an engine 'ivf'"),
        ("postgres://host?ef=0", "from 1 to 1000"),
        ("postgres://host?ef=many", "from 1 to 1000"),
        ("mongodb://host", "unknown kind of engine 'mongodb'; known: milvus, postgres, postgresql"),
    ],
)
def test_a_url_that_makes_no_sense_is_one_line(url, line):
    with pytest.raises(TwinlensError, match=line) as told:
        engine_at(url)
    assert "\n" not in str(told.value) and SECRET not in str(told.value)


def test_our_own_options_are_taken_out_of_the_url():
    address = Address.parse("postgresql://me@host:5/db?sslmode=require&index=hnsw&ef=50&options=-c%20x%3D1")
    assert (address.index, address.ef, address.is_approximate) == ("hnsw", 50, True)
    assert address.url == "postgresql://me@host:5/db?sslmode=require&options=-c%20x%3D1"
    assert str(address) == "postgresql://me@host:5/db"
    assert Address.parse(address.as_given) == address
    assert Address.parse("milvus://host").as_given == "milvus://host"
    assert Address.parse("milvus://host:19530").index == "exact"


@pytest.mark.parametrize("host", ["", "localhost", "LOCALHOST", "127.0.0.1", "127.9.9.9", "::1", "[::1]", "/tmp", "@x"])
def test_this_machine_is_loopback(host):
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["db", "10.0.0.1", "0.0.0.0", "127.0.0.1.example.org", "localhost.example.org", "::"])
def test_another_machine_is_not(host):
    assert not is_loopback(host)


def test_a_secret_is_of_the_file_or_else_of_the_environment(tmp_path, monkeypatch):
    monkeypatch.setenv("SOME_TOKEN", SECRET)
    assert secret(None, "SOME_TOKEN") == SECRET
    monkeypatch.setenv("SOME_TOKEN", "")
    assert secret(None, "SOME_TOKEN") is None
    (tmp_path / "token").write_text(f"  {SECRET}\n")
    assert secret(tmp_path / "token", "SOME_TOKEN") == SECRET
    (tmp_path / "token").write_text("\n")
    with pytest.raises(TwinlensError, match="is empty"):
        secret(tmp_path / "token", "SOME_TOKEN")
    with pytest.raises(TwinlensError, match="cannot be read"):
        secret(tmp_path / "none", "SOME_TOKEN")


def test_marks_are_read_as_they_were_written_and_others_are_none():
    mark = Mark(State("ab", 1, 2**61, 7), 5, "00", "hnsw")
    assert Mark.from_json(mark.to_json()) == mark
    assert [Mark.from_json(text) for text in ("", "{}", "[]", "[[1, 2], 3, 4, 5]", "null", "7")] == [None] * 6


def test_listings_are_compared_row_by_row():
    import numpy as np

    def listing(*pairs):
        return Listing(*np.array(pairs, dtype=np.int64).reshape(-1, 2).T)

    here, there = listing((1, 5), (2, 6), (4, 7)), listing((1, 5), (2, 0), (3, 1))
    assert here.lacks(there).tolist() == [False, True, True] and there.lacks(here).tolist() == [False, True, True]
    assert listing().lacks(here).all() and not len(here.lacks(listing()))
    assert listing((1, 1), (1, 1), (2, 2)).repeated().tolist() == [1]
    assert here.without(np.array([2])).rows.tolist() == [1, 4]
    assert here.digest != there.digest and listing().digest != here.digest
