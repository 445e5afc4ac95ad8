"""Imports point down: read from the syntax trees, so that an import inside a function counts too."""

from __future__ import annotations

import ast
import functools
import graphlib
import importlib.util
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT / "src" / "twinlens"

LAYERS = (
    ("version", "core"),
    ("media", "metrics", "losses", "splits", "calibration", "photographs", "shapes", "reading"),
    ("preparation",),
    ("encoders", "fusions", "indexes", "datasets"),
    ("models",),
    ("training",),
    ("evaluation", "report"),
    ("collection",),
    ("adaptation", "service"),
    ("commands",),
    ("cli",),
    ("__main__",),
)
"""The rooms by height, the lowest first; docs/architecture.md shows the same."""
LAYER_OF = {room: number for number, rooms in enumerate(LAYERS) for room in rooms}
VARIANTS = ("preparation", "encoders", "fusions", "indexes", "datasets", "commands")
LIGHT = (
    "twinlens.core.counting",
    "twinlens.core.escaping",
    "twinlens.core.extras",
    "twinlens.core.jsonfile",
    "twinlens.core.types",
    "twinlens.core.variants",
    "twinlens.commands",
    "twinlens.cli",
    "twinlens.version",
)
HEAVY = {
    *("PIL", "cv2", "jinja2", "matplotlib", "numpy", "pydantic", "rich", "safetensors", "scipy", "sklearn"),
    *("tokenizers", "torch", "torchvision", "transformers"),
}


def module_name(path: Path, source: Path = SOURCE) -> str:
    """twinlens.encoders.bert of …/encoders/bert.py; a package's __init__ keeps that name as its last part."""
    return ".".join(("twinlens", *path.relative_to(source).with_suffix("").parts))


def imported(node: ast.AST, module: str) -> list[str]:
    """Full dotted names that one statement imports; `from a import b` gives a.b."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        parent = module.rpartition(".")[0]
        base = (
            importlib.util.resolve_name("." * node.level + (node.module or ""), parent) if node.level else node.module
        )
        return [f"{base}.{alias.name}" for alias in node.names]
    return []


@functools.cache
def parse(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"))


@functools.cache
def nodes(tree: ast.Module) -> tuple[ast.AST, ...]:
    """All nodes of a tree, which takes longer to walk than to parse."""
    return tuple(ast.walk(tree))


@functools.cache
def all_imports(path: Path, source: Path = SOURCE) -> list[str]:
    module = module_name(path, source)
    return [name for node in nodes(parse(path)) for name in imported(node, module)]


def imports_at_start(body: list[ast.stmt], module: str) -> Iterator[str]:
    """Imports that run when the file is imported: not those in functions, nor those for type checkers alone."""
    for node in body:
        yield from imported(node, module)
        if isinstance(node, ast.If) and "TYPE_CHECKING" not in ast.unparse(node.test):
            yield from imports_at_start(node.body + node.orelse, module)
        elif isinstance(node, ast.Try | ast.With | ast.ClassDef):
            yield from imports_at_start(node.body, module)


def room(name: str) -> str:
    return [*name.split("."), "__init__"][1]


def edges(source: Path = SOURCE) -> set[tuple[str, str]]:
    """Pairs (room, the room it imports from); the package's own front door may open to any room and is left out."""
    found = set()
    for path in sorted(source.rglob("*.py")):
        here = room(module_name(path, source))
        there = {room(name) for name in all_imports(path, source) if name.split(".")[0] == "twinlens"}
        found |= {(here, other) for other in there if other != here}
    return {(here, there) for here, there in found if here != "__init__"}


def faults(arrows: set[tuple[str, str]]) -> list[str]:
    """A line for every arrow that points up, for a circle of arrows, and for rooms without a height."""
    unknown = sorted({name for arrow in arrows for name in arrow if name not in LAYER_OF})
    if unknown:
        return [f"add {name} to LAYERS in tests/test_imports.py, at the height where it belongs" for name in unknown]
    up = [f"{here} must not import {there}" for here, there in sorted(arrows) if LAYER_OF[there] > LAYER_OF[here]]
    graph = graphlib.TopologicalSorter({here: {b for a, b in arrows if a == here} for here, _ in arrows})
    try:
        graph.prepare()
    except graphlib.CycleError as error:
        return [*up, f"a circle of imports: {' → '.join(error.args[1])}"]
    return up


