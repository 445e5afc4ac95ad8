"""After a warm-up the first search loads nothing."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tests import toy
from tests.mean_color import MeanColor
from tests.pictures import ALONE, png
from twinlens.collection import Collection
from twinlens.collection.items import Item
from twinlens.core.types import TwinlensError

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


@pytest.fixture
def folder(tmp_path, toy_composer):
    with Collection.create(tmp_path / "c", toy_composer) as made:
        for n, tiles in enumerate([("red", "green", "blue"), ("blue", "blue", "red"), ("green", "red", "red")]):
            toy.draw(tiles).save(tmp_path / f"{n}.png")
            made.add(Item(str(n), tmp_path / f"{n}.png", " ".join(tiles)), options=ALONE)
    return tmp_path / "c"


def probe(folder, how: str) -> dict:
    given = [sys.executable, "-c", PROBE, str(folder), how, str(folder.parent / "0.png")]
    done = subprocess.run(given, capture_output=True, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def test_the_first_search_imports_no_module_and_opens_no_file_but_its_picture(folder):
    cold, warm = probe(folder, "cold"), probe(folder, "warm")
    assert len(cold["modules"]) > 100 and any("model.safetensors" in name for name in cold["opened"])
    assert warm["modules"] == []
    assert {name for name in warm["opened"] if name.endswith((".safetensors", ".py", ".pyc", ".json"))} == set()


def test_an_empty_collection_and_one_without_captions_are_warmed_too(tmp_path):
    with Collection.create(tmp_path / "c", MeanColor(), load=MeanColor.load) as made:
        made.warm_up()
        made.add(Item("a", png(1)), options=ALONE)
        made.warm_up()
        assert len(made.search(png(1), with_self=True)) == 1


def test_a_model_that_is_lost_is_told(folder):
    import shutil

    shutil.rmtree(folder / "model")
    with Collection.open(folder) as opened, pytest.raises(TwinlensError, match="is missing"):
        opened.warm_up()


def test_a_collection_is_searched_where_nothing_can_be_cached(folder, monkeypatch):
    (folder.parent / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder.parent / "file" / "cache"))  # no folder can be made there
    assert probe(folder, "cold")["modules"]
