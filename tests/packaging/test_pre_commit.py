"""The hooks for pre-commit are the checks of `make check`, from the same environment."""

from __future__ import annotations

import re
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
(REPOSITORY,) = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text("utf-8"))["repos"]
HOOKS = REPOSITORY["hooks"]


def checks() -> set[tuple[str, ...]]:
    """The tools of `make check`, each with what it does but without the paths."""
    recipe = (ROOT / "Makefile").read_text("utf-8").split("\ncheck:")[1].split("\n\n")[0]
    lines = re.findall(r"^\t\$\(BIN\)/(.+)$", recipe, flags=re.MULTILINE)
    paths = {".", ".github/workflows", ".github/workflows/ci.yml", "CITATION.cff", "Containerfile"}
    return {tuple(word for word in line.split() if word not in paths) for line in lines}


def test_every_check_is_a_hook_and_every_hook_a_check():
    entries = [hook["entry"].removeprefix(".venv/bin/").replace(" --force-exclude", "") for hook in HOOKS]
    assert {tuple(entry.split()) for entry in entries} == checks() and len(HOOKS) == len(checks()) == 7


def test_hooks_take_their_tools_from_the_project():
    assert REPOSITORY["repo"] == "local"
    assert all(hook["language"] == "system" and hook["entry"].startswith(".venv/bin/") for hook in HOOKS)


def test_hooks_match_the_files_that_they_are_for():
    files = {hook["id"]: re.compile(hook["files"]) for hook in HOOKS if "files" in hook}
    for name, path in {
        "mypy": "src/twinlens/cli.py",
        "workflows": ".github/workflows/ci.yml",
        "zizmor": ".github/workflows/ci.yml",
        "citation": "CITATION.cff",
        "hadolint": "Containerfile",
    }.items():
        assert files[name].search(path) and (ROOT / path).is_file()
