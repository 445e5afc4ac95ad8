"""The examples of docs/architecture.md, followed word by word."""

from __future__ import annotations

import importlib
import os
import re
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from tests.mean_color import MeanColor
from tests.pictures import draw
from twinlens.collection import Collection
from twinlens.collection.ingest import Options
from twinlens.core import variants

ROOT = Path(__file__).resolve().parents[1]
PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
EXAMPLES = (
    "indexes/plain",
    "collection/engines/resident",
    "collection/ingest/executors/plain",
    "collection/search/rerank/newest",
)
CONTRACTS = (
    *("tests/test_house.py", "tests/test_imports.py", "tests/indexes/test_all_indexes.py"),
    *("tests/collection/engines", "tests/collection/ingest/executors", "tests/collection/search/test_rerank.py"),
)
CASES = "test_house or test_imports or plain or resident or newest"
"""Those that the examples add, and the tests of the whole package: the cases of other variants stay as they are."""


def code(path: str) -> str:
    """The page's file for a variant."""
    return re.search(rf"`{path}\.py`.*?```python\n(.*?)```", PAGE, re.DOTALL)[1]


@pytest.fixture
def add(tmp_path, monkeypatch):
    """Puts the page's file for a kind of variant beside those of its folder, and returns its class."""
    added = []

    def put(path: str) -> type:
        folder, _, name = path.rpartition("/")
        package = importlib.import_module(f"twinlens.{folder.replace('/', '.')}")
        beside = tmp_path / folder
        beside.mkdir(parents=True)
        (beside / f"{name}.py").write_text(code(path), encoding="utf-8")
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


def test_the_examples_pass_lint_types_and_the_tests_that_walk_their_folders(tmp_path):
    for folder in ("src", "tests", "docs", "benchmarks"):  # with what Python has compiled, which takes it ten seconds
        shutil.copytree(ROOT / folder, tmp_path / folder)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    copy_cache_of_types(tmp_path)
    files = [tmp_path / "src" / "twinlens" / f"{path}.py" for path in EXAMPLES]
    for path, file in zip(EXAMPLES, files, strict=True):
        file.write_text(code(path), encoding="utf-8")
    for command in (["ruff", "check"], ["ruff", "format", "--check"], ["mypy"]):
        run(tmp_path, *command, *map(str, files))
    selected = ("-m", "not servers and not cluster", "-k", CASES)
    passed = run(tmp_path, "pytest", "-v", *selected, "-p", "no:cacheprovider", *CONTRACTS)
    for path in ("plain", "resident", "newest"):
        assert f"[{path}" in passed


def copy_cache_of_types(folder: Path) -> None:
    """Copy what mypy found out about the repository, if it has run there, also while it runs: the rest it checks."""
    for file in (ROOT / ".mypy_cache").rglob("cache.*db"):
        copied = folder / file.relative_to(ROOT)
        copied.parent.mkdir(parents=True, exist_ok=True)
        with closing(sqlite3.connect(file)) as source, closing(sqlite3.connect(copied)) as target:
            source.backup(target)


def run(folder: Path, module: str, *arguments: str) -> str:
    """Run a program of the tests' environment in a copy of the repository; return what it prints."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(folder / "src"), str(folder)])}
    command = [sys.executable, "-m", module, *arguments]
    result = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def test_a_collection_searches_by_the_engine(add, many, tmp_path):
    wanted = many.search(tmp_path / "many" / "07.png", k=9, with_self=True)
    with Collection.open(many.folder, load=MeanColor.load, engine=add("collection/engines/resident")) as same:
        assert same.search(tmp_path / "many" / "07.png", k=9, with_self=True) == wanted


def test_the_executor_fills_a_collection_as_the_local_one(add, many, tmp_path):
    add("collection/ingest/executors/plain")
    with Collection.create(tmp_path / "d", MeanColor(), load=MeanColor.load) as other:
        assert other.add(tmp_path / "many", options=Options(executor="plain")).added == 30
        assert np.array_equal(other.entries_with_vectors()[1], many.entries_with_vectors()[1])


def test_the_reranker_orders_the_first_of_a_search(add, many):
    add("collection/search/rerank/newest")
    hits = many.search(text="red", k=5, rerank="newest:10")
    times = [hit.why["newest"]["mtime_ns"] for hit in hits]
    assert times == sorted(times, reverse=True)
