"""What people pass to the public functions by mistake: one line each, with what to pass instead."""

from __future__ import annotations

import numpy as np
import pytest

import twinlens
from tests import toy
from tests.mean_color import MeanColor
from twinlens import Collection, Composer, Dataset, Recipe, Sample, TwinlensError, evaluate, find_recipe, train
from twinlens.adaptation import Plan, learn, measure, revert
from twinlens.collection import SearchRequest, receipts
from twinlens.collection.ingest import Options

NOTHING = Dataset((), (), {})
WRONG = [None, b"bytes", bytearray(b"bytes"), np.zeros((2, 3)), 7, "text", {"a": 1}, object()]


@pytest.fixture(scope="module")
def collection(tmp_path_factory):
    folder = tmp_path_factory.mktemp("c")
    toy.draw(("red", "green", "blue")).save(folder / "a.png")
    with Collection.create(folder / "c", MeanColor(), load=MeanColor.load) as made:
        made.add(folder / "a.png")
        yield made


def refused(use, given: object) -> None:
    with pytest.raises(TwinlensError) as told:
        use(given)
    assert "\n" not in str(told.value) and str(told.value).isprintable()


@pytest.mark.parametrize("given", ["", 7, "exact"])
def test_what_makes_no_engine_is_one_line(collection, given):
    refused(lambda it: Collection.open(collection.folder, engine=it), given)


@pytest.mark.parametrize("given", WRONG, ids=lambda given: type(given).__name__)
def test_what_a_model_cannot_take_is_one_line(toy_composer, given):
    uses = [toy_composer.embed, toy_composer.fit, Composer.build, Composer.load]
    uses += [lambda it: toy_composer.embed([it])]
    uses += [lambda it: toy_composer.embed([Sample("a", it)])] if given is not None else []
    uses += [lambda it: toy_composer.embed([Sample("a", None, it)])] if not isinstance(given, str) else []
    uses += [lambda it: train(it, NOTHING, NOTHING), lambda it: train(toy_composer, it, NOTHING)]
    uses += [lambda it: train(toy_composer, NOTHING, it), find_recipe, Recipe.read]
    uses += [lambda it: Recipe.parse(it, source="it")]
    uses += [lambda it: evaluate(it, NOTHING), lambda it: evaluate(toy_composer, it)]
    for use in uses:
        refused(use, given)


@pytest.mark.parametrize("given", WRONG, ids=lambda given: type(given).__name__)
def test_what_a_collection_cannot_take_is_one_line(collection, tmp_path, given):
    uses = [collection.answer, collection.change_model, collection.entry, Collection.open, receipts.read]
    uses += [lambda it: collection.search(k=[it], text="red")]
    uses += [lambda it: collection.explain(it, ["1"])]
    uses += [lambda it: collection.explain(SearchRequest.of(None, "red"), [it])]
    uses += [lambda it: collection.explain(SearchRequest.of(None, "red"), it)]
    uses += [lambda it: receipts.search(collection, it), lambda it: receipts.replay(collection, it)]
    if given is not None:
        uses += [lambda it: Collection.mend(collection.folder, composer=it), collection.search]
        uses += [lambda it: Collection.create(tmp_path / "c", it), collection.search_many]
    if given is not None and not isinstance(given, str):
        uses += [lambda it: collection.search(text=it), lambda it: collection.search(None, it)]
    for use in uses:
        refused(use, given)
    assert not (tmp_path / "c").exists() and collection.verify() == []


@pytest.mark.parametrize("given", WRONG, ids=lambda given: type(given).__name__)
def test_what_nothing_can_be_learned_from_is_one_line(collection, given):
    for use in (learn, measure):
        refused(lambda it, use=use: use(it, Plan()), given)
        refused(lambda it, use=use: use(collection, it), given)
        if given is not None:
            refused(lambda it, use=use: use(collection, Plan(triplets=it)), given)
    refused(revert, given)


@pytest.mark.parametrize("options", [{"workers": "a"}, {"workers": -1}, {"batch_size": 0}, {"limits": 3}, b"x"])
def test_options_that_make_no_run_are_one_line(collection, tmp_path, options):
    with pytest.raises(TwinlensError, match=r"workers|batch_size|limits|options"):
        collection.add(tmp_path, options=Options(**options) if isinstance(options, dict) else options)


def test_no_folder_to_look_in_is_no_filter(collection):
    assert collection.search(text="red", within=None) == collection.search(text="red")


def test_a_lens_that_is_none_is_left_out(collection):
    path = next(collection.folder.parent.glob("*.png"))
    (by_text,) = collection.search(None, "red")
    assert by_text == collection.search(text="red")[0]
    assert collection.search(path, None) == collection.search(path)
    for use in (lambda: collection.search(), lambda: collection.search(None, None), lambda: collection.search([], "")):
        with pytest.raises(TwinlensError, match=r"^a query needs a picture, a text, or both$"):
            use()


def test_recipes_are_found_by_any_path(tmp_path):
    (tmp_path / "toy.toml").write_text(toy.RECIPE)
    assert find_recipe(tmp_path / "toy.toml") == Recipe.read(str(tmp_path / "toy.toml")) == toy.recipe()
    (tmp_path / "latin.toml").write_bytes('name = "é"'.encode("latin-1"))
    with pytest.raises(TwinlensError, match=r"latin\.toml is no recipe: it is not UTF-8$"):
        find_recipe(tmp_path / "latin.toml")


def test_an_option_that_is_unknown_is_pythons_own_error(collection):
    with pytest.raises(TypeError, match="telepathy"):
        collection.search(text="red", telepathy=True)
    assert twinlens.Collection is Collection
