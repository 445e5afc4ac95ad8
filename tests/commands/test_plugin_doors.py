"""Every command that opens a model or a collection runs a plug-in of it only with consent."""

from __future__ import annotations

import json

import pytest

from tests import toy
from tests.core.test_plugins import FUSION, TOML
from twinlens.collection import Collection
from twinlens.core import plugins
from twinlens.core.recipe import Recipe
from twinlens.core.types import TwinlensError
from twinlens.models.composer import Composer
from twinlens.service import assistant

RERANKER = '''
"""The other way round."""
from twinlens.collection.search.rerank import Reranker


class Backwards(Reranker):
    """Reverses the candidates."""

    def rerank(self, request, candidates):
        return candidates[::-1]
'''
ENGINE = '''
"""An engine that finds nothing."""
import numpy as np
from twinlens.collection.engines import Engine


class Empty(Engine):
    """Holds no vectors."""

    def sync(self, store):
        return super().sync(store)

    def search(self, queries, k, *, where=None, rows=None):
        return np.empty((len(queries), 0), dtype=np.int64), np.empty((len(queries), 0), dtype=np.float32)

    def vectors(self, rows):
        return np.empty((0, self.generation.dim), dtype=np.float32)

    def sample(self, count, *, having=None):
        return np.empty(0, dtype=np.int64), np.empty((0, self.generation.dim), dtype=np.float32)
'''


pytestmark = pytest.mark.usefixtures("nothing_loaded")


@pytest.fixture
def mine(tmp_path, toy_edits, monkeypatch):
    """A model whose fusion is a file of the user's, in a process that has not named it."""
    (tmp_path / "mine.py").write_text(FUSION)
    (tmp_path / "mine.toml").write_text(TOML)
    composer = Composer.build(Recipe.read(tmp_path / "mine.toml"))
    composer.fit(toy_edits.queries)
    composer.save(tmp_path / "mine")
    monkeypatch.setattr(plugins, "_loaded", {})
    return tmp_path / "mine"


@pytest.fixture
def collection(run, mine, pictures, tmp_path, monkeypatch):
    """A collection of that model, and a receipt of a search."""
    consent = ("--allow-plugin", "mine.py")
    assert run("index", pictures, "--model", mine, "--workers", 0, *consent)[0] == 0
    assert run("search", "--text", "red", "--receipt", "r.json", *consent)[0] == 0
    monkeypatch.setattr(plugins, "_loaded", {})
    (tmp_path / "mine.ran").unlink()
    return tmp_path / "twinlens-collection"


DOORS = {
    "search": ("search", "--text", "red"),
    "explain": ("explain", "--text", "red", "--hit", 1),
    "index": ("index", "pictures", "--model", "mine", "--collection", "other", "--workers", 0),
    "verify": ("verify",),
    "duplicates": ("duplicates",),
    "embed": ("embed", "twinlens-collection", "--out", "v.npz"),
    "embed a dataset": (
        *("embed", "shapes", "--protocol", "edits", "--data", "scenes=10", "--model", "mine", "--out", "s.npz"),
    ),
    "replay": ("replay", "r.json"),
    "evaluate": ("evaluate", "--model", "mine", "--data", "scenes=10", "--protocol", "edits"),
    "train": ("train", "--recipe", "mine/recipe.toml", "--data", "scenes=20", "--epochs", 1, "--out", "again"),
}


@pytest.mark.parametrize("name", DOORS)
def test_without_consent_a_command_ends_with_a_line_that_tells_the_cure_and_with_it_runs(
    run, collection, tmp_path, name
):
    code, printed, told = run(*DOORS[name])
    assert code in (1, 2) and "--allow-plugin mine.py" in printed + told and "repair" not in told
    assert not (tmp_path / "mine.ran").exists()
    code, _, told = run(*DOORS[name], "--allow-plugin", tmp_path / "mine.py")
    assert code == 0, told


def test_python_and_the_services_ask_too(collection, tmp_path):
    with Collection.open(collection) as opened, pytest.raises(TwinlensError, match=r"--allow-plugin mine\.py"):
        opened.search(text="red")
    with Collection.open(collection, allow_plugins=[str(tmp_path / "mine.py")]) as opened:
        assert opened.search(text="red")
    helper = assistant.Assistant([collection])
    with pytest.raises(Exception, match=r"--allow-plugin mine\.py"):
        helper.search("red")
    helper.close()


def test_a_stage_on_the_command_line_runs(run, indexed, tmp_path):
    (tmp_path / "backwards.py").write_text(RERANKER)
    orders = []
    for more in ((), ("--rerank", "./backwards.py:20")):
        code, printed, told = run("search", "--text", "red", "--json", *more)
        assert code == 0, told
        orders.append([hit["path"] for hit in json.loads(printed)["hits"]])
    assert orders[0] == orders[1][::-1]
    code, _, told = run("search", "--text", "red", "--rerank", "backward")
    assert code == 2 and "unknown reranker 'backward'" in told


def test_a_stage_that_a_model_names_asks(run, pictures, tmp_path, toy_edits):
    (tmp_path / "backwards.py").write_text(RERANKER)
    (tmp_path / "stage.toml").write_text(f'rerank = "./backwards.py:20"\n{toy.RECIPE}')
    composer = Composer.build(Recipe.read(tmp_path / "stage.toml"))
    composer.fit(toy_edits.queries)
    composer.save(tmp_path / "stage")
    plugins._loaded.clear()
    consent = ("--allow-plugin", "backwards.py")
    assert run("index", pictures, "--model", "stage", "--workers", 0, *consent)[0] == 0
    plugins._loaded.clear()
    code, _, told = run("search", "--text", "red")
    assert code == 2 and "names the plug-in 'backwards.py' (reranker)" in told
    assert run("search", "--text", "red", *consent)[0] == 0


def test_an_engine_can_be_a_file(run, indexed, tmp_path):
    (tmp_path / "empty.py").write_text(ENGINE)
    code, printed, told = run("search", "--text", "red", "--engine", "./empty.py", "--json")
    assert code == 0 and json.loads(printed)["hits"] == [], told


def test_what_is_set_stands_in_the_result(run):
    small = ("--protocol", "edits", "--data", "scenes=20", "--repeats", 2, "--epochs", 1, "--json")
    code, printed, told = run("evaluate", *small, "--set", "training.learning_rate=.003")
    assert code == 0, told
    recipe = Recipe.parse(json.loads(printed)["recipe_toml"], source="result")
    assert (recipe.training.learning_rate, recipe.training.epochs) == (0.003, 1)
    code, _, told = run("evaluate", *small, "--set", "training.lerning_rate=1")
    assert code == 2 and "did you mean 'learning_rate'?" in told and told.count("\n") == 1
    code, _, told = run("evaluate", "--model", "compact", "--protocol", "edits", "--set", "training.epochs=1")
    assert code == 2 and "--set changes a recipe" in told
    code, _, told = run("train", "detector", "--set", "training.epochs=1", "--out", "d")
    assert code == 2 and "a detector has none" in told
