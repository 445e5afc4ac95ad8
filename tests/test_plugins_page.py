"""The page on plug-ins, followed word by word."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from tests import toy
from tests.test_docs import blocks
from twinlens import cli
from twinlens.core import plugins
from twinlens.core.recipe import Recipe
from twinlens.models.composer import Composer
from twinlens.training import loop

PAGE = (Path(__file__).resolve().parents[1] / "docs" / "plugins.md").read_text(encoding="utf-8")
COMMANDS = [shlex.split(line)[1:] for line in re.findall(r"^twinlens .*$", PAGE, re.MULTILINE)]
FUSION, USE, CALLBACK = blocks(PAGE, "python")
SMALL = {
    "compare": ["--data", "scenes=12", "--data", "texts=1", "--workers", "1", "--cache", "cache"],
    "train": ["--data", "scenes=16"],
    "evaluate": ["--data", "scenes=8"],
}


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """A folder with the page's file, in a process that has loaded none."""
    monkeypatch.setattr(plugins, "_loaded", {})
    monkeypatch.setattr(plugins, "_allowed", [])
    monkeypatch.chdir(tmp_path)
    Path("scaled.py").write_text(FUSION, encoding="utf-8")
    return tmp_path


def test_its_file_serves_in_a_recipe():
    (table,) = blocks(PAGE, "toml")
    start, end = toy.RECIPE.index("[fusion]"), toy.RECIPE.index("[training]")
    Path("mine.toml").write_text(toy.RECIPE[:start] + table + toy.RECIPE[end:], encoding="utf-8")
    assert Composer.build(Recipe.read("mine.toml")).fusion.strength == 2.0


def test_its_commands_on_models_run():
    compare, train, evaluate, search, thin = COMMANDS
    assert [command[0] for command in (compare, train, evaluate, search, thin)] == [*SMALL, "search", "train"]
    for command in (train, evaluate, thin):
        assert cli.main([*command, *SMALL[command[0]]]) == 0, command
    assert cli.build_parser(["search"]).parse_args(search).allow_plugin == ["./scaled.py"]


def test_its_comparison_runs():
    from tests.training.test_feature_cache import TOWERS

    Path("tiny.toml").write_text(TOWERS, encoding="utf-8")
    assert cli.main([*COMMANDS[0], *SMALL["compare"], "--recipe", "tiny.toml"]) == 0


def test_its_python_runs(capsys):
    exec(compile(USE, "plugins.md", "exec"), {})
    assert capsys.readouterr().out.startswith("scaled.py scaled.py@")


def test_its_callback_watches_a_training(toy_edits, capsys):
    names: dict[str, object] = {}
    exec(compile(CALLBACK, "plugins.md", "exec"), names)
    loop.train_recipe(toy.recipe(epochs=1), toy_edits, progress=False, callback=names["watch"])
    assert capsys.readouterr().out.startswith("epoch 0, step ")
