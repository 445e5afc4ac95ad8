"""Two small models, examined once: a joint encoder under a gate, and two towers whose vectors are added."""

from __future__ import annotations

import pytest

from tests import toy
from twinlens.core.recipe import Recipe
from twinlens.core.types import Sample
from twinlens.models.composer import Composer
from twinlens.models.runtime import Runtime, cache

TOWERS = """
name = "towers"
dim = 12
[[encoders]]
name = "bovw"
cells = [1, 2]
words = 4
[[encoders]]
name = "bert"
layers = 1
dim = 12
heads = 2
vocabulary = 150
max_tokens = 10
[fusion]
name = "sum"
"""


def _saved(recipe: Recipe, folder) -> Composer:
    composer = Composer.build(recipe)
    composer.fit(
        [Sample(q.id, toy.draw(("red", "green", "blue")).resize((90, 60)), q.text) for q in toy.edits().queries[:9]]
    )
    composer.save(folder / composer.digest)
    return Composer.load(folder / composer.digest)


@pytest.fixture(scope="session")
def kept(tmp_path_factory):
    """The cache folder with what was found out about both models."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(autouse=True)
def in_cache(kept, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(kept))


@pytest.fixture(scope="session", params=["toy", "towers"])
def composer(request, tmp_path_factory, kept):
    recipe = toy.recipe() if request.param == "toy" else Recipe.parse(TOWERS, source="towers")
    composer = _saved(recipe, tmp_path_factory.mktemp(request.param))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(kept))
        Runtime(composer=composer).tune()
        assert cache.read(Runtime(composer=composer).cache_key) is not None
    return composer
