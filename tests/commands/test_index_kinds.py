"""`index --index`: how a collection is searched from then on, and where that is told."""

from __future__ import annotations

import pytest

from tests.pictures import answer
from twinlens.collection.engines import _building
from twinlens.indexes import ivf

pytest.importorskip("faiss")


def test_an_index_is_set_built_told_and_left(run, pictures, model, monkeypatch):
    for module in (_building, ivf):
        monkeypatch.setattr(module, "MIN_ROWS", 2)
    told = answer(run, "index", pictures, "--model", model, "--index", "ivf", "--recall", 0.5, "--workers", 0)
    assert told["index"]["state"] == "approximate" and told["index"]["index"] == "ivf"
    assert answer(run, "info")["index"] == told["index"]
    code, out, _ = run("info")
    assert code == 0 and "measured recall" in out
    found = answer(run, "search", "--text", "a red tile")
    assert found["recall"] >= 0.5 and len(found["hits"]) == 3
    code, out, _ = run("search", "--text", "a red tile")
    assert code == 0 and "approximate: recall" in out and "--index exact" in out
    assert answer(run, "index", pictures, "--index", "exact")["index"]["setting"] == "exact"
    assert answer(run, "search", "--text", "a red tile")["recall"] is None


def test_few_pictures_stay_exact_and_a_wrong_name_is_one_line(run, pictures, model, tmp_path):
    told = answer(run, "index", pictures, "--model", model, "--index", "auto", "--workers", 0)
    assert told["index"]["state"] == "exact: fewer than 200,000 pictures"
    assert "auto; exact" in run("info")[1]
    code, _, err = run("index", pictures, "--index", "ivff")
    assert code == 2 and "did you mean" in err and err.count("\n") == 1
    code, _, err = run("index", pictures, "--index", "ivf", "--recall", 3)
    assert code == 2 and "recall must be" in err


def test_each_option_leaves_the_other_as_it_is(run, pictures, model):
    def setting(*options):
        told = answer(run, "index", pictures, "--model", model, "--workers", 0, *options)["index"]
        return told["setting"], told["recall"]

    assert setting("--index", "ivf") == ("ivf", 0.99)
    assert setting("--recall", 0.9) == ("ivf", 0.9)
    assert setting("--index", "hnsw") == ("hnsw", 0.9)
    assert setting() == ("hnsw", 0.9)
