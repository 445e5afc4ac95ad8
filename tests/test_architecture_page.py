"""The examples of docs/architecture.md, followed word by word."""

from __future__ import annotations

import importlib
import re
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.collection.engines import test_all_engines as engines
from tests.collection.search import test_rerank as rerankers
from tests.mean_color import MeanColor
from tests.pictures import draw
from twinlens.collection import Collection
from twinlens.collection.ingest import Options
from twinlens.core import variants

PAGE = (Path(__file__).resolve().parents[1] / "docs" / "architecture.md").read_text(encoding="utf-8")
IMPORTS = """
from __future__ import annotations
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
import numpy as np
from twinlens.collection.engines import Engine
from twinlens.collection.ingest.decoding import Failure, Job, decode
from twinlens.collection.ingest.executors import Embedded, Executor
from twinlens.collection.search.request import SearchRequest
from twinlens.collection.search.rerank import Candidate, Reranker
from twinlens.collection.store import State, Store
from twinlens.indexes import Index, Rows, Scores, Vectors
from twinlens.indexes.exact import Exact
"""


@pytest.fixture
def add(tmp_path, monkeypatch):
    """Puts the page's file for a kind of variant beside those of its folder, and returns its class."""
    added = []

    def put(path: str) -> type:
        folder, _, name = path.rpartition("/")
        package = importlib.import_module(f"twinlens.{folder.replace('/', '.')}")
        code = re.search(rf"`{path}\.py`.*?```python\n(.*?)```", PAGE, re.DOTALL)[1]
        beside = tmp_path / folder
        beside.mkdir(parents=True)
        (beside / f"{name}.py").write_text(f"{IMPORTS}\n{code}", encoding="utf-8")
        monkeypatch.setattr(package, "__path__", [*package.__path__, str(beside)])
        importlib.invalidate_caches()
        added.append(f"{package.__name__}.{name}")
        return variants.variant_class(folder.replace("/", "."), name)

    yield put
    for module in added:
        sys.modules.pop(module, None)


@pytest.fixture
def many(tmp_path):
    for seed in range(30):
        draw(tmp_path / "many" / f"{seed:02}.png", seed)
    with Collection.create(tmp_path / "c", MeanColor(), load=MeanColor.load) as collection:
        collection.add(tmp_path / "many", options=Options(workers=0))
        yield collection


def test_the_index_answers_as_all_indexes(add):
    index = add("indexes/plain")()
    vectors = np.random.default_rng(0).standard_normal((50, 8)).astype(np.float32)
    index.fit(vectors / np.linalg.norm(vectors, axis=1, keepdims=True))
    rows, scores = index.search(index.vectors[:9], 3, rows=np.arange(0, 50, 2))
    assert np.array_equal(rows[::2, 0], np.arange(0, 9, 2)) and np.all(np.diff(scores) <= 0)


def test_the_engine_keeps_the_contract_and_a_collection_searches_by_it(add, many, tmp_path):
    resident = add("collection/engines/resident")
    engines.test_answers_are_those_of_all_vectors_after_every_change(resident(), many, tmp_path)
    engines.test_rows_restrict_the_answers(resident(), many)
    engines.test_the_sample_hardly_changes_when_an_entry_comes(resident(), many, tmp_path)
    wanted = many.search(tmp_path / "many" / "07.png", k=9)
    with Collection.open(many.folder, load=MeanColor.load, engine=resident) as same:
        assert same.search(tmp_path / "many" / "07.png", k=9) == wanted


def test_the_executor_fills_a_collection_as_the_local_one(add, many, tmp_path):
    add("collection/ingest/executors/plain")
    with Collection.create(tmp_path / "d", MeanColor(), load=MeanColor.load) as other:
        assert other.add(tmp_path / "many", options=Options(executor="plain")).added == 30
        assert np.array_equal(other.entries_with_vectors()[1], many.entries_with_vectors()[1])


def test_the_reranker_orders_the_first_of_a_search(add, many):
    add("collection/search/rerank/newest")
    rerankers.test_every_reranker_returns_its_candidates_each_with_a_reason("newest")
    hits = many.search(text="red", k=5, rerank="newest:10")
    times = [hit.why["newest"]["mtime_ns"] for hit in hits]
    assert times == sorted(times, reverse=True)
