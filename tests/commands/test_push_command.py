"""`twinlens push`, and searches that a server answers."""

from __future__ import annotations

import json
import shutil

import pytest

from tests.collection.engines.conftest import make, pgvector  # noqa: F401
from tests.pictures import answer

SECRET = "hunter2"
ASK = ("search", "--text", "a red tile", "-k", 5)


@pytest.mark.servers
def test_a_collection_is_pushed_and_searched_there(indexed, pictures, pgvector, tmp_path):  # noqa: F811
    url = pgvector.url
    code, out, err = indexed(*ASK, "--engine", url)
    assert code == 2 and err.count("\n") == 1 and "does not hold all vectors" in err and not out
    code, out, err = indexed("push", "--to", url)
    assert code == 0 and "rows written" in out and "both sides have" in out and "rows/s" in out
    told = answer(indexed, "push", "--to", url)
    assert (told["written"], told["removed"]) == (0, 0) and told["count"] == 3 and len(told["digest"]) == 40
    there, here = answer(indexed, *ASK, "--engine", url), answer(indexed, *ASK)
    assert there["hits"] == here["hits"] and there["chance"] == here["chance"]
    shutil.copy(pictures / "red.png", pictures / "copy.png")
    assert indexed("index", pictures, "--workers", 0)[0] == 0
    code, _, err = indexed(*ASK, "--engine", url)
    assert code == 2 and err.count("\n") == 1 and "twinlens push --collection twinlens-collection" in err
    assert answer(indexed, "push", "--to", url)["written"] == 1
    assert len(answer(indexed, *ASK, "--engine", f"{url}&index=exact")["hits"]) == 4
    assert indexed(*ASK, "--engine", url, "--receipt", "receipt")[0] == 0
    code, _, err = indexed(*ASK, "--engine", f"{url}&index=hnsw", "--receipt", "no")
    assert code == 2 and "without an approximate index" in err and not (tmp_path / "no").exists()
    assert "postgresql" not in json.dumps(json.loads((tmp_path / "receipt").read_text()))


@pytest.mark.parametrize("command", [("push", "--to"), (*ASK, "--engine")], ids=["push", "search"])
@pytest.mark.parametrize(
    ("url", "line"),
    [
        (f"postgresql://me:{SECRET}@localhost/a", "leave the password out"),
        (f"milvus://root:{SECRET}@localhost", "leave the password out"),
        ("postgresql://localhost/a?index=ivf", "unknown index"),
        ("qdrant://localhost", "unknown kind of engine 'qdrant'"),
        ("localhost", "looks like"),
    ],
)
def test_a_wrong_url_is_one_line_and_no_secret(indexed, command, url, line):
    code, out, err = indexed(*command, url)
    assert code == 2 and not out and err.count("\n") == 1 and line in err and SECRET not in err


def test_a_missing_or_empty_collection_is_not_pushed(run, tmp_path):
    pytest.importorskip("psycopg")
    code, _, err = run("push", "--to", "postgresql://localhost/a")
    assert code == 2 and "there is no collection" in err and err.count("\n") == 1
    code, _, err = run("push", "--to", "postgresql://localhost/a", "--credentials-file", tmp_path / "none")
    assert code == 2 and "the credentials cannot be read" in err and err.count("\n") == 1
