"""The example of plug-ins: built and installed, compared by one command, saved, and opened again with consent alone."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PLUGIN = ROOT / "examples" / "plugin"
SMALL = ("--dataset", "tiles", "--data", "scenes=24")


@pytest.fixture(scope="module")
def twinlens(tmp_path_factory):
    """Install the example into a folder; a function that runs a command line where it is installed."""
    folder = tmp_path_factory.mktemp("plugin")
    shutil.copytree(PLUGIN, folder / "source", ignore=shutil.ignore_patterns("*.egg-info", "build", "__pycache__"))
    how = ("--no-deps", "--no-build-isolation", "--no-index", "-q", "--target", folder / "packages")
    subprocess.run([sys.executable, "-m", "pip", "install", *how, folder / "source"], check=True, capture_output=True)
    path = os.pathsep.join(map(str, (folder / "packages", ROOT / "src")))

    def run(*arguments: object, code: int = 0) -> str:
        command = [sys.executable, "-m", "twinlens", *map(str, arguments)]
        environment = {**os.environ, "PYTHONPATH": path, "HOME": str(folder), "OMP_NUM_THREADS": "1"}
        done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == code, done.stderr
        return done.stdout if code == 0 else done.stderr

    return run


@pytest.fixture(scope="module")
def trained(twinlens):
    """A folder with a model that the recipe of the example was trained to."""
    settings = ("--set", "training.epochs=1", "--set", "fusion.start=0.5")
    twinlens("train", *SMALL, "--recipe", "source/tiles.toml", "--out", "trained", *settings)
    return "trained"


def test_its_dataset_is_listed(twinlens):
    assert "a plug-in of twinlens-tiles 0.1" in twinlens("data")
    assert "two coloured tiles" in twinlens("data", "tiles")


def test_one_command_compares_it_with_built_in_methods(twinlens):
    how = ("--repeats", 1, "--epochs", 1, "--rates", ".003", "--workers", 1, "--cache", "cache")
    printed = twinlens("compare", *SMALL, "--recipe", "source/tiles.toml", "--fusions", "weighted,tirg", *how, "--json")
    methods = json.loads(printed)["methods"]
    assert methods["weighted"]["kind"] == methods["tirg"]["kind"] == "trained"


def test_a_model_that_uses_it_is_opened_with_consent_alone(twinlens, trained):
    asked = ("evaluate", *SMALL, "--model", trained, "--json")
    told = twinlens(*asked, code=2)
    assert "--allow-plugin colours" in told and told.count("\n") == 1
    told = twinlens(*asked, "--allow-plugin", "colours", code=2)
    assert "--allow-plugin weighted" in told
    result = json.loads(twinlens(*asked, "--allow-plugin", "colours", "--allow-plugin", "weighted"))
    assert result["queries"] == 24 and 'name = "weighted"\nstart = 0.5' in result["recipe_toml"]


def test_its_files_are_short():
    files = sorted((PLUGIN / "src").rglob("*.py"))
    assert [path.stem for path in files] == ["__init__", "colours", "tiles", "weighted"]
    for path in files:
        code = [line for line in path.read_text("utf-8").splitlines() if line.strip()]
        assert len(code) <= 50, path
