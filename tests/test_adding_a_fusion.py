"""The page that shows how to add a fusion, followed word by word."""

from __future__ import annotations

import importlib
import json
import re
import shlex
import sys
from pathlib import Path

import pytest

from tests.fusions import test_all_fusions as contract
from tests.training.test_feature_cache import TOWERS
from twinlens import fusions
from twinlens.cli import main
from twinlens.core import variants
from twinlens.core.recipe import Recipe

PAGE = (Path(__file__).resolve().parents[1] / "docs" / "adding-a-fusion.md").read_text(encoding="utf-8")
NAME = re.search(r"`src/twinlens/fusions/(\w+)\.py`", PAGE)[1]


def block(language: str) -> str:
    return re.search(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)[1]


def command(program: str) -> list[str]:
    return shlex.split(re.search(rf"^{program} .*$", PAGE, re.MULTILINE)[0])


@pytest.fixture(autouse=True)
def added(tmp_path, monkeypatch):
    """The page's file, in a folder that stands beside those of the package."""
    (tmp_path / f"{NAME}.py").write_text(block("python"), encoding="utf-8")
    monkeypatch.setattr(fusions, "__path__", [*fusions.__path__, str(tmp_path)])
    importlib.invalidate_caches()
    yield
    sys.modules.pop(f"twinlens.fusions.{NAME}", None)


def test_the_file_is_found_by_its_name():
    assert NAME in variants.names("fusions")


@pytest.mark.parametrize("with_map", [False, True])
def test_it_keeps_the_contract(with_map):
    contract.test_vectors_have_unit_length(NAME, with_map)
    contract.test_evaluation_is_deterministic_and_each_row_stands_alone(NAME, with_map)
    contract.test_gradients_reach_both_sides(NAME, with_map)
    contract.test_a_side_may_be_missing(NAME)
    contract.test_the_state_dict_is_the_whole_fusion(NAME)
    contract.test_the_sides_may_differ_in_width(NAME)


def test_the_tests_that_the_page_names_exist():
    path = command("python")[3]
    assert (Path(__file__).resolve().parents[1] / path).is_file()


def test_the_comparison_takes_it(tmp_path, capsys):
    recipe = tmp_path / "tiny.toml"
    recipe.write_text(TOWERS.replace("width = 30", "width = 40"))
    arguments = [text if text != "results" else str(tmp_path / "results") for text in command("twinlens")[1:]]
    small = ["--recipe", str(recipe), "--cache", str(tmp_path / "cache"), "--data", "scenes=20", "--data", "texts=2"]
    assert main([*arguments, *small, "--repeats", "1", "--workers", "1", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["methods"][NAME]["kind"] == "trained"


def test_the_recipe_takes_its_options():
    start = TOWERS.index("[fusion]")
    text = TOWERS[:start] + block("toml") + TOWERS[TOWERS.index("[training]") :]
    part = Recipe.parse(text, source="page").fusion
    fusion = variants.make("fusions", part.name, image_dim=4, text_dim=4, dim=4, **part.options)
    assert fusion.strength == part.options["strength"]
