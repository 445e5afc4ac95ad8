"""The documents tell the truth: their snippets run, their links lead somewhere."""

from __future__ import annotations

import re
import shlex
from importlib import resources
from pathlib import Path

import pytest

from twinlens.cli import main
from twinlens.core import variants
from twinlens.core.recipe import Recipe
from twinlens.models.composer import Composer
from twinlens.shapes.drawing import draw
from twinlens.shapes.scenes import random_scene

ROOT = Path(__file__).resolve().parents[1]
DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
SHIPPED = Path(str(resources.files("twinlens") / "models" / "compact"))


def blocks(path: Path, language: str) -> list[str]:
    """The fenced blocks of a document in one language ("" for plain ones)."""
    return re.findall(rf"^```{language}\n(.*?)^```", path.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A working folder as the README has it: some pictures, and the shipped model under models/compact."""
    import numpy as np

    pictures = tmp_path / "Pictures"
    pictures.mkdir()
    rng = np.random.default_rng(0)
    for name in ("a.png", "b.png", "beach.jpg"):
        draw(random_scene(rng)).save(pictures / name)
    (tmp_path / "pictures").symlink_to(pictures)
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "compact").symlink_to(SHIPPED)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


def test_the_readmes_python_does_what_it_says(home, capsys):
    (code,) = blocks(ROOT / "README.md", "python")
    exec(compile(code, "README.md", "exec"), {})
    assert "a.png" in capsys.readouterr().out


def test_the_readmes_first_five_minutes_run(home, capsys):
    lines = [line for block in blocks(ROOT / "README.md", "") for line in block.splitlines()]
    commands = [shlex.split(line, comments=True)[1:] for line in lines if line.startswith("twinlens ")]
    assert [command[0] for command in commands][:3] == ["index", "search", "info"]
    for command in commands[:3]:
        assert main([word.replace("~", str(home)) for word in command]) == 0
    assert "beach.jpg" in capsys.readouterr().out


def test_the_references_python_runs(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (code,) = blocks(ROOT / "docs" / "reference.md", "python")
    settings = "find_recipe('compact')"
    brief = code.replace('find_recipe("compact")', f"brief({settings})").replace("scenes=40", "scenes=12")

    def shortened(recipe: Recipe) -> Recipe:
        return recipe.model_copy(update={"training": recipe.training.model_copy(update={"epochs": 1, "batch_size": 8})})

    exec(compile(brief, "reference.md", "exec"), {"brief": shortened})
    assert "over" in capsys.readouterr().out


def test_the_guides_recipe_builds():
    (text,) = blocks(ROOT / "docs" / "guide.md", "toml")
    assert Composer.build(Recipe.parse(text, source="guide")).dim == 256


def test_every_command_that_the_documents_name_exists():
    named = {
        line.split()[1]
        for path in DOCUMENTS
        for block in blocks(path, "")
        for line in block.splitlines()
        if line.startswith("twinlens ")
    }
    assert named <= set(variants.names("commands"))


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_to_files(path):
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", path.read_text(encoding="utf-8")):
        assert (path.parent / target).exists(), target


def test_the_methods_page_lists_every_fusion_and_loss():
    from twinlens import losses

    text = (ROOT / "docs" / "methods.md").read_text(encoding="utf-8")
    for name in [*variants.names("fusions"), *losses.names()]:
        assert f"`{name}`" in text, name
