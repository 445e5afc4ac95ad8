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
DRIVER = """
import contextlib, io, json, sys
from twinlens import cli

for command in json.loads(sys.argv[1]):
    with contextlib.redirect_stdout(io.StringIO()) as out, contextlib.redirect_stderr(io.StringIO()) as error:
        code = cli.main(command)
    print(json.dumps([code, out.getvalue(), error.getvalue()]))
"""
"""Calls command lines one after another in one process; writes the exit code and what was printed for each."""


@pytest.fixture(scope="module")
def twinlens(tmp_path_factory):
    """Install the example into a folder; a function that runs command lines in a process where it is installed.

    It takes command lines with the exit codes that they should have, and returns what they print on the stream for it.
    """
    folder = tmp_path_factory.mktemp("plugin")
    shutil.copytree(PLUGIN, folder / "source", ignore=shutil.ignore_patterns("*.egg-info", "build", "__pycache__"))
    how = ("--no-deps", "--no-build-isolation", "--no-index", "-q", "--target", folder / "packages")
    subprocess.run([sys.executable, "-m", "pip", "install", *how, folder / "source"], check=True, capture_output=True)
    path = os.pathsep.join(map(str, (folder / "packages", ROOT / "src")))

    def run(*commands: tuple[int, tuple[str, ...]]) -> list[str]:
        command = [sys.executable, "-c", DRIVER, json.dumps([arguments for _, arguments in commands])]
        environment = {**os.environ, "PYTHONPATH": path, "HOME": str(folder), "OMP_NUM_THREADS": "1"}
        done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        told = [json.loads(line) for line in done.stdout.splitlines()]
        assert [code for code, _, _ in told] == [code for code, _ in commands], told
        return [out if code == 0 else error for code, out, error in told]

    return run


@pytest.fixture(scope="module")
def told(twinlens):
    """What commands tell that need no consent: two lists, a comparison, and a training of the example's recipe."""
    how = ("--repeats", "1", "--epochs", "1", "--rates", ".003", "--workers", "1", "--cache", "cache")
    mine = (*SMALL, "--recipe", "source/tiles.toml")
    commands = {
        "datasets": ("data",),
        "dataset": ("data", "tiles"),
        "compare": ("compare", *mine, "--fusions", "weighted,tirg", *how, "--json"),
        "train": ("train", *mine, "--out", "trained", "--set", "training.epochs=1", "--set", "fusion.start=0.5"),
    }
    return dict(zip(commands, twinlens(*((0, command) for command in commands.values())), strict=True))


def test_its_dataset_is_listed(told):
    assert "a plug-in of twinlens-tiles 0.1" in told["datasets"]
    assert "two coloured tiles" in told["dataset"]


def test_one_command_compares_it_with_built_in_methods(told):
    methods = json.loads(told["compare"])["methods"]
    assert methods["weighted"]["kind"] == methods["tirg"]["kind"] == "trained"


@pytest.mark.usefixtures("told")
def test_a_model_that_uses_it_is_opened_with_consent_alone(twinlens):
    asked = ("evaluate", *SMALL, "--model", "trained", "--json")
    one = (*asked, "--allow-plugin", "colours")
    refused, half, printed = twinlens((2, asked), (2, one), (0, (*one, "--allow-plugin", "weighted")))
    assert "--allow-plugin colours" in refused and refused.count("\n") == 1
    assert "--allow-plugin weighted" in half
    result = json.loads(printed)
    assert result["queries"] == 24 and 'name = "weighted"\nstart = 0.5' in result["recipe_toml"]


def test_its_files_are_short():
    files = sorted((PLUGIN / "src").rglob("*.py"))
    assert [path.stem for path in files] == ["__init__", "colours", "tiles", "weighted"]
    for path in files:
        code = [line for line in path.read_text("utf-8").splitlines() if line.strip()]
        assert len(code) <= 50, path
