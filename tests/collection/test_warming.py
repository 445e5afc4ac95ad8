"""After a warm-up the first search loads nothing."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys

import pytest

from tests import toy
from tests.mean_color import MeanColor
from tests.pictures import ALONE, png
from twinlens.collection import Collection
from twinlens.collection.items import Item
from twinlens.core.types import TwinlensError
from twinlens.models.composer import Composer

PROBE = """
import builtins, json, sys
from twinlens import Collection

with Collection.open(sys.argv[1]) as collection:
    if sys.argv[2] == "warm":
        collection.warm_up()
    before, opened, plain = set(sys.modules), [], builtins.open
    sys.addaudithook(lambda event, args: opened.append(str(args[0])) if event == "open" else None)
    for arguments in ({"text": "the left tile is red"}, {"image": sys.argv[3]}, {"image": sys.argv[3], "text": "blue"}):
        assert collection.search(**arguments, with_self=True)
print(json.dumps({"modules": sorted(set(sys.modules) - before), "opened": opened}))
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory, toy_edits):
    home, composer = tmp_path_factory.mktemp("warming"), Composer.build(toy.recipe())
    composer.fit(toy_edits.queries)
    with Collection.create(home / "c", composer) as made:
        for n, tiles in enumerate([("red", "green", "blue"), ("blue", "blue", "red"), ("green", "red", "red")]):
            toy.draw(tiles).save(home / f"{n}.png")
            made.add(Item(str(n), home / f"{n}.png", " ".join(tiles)), options=ALONE)
    return home / "c"


def probe(folder, how: str, **environment: str) -> dict:
    given = [sys.executable, "-c", PROBE, str(folder), how, str(folder.parent / "0.png")]
    done = subprocess.run(given, capture_output=True, text=True, check=True, env={**os.environ, **environment})
    return json.loads(done.stdout.splitlines()[-1])


@pytest.fixture(scope="module")
def cold(folder):
    """What searches load that nothing was warmed for, where nothing can be cached: no folder can be made there."""
    (folder.parent / "file").write_text("")
    return probe(folder, "cold", XDG_CACHE_HOME=str(folder.parent / "file" / "cache"))


def test_the_first_search_imports_no_module_and_opens_no_file_but_its_picture(cold, folder):
    warm = probe(folder, "warm")
    assert len(cold["modules"]) > 100 and any("model.safetensors" in name for name in cold["opened"])
    assert warm["modules"] == []
    assert {name for name in warm["opened"] if name.endswith((".safetensors", ".py", ".pyc", ".json"))} == set()


def test_an_empty_collection_and_one_without_captions_are_warmed_too(tmp_path):
    with Collection.create(tmp_path / "c", MeanColor(), load=MeanColor.load) as made:
        made.warm_up()
        made.add(Item("a", png(1)), options=ALONE)
        made.warm_up()
        assert len(made.search(png(1), with_self=True)) == 1


def test_a_model_that_is_lost_is_told(folder, tmp_path):
    shutil.copytree(folder, tmp_path / "c")
    shutil.rmtree(tmp_path / "c" / "model")
    with Collection.open(tmp_path / "c") as opened, pytest.raises(TwinlensError, match="is missing"):
        opened.warm_up()


def test_a_collection_is_searched_where_nothing_can_be_cached(cold):
    assert cold["modules"]
