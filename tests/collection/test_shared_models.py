"""Collections of one model share its weights on the disk, and none depends on another."""

from __future__ import annotations

import os
import shutil

import pytest

from tests import toy
from tests.pictures import ALONE
from twinlens.collection import Collection
from twinlens.core.types import TwinlensError
from twinlens.models.composer import Composer


@pytest.fixture
def first(tmp_path, toy_composer):
    (tmp_path / "pictures").mkdir()
    toy.draw(("red", "green", "blue")).save(tmp_path / "pictures" / "a.png")
    with Collection.create(tmp_path / "first", toy_composer) as made:
        made.add(tmp_path / "pictures", options=ALONE)
    return tmp_path / "first"


def weights(folder):
    (path,) = (folder / "model").glob("*/model.safetensors")
    return path


def test_a_collection_made_with_the_model_of_another_links_its_weights(first, tmp_path):
    with Collection.open(first) as one, Collection.create(tmp_path / "second", one.model) as two:
        two.add(tmp_path / "pictures", options=ALONE)
        assert two.verify() == one.verify() == []
    assert weights(first).samefile(weights(tmp_path / "second"))
    names = {path.name for path in weights(first).parent.rglob("*") if path.is_file() and path.stat().st_nlink > 1}
    assert names == {"model.safetensors"}
    shutil.rmtree(first)
    with Collection.open(tmp_path / "second") as two:
        assert two.verify() == [] and len(two.search(text="the left tile is red")) == 1


def test_a_model_by_its_folder_is_linked_and_may_be_replaced_there(first, tmp_path):
    model = tmp_path / "model"
    Composer.load(weights(first).parent).save(model)
    with Collection.create(tmp_path / "second", model) as two:
        assert weights(tmp_path / "second").samefile(model / "model.safetensors")
        Composer.build(toy.recipe(), seed=3, folder=weights(first).parent).save(model)
        assert two.verify() == []
    assert not weights(tmp_path / "second").samefile(model / "model.safetensors")


def test_a_change_of_one_leaves_the_other(first, tmp_path):
    with Collection.open(first) as one, Collection.create(tmp_path / "second", one.model) as two:
        two.add(tmp_path / "pictures", options=ALONE)
        other = Composer.load(weights(first).parent).untrained(seed=5)
        one.change_model(other, options=ALONE)
        one.add(tmp_path / "pictures", options=ALONE)  # the next writer removes the old folder
        assert one.verify() == two.verify() == []
        assert weights(tmp_path / "second").stat().st_nlink == 1


@pytest.mark.parametrize("refused", ["links", "mode", "content"])
def test_what_cannot_be_linked_is_copied(first, tmp_path, monkeypatch, refused):
    def no(*_):
        raise OSError(18, "Invalid cross-device link")

    with Collection.open(first) as one:
        model = one.model
        model.dim  # noqa: B018 - loaded before its file is damaged
        if refused == "links":
            monkeypatch.setattr(os, "link", no)
        elif refused == "mode":
            weights(first).chmod(0o600)
        else:
            data = bytearray(weights(first).read_bytes())
            data[-1] ^= 1
            weights(first).write_bytes(data)
        with Collection.create(tmp_path / "second", model) as two:
            assert two.verify() == [] and not weights(first).samefile(weights(tmp_path / "second"))
    assert [path.name for path in weights(tmp_path / "second").parent.glob("*.tmp")] == []


# How a model is named -------------------------------------------------------------------------------------------------


def test_a_model_is_named_by_its_recipe_its_folder_or_itself(first, tmp_path):
    with Collection.create(tmp_path / "recipe", recipe="compact") as made:
        assert made.generation.recipe == "compact"
    folder = weights(first).parent
    for n, given in enumerate((folder, str(folder), Composer.load(folder))):
        with Collection.create(tmp_path / f"c{n}", given) as made:
            assert made.generation.digest == folder.name


def test_neither_is_what_suits_this_machine(tmp_path, monkeypatch):
    from twinlens.models import serving

    asked = []
    monkeypatch.setattr(serving, "ready", lambda name: asked.append(name) or serving.load("compact"))
    with Collection.create(tmp_path / "c"):
        assert asked == ["auto"]


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (("model",), "no such model folder: model; models that ship are"),
        ((b"model",), "create wants a model, not bytes"),
        ((None, "nothing"), "nothing"),
        ((None, 7), "recipe wants text, not 7"),
        (("model", "compact"), "create takes a model or the name of a recipe, not both; leave one out"),
    ],
)
def test_what_names_no_model_is_one_line(tmp_path, arguments, line):
    with pytest.raises(TwinlensError, match=line) as told:
        Collection.create(tmp_path / "c", arguments[0], recipe=[*arguments, None][1])
    assert "\n" not in str(told.value) and not (tmp_path / "c").exists()
