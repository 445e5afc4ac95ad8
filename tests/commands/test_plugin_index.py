"""An index of a user's own, from a file: set, built, searched, told, and opened again with consent alone."""

from __future__ import annotations

import json

import pytest

from tests.pictures import answer
from twinlens.collection import Collection
from twinlens.collection.engines import _building
from twinlens.core import plugins
from twinlens.core.types import TwinlensError

INDEX = '''
"""Rows in the order of their first coordinate, of which those around the query's are compared."""
import numpy as np
from twinlens.indexes._shortlist import ShortlistIndex


class Sorted(ShortlistIndex):
    """The effort is the share of all rows, in hundredths, that are compared."""

    def __init__(self, *, effort=1):
        super().__init__()
        self.effort, self.order = effort, np.empty(0, dtype=np.int64)

    options = property(lambda self: {"effort": self.effort})
    most_effort = property(lambda self: 100 if len(self.order) else 0)

    def _learn(self, vectors):
        self.order = np.argsort(vectors[:, 0], kind="stable")
        self.places = vectors[self.order, 0]

    def shortlist(self, queries, count):
        wanted = max(count, -(-len(self.order) * self._effort_for(count) // 100))
        middles = np.searchsorted(self.places, queries[:, 0])
        starts = np.clip(middles - wanted // 2, 0, max(0, len(self.order) - wanted))
        return [self.order[start : start + wanted] for start in starts.tolist()]

    def _arrays(self):
        return {"order": self.order, "places": self.places}, None

    def _restore(self, file):
        self.order, self.places = file.arrays["order"], file.arrays["places"]
'''


@pytest.fixture(autouse=True)
def a_fresh_process(nothing_loaded, monkeypatch):
    """No plug-in is loaded, and few pictures are enough for an index."""
    monkeypatch.setattr(_building, "MIN_ROWS", 2)


def test_an_index_in_a_file_serves_a_collection(run, indexed, tmp_path):
    (tmp_path / "sorted.py").write_text(INDEX)
    exact = answer(run, "search", "--text", "a red tile")["hits"]
    told = answer(run, "index", "pictures", "--index", "./sorted.py", "--recall", 0.9, "--workers", 0)["index"]
    assert told["state"] == "approximate" and told["setting"].startswith("sorted.py@") and told["rows"] == 3
    plugins._loaded.clear()
    code, _, error = run("search", "--text", "a red tile")
    assert code == 2 and "names the plug-in 'sorted.py' (index)" in error and error.count("\n") == 1
    consent = ("--allow-plugin", "sorted.py")
    found = answer(run, "search", "--text", "a red tile", *consent)
    assert found["recall"] >= 0.9 and [hit["path"] for hit in found["hits"]] == [hit["path"] for hit in exact]
    code, printed, error = run("info", *consent)
    assert code == 0 and "sorted.py" in printed and "sorted.py@" not in printed, error
    code, _, error = run("forget", "pictures/red.png", *consent)
    assert code == 0, error
    assert len(answer(run, "search", "--text", "a red tile", *consent)["hits"]) == 2


def test_an_index_whose_file_is_lost_is_left_by_setting_another(run, indexed, tmp_path):
    (tmp_path / "sorted.py").write_text(INDEX)
    answer(run, "index", "pictures", "--index", "./sorted.py", "--recall", 0.9, "--workers", 0)
    plugins._loaded.clear()
    (tmp_path / "sorted.py").unlink()
    code, _, error = run("search", "--text", "a red tile")
    assert code == 2 and "or do without it: twinlens index DIR --index exact" in error and error.count("\n") == 1
    assert answer(run, "index", "pictures", "--index", "exact", "--workers", 0)["index"]["state"] == "exact"
    assert len(answer(run, "search", "--text", "a red tile")["hits"]) == 3


def test_an_index_that_cannot_be_kept_is_refused_before_anything_is_written(run, pictures, model, tmp_path):
    (tmp_path / "mine.py").write_text("from twinlens.indexes.exact import Exact\n\n\nclass Mine(Exact):\n    pass\n")
    code, _, error = run("index", pictures, "--model", model, "--index", "./mine.py", "--workers", 0)
    assert code == 2 and "'mine.py' cannot be kept beside a collection" in error and error.count("\n") == 1
    assert not (tmp_path / "twinlens-collection").exists()


def test_python_sets_it_too(indexed, tmp_path):
    (tmp_path / "sorted.py").write_text(INDEX)
    (tmp_path / "mine.py").write_text("from twinlens.indexes.exact import Exact\n\n\nclass Mine(Exact):\n    pass\n")
    with Collection.open(tmp_path / "twinlens-collection") as collection:
        collection.set_index(plugins.use("indexes", str(tmp_path / "sorted.py")), recall=0.5)
        assert collection.build_index()["state"] == "approximate"
        with pytest.raises(TwinlensError, match=r"must be a subclass of .*ShortlistIndex"):
            collection.set_index(plugins.use("indexes", str(tmp_path / "mine.py")))
    assert json.loads((tmp_path / "twinlens-collection" / "index.json").read_text())["index"].startswith("sorted.py@")
