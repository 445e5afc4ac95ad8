"""The documents tell the truth: their snippets and commands run, their links and paths lead somewhere."""

from __future__ import annotations

import dataclasses
import importlib.util
import inspect
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from twinlens import cli
from twinlens.core import variants
from twinlens.core.recipe import Recipe
from twinlens.models.composer import Composer
from twinlens.shapes.drawing import draw
from twinlens.shapes.scenes import random_scene

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT / "src" / "twinlens"
DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]
THREE_SCREENS = 110
"""Lines."""
IDS = [path.name for path in DOCUMENTS]


def read(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def blocks(text: str, language: str) -> list[str]:
    """The fenced blocks of a text in one language ("" for plain ones)."""
    return re.findall(rf"^```{language}\n(.*?)^```", text, flags=re.DOTALL | re.MULTILINE)


def commands(text: str) -> list[list[str]]:
    """The arguments of every line in a plain block that calls twinlens."""
    lines = [line for block in blocks(text, "") for line in block.splitlines()]
    return [shlex.split(line, comments=True)[1:] for line in lines if line.startswith("twinlens ")]


def section(text: str, title: str) -> str:
    """The part of a document below one heading of the second level."""
    return text.split(f"\n## {title}\n")[1].split("\n## ")[0]


def anchors(text: str) -> set[str]:
    """The names of a document's headings in links."""
    titles = re.findall(r"^#+ (.+)$", text, flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A working folder as the documents have it: pictures with metadata, those of the demo, and the sources."""
    rng = np.random.default_rng(0)
    scenes = [f"twinlens-demo/pictures/scene-000{n}.png" for n in range(2)]
    for name in ("Pictures/a.png", "Pictures/beach.jpg", *scenes, "a.jpg"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        draw(random_scene(rng)).save(tmp_path / name)
    table = "file_name,text,year,tag\na.png,a red car,2021,street\nbeach.jpg,the sea,2019,\n"
    (tmp_path / "Pictures" / "metadata.csv").write_text(table, encoding="utf-8")
    (tmp_path / "src").symlink_to(ROOT / "src")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


def run(command: list[str], home: Path) -> int:
    """Exit code of a command, with the home folder put in as a shell does."""
    return cli.main([word.replace("~", str(home)) for word in command])


def test_the_readme_fits_three_screens():
    assert len(read(ROOT / "README.md").splitlines()) <= THREE_SCREENS


@pytest.mark.usefixtures("offline_export")
def test_the_readmes_python_runs_as_written_in_an_empty_folder(tmp_path):
    (code,) = blocks(read(ROOT / "README.md"), "python")
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src"), "HOME": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    first, *others = done.stdout.splitlines()
    assert first.startswith("True ") and str(tmp_path / "my-collection" / "pictures") in first and len(others) == 4


@pytest.mark.usefixtures("offline_export")
def test_the_readmes_first_five_minutes_run(home, capsys):
    given = commands(read(ROOT / "README.md"))
    assert [command[0] for command in given] == ["index", "search", "info"]
    for command in given:
        assert run(command, home) == 0
    assert "a.png" in capsys.readouterr().out


def test_the_guides_commands_on_a_collection_run(home):
    text = section(read(ROOT / "docs" / "guide.md"), "A collection of your pictures")
    index, *others = commands(text)
    assert run([*index, "--recipe", "compact"], home) == 0
    assert len(others) >= 7
    for command in [*others, ["info"], ["verify"], ["repair"]]:
        assert run(command, home) == 0, command
    assert (home / "copies").is_dir() and (home / "grid.png").is_file()
    shutil.copy(home / "Pictures" / "beach.jpg", home / "a.jpg")
    assert run(["replay", "night.json"], home) == 1


def test_the_references_python_runs(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    draw(random_scene(np.random.default_rng(0))).save("cup.png")
    *others, code = blocks(read(ROOT / "docs" / "reference.md"), "python")
    assert len(others) == 3
    for example in others:
        exec(compile(example, "reference.md", "exec"), {})
    assert "cup-1" in capsys.readouterr().out
    settings = "find_recipe('compact')"
    brief = code.replace('find_recipe("compact")', f"brief({settings})").replace("scenes=40", "scenes=12")

    def shortened(recipe: Recipe) -> Recipe:
        return recipe.model_copy(update={"training": recipe.training.model_copy(update={"epochs": 1, "batch_size": 8})})

    exec(compile(brief, "reference.md", "exec"), {"brief": shortened})
    assert "over" in capsys.readouterr().out


def test_the_reference_lists_what_the_package_exports():
    import twinlens

    text = read(ROOT / "docs" / "reference.md")
    assert [name for name in twinlens.__all__ if f"`{name}" not in text] == []


def members(cls: type) -> dict[str, object]:
    """The public methods, properties and fields of a class and of its own bases."""
    found = {name: member for base in reversed(cls.__mro__[:-1]) for name, member in vars(base).items()}
    found |= {f.name: None for f in dataclasses.fields(cls)} if dataclasses.is_dataclass(cls) else {}
    return {name: member for name, member in found.items() if not name.startswith("_")}


@pytest.mark.parametrize("name", ["Collection", "Hit", "Item"])
def test_the_reference_has_every_member_with_its_arguments(name):
    import twinlens

    text = section(read(ROOT / "docs" / "reference.md"), name)
    spans = re.findall(r"`([^`\n]+)`", text)
    for member, value in members(getattr(twinlens, name)).items():
        value = getattr(value, "__func__", value)
        if not inspect.isfunction(value):
            assert any(re.search(rf"(^|[.(]|, ){member}\b", span) for span in spans), member
            continue
        (span,) = [span for span in spans if span.startswith(f"{member}(") and " -> " in span]
        taken = [p for p in inspect.signature(value).parameters if p not in ("self", "cls")]
        assert re.findall(r"[(, ]\**(\w+)(?=: )", span.partition(" -> ")[0]) == taken, member
    assert "Raises TwinlensError" in text or "none of which raises" in text


def test_the_guides_recipe_builds():
    (text,) = blocks(read(ROOT / "docs" / "guide.md"), "toml")
    assert Composer.build(Recipe.parse(text, source="guide")).dim == 256


@pytest.mark.parametrize("path", DOCUMENTS, ids=IDS)
def test_every_command_of_the_documents_has_these_options(path):
    parser = cli.build_parser(variants.names("commands"))
    for command in commands(read(path)):
        parser.parse_args(command)


@pytest.mark.parametrize("path", DOCUMENTS, ids=IDS)
def test_links_lead_to_files_and_headings(path):
    for target, anchor in re.findall(r"\]\((?!https?:)([^)#]*)#?([^)]*)\)", read(path)):
        file = path.parent / target if target else path
        assert file.exists(), target
        assert not anchor or anchor in anchors(read(file)), anchor


@pytest.mark.parametrize("path", DOCUMENTS, ids=IDS)
def test_paths_that_the_documents_name_exist(path):
    text = read(path)
    named = {*re.findall(r"`([\w/]+(?:\.py|/))`", text), *re.findall(r"python (?:-m pytest )?([\w/]+\.py)", text)}
    made = {"src/twinlens/fusions/scaling.py", "tests/fusions/test_scaling.py", "indexes/plain.py", "copies/", "dist/"}
    made |= {
        "collection/engines/resident.py",
        "collection/ingest/executors/plain.py",
        "collection/search/rerank/newest.py",
    }
    roots = (ROOT, SOURCE, *SOURCE.iterdir())
    assert [name for name in sorted(named - made) if not any((root / name).exists() for root in roots)] == []
    modules = re.findall(r"python -m (twinlens[\w.]*)", text)
    assert [name for name in modules if importlib.util.find_spec(name) is None] == []


def test_the_methods_page_lists_every_fusion_and_loss():
    from twinlens import losses

    text = read(ROOT / "docs" / "methods.md")
    for name in [*variants.names("fusions"), *losses.names()]:
        assert f"`{name}`" in text, name