def sibling_faults(source: Path = SOURCE) -> list[str]:
    """Variant files, and their helpers, that import a variant of their own folder."""
    found = []
    for folder in VARIANTS:
        for path in sorted((source / folder).glob("*.py")):
            here = module_name(path, source)
            names = {path.stem for path in (source / folder).glob("*.py") if not path.stem.startswith("_")}
            for name in all_imports(path, source):
                other = ".".join(name.split(".")[:3])
                is_sibling = other.startswith(f"twinlens.{folder}.") and other.split(".")[2] in names and other != here
                if is_sibling:
                    found.append(f"{here} must not import its sibling {other}")
    return found


def write(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")
    return root


def test_imports_point_down():
    assert faults(edges()) == []


def test_variants_import_no_sibling():
    assert sibling_faults() == []


def test_every_room_has_a_height():
    rooms = {room(module_name(path)) for path in SOURCE.rglob("*.py")} - {"__init__"}
    missing = sorted(rooms - set(LAYER_OF))
    assert not missing, f"add {', '.join(missing)} to LAYERS in tests/test_imports.py, at the height where they belong"
    assert not (gone := sorted(set(LAYER_OF) - rooms)), f"remove {', '.join(gone)} from LAYERS in tests/test_imports.py"


def test_the_architecture_page_shows_the_same_heights():
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    shown = [re.findall(r"`(\w+)`", line.split("|")[1]) for line in page.splitlines() if line.startswith("| `")]
    assert shown == [list(rooms) for rooms in LAYERS if rooms != ("__main__",)]


LAZY_FILES = [SOURCE / "cli.py", SOURCE / "__main__.py", *sorted((SOURCE / "commands").glob("*.py"))]


@pytest.mark.parametrize("path", LAZY_FILES, ids=module_name)
def test_commands_import_nothing_heavy_at_start(path):
    names = list(imports_at_start(parse(path).body, module_name(path)))
    assert [name for name in names if name.split(".")[0] in HEAVY] == []
    assert [name for name in names if name.startswith("twinlens.") and not name.startswith(LIGHT)] == []


@pytest.mark.parametrize(
    ("arrows", "fault"),
    [
        ({("metrics", "models")}, "metrics must not import models"),
        ({("training", "models"), ("models", "training")}, "a circle of imports"),
        ({("core", "attic")}, "add attic to LAYERS"),
    ],
)
def test_a_wrong_arrow_is_found(arrows, fault):
    assert any(fault in line for line in faults(arrows))


def test_arrows_are_read_from_every_kind_of_import(tmp_path):
    source = write(
        tmp_path,
        {
            "models/composer.py": "def f():\n    from twinlens.encoders.bert import Bert",
            "encoders/bert.py": "from .. import core\nfrom twinlens import media",
            "cli.py": "import twinlens.core.variants",
        },
    )
    wanted = {("models", "encoders"), ("encoders", "core"), ("encoders", "media"), ("cli", "core")}
    assert edges(source) == wanted


def test_siblings_are_found_and_helpers_are_not_siblings(tmp_path):
    source = write(
        tmp_path,
        {
            "fusions/__init__.py": "",
            "fusions/_layers.py": "",
            "fusions/sum.py": "from twinlens.fusions import Fusion, _layers",
            "fusions/tirg.py": "from twinlens.fusions import sum",
        },
    )
    assert sibling_faults(source) == ["twinlens.fusions.tirg must not import its sibling twinlens.fusions.sum"]


def test_only_imports_that_run_count_as_heavy():
    text = "if TYPE_CHECKING:\n    import torch\ntry:\n    import cv2\nfinally:\n    pass\ndef f():\n    import numpy\n"
    assert list(imports_at_start(ast.parse(text).body, "twinlens.cli")) == ["cv2"]
