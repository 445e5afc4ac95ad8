"""The rules of the house that a reader of the syntax trees can check."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT / "src" / "twinlens"
MODULES = sorted(SOURCE.rglob("*.py"))
EVERYTHING = sorted(path for folder in ("src", "tests", "benchmarks") for path in (ROOT / folder).rglob("*.py"))
VARIANT_FILES = sorted(
    path
    for folder in ("encoders", "fusions", "indexes")
    for path in (SOURCE / folder).glob("*.py")
    if not path.stem.startswith("_")
)
LONGEST_FILE = 300
RUNS_CODE = {"pickle", "dill", "cloudpickle", "joblib", "shelve", "marshal"}


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def undocumented(tree: ast.Module) -> list[str]:
    """Names of the module's public functions and classes without a docstring, and "module" when it has none."""
    things = [n for n in tree.body if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)]
    bare = [thing.name for thing in things if not thing.name.startswith("_") and not ast.get_docstring(thing)]
    return bare if ast.get_docstring(tree) else ["module", *bare]


def public_classes(tree: ast.Module) -> list[str]:
    return [n.name for n in tree.body if isinstance(n, ast.ClassDef) and not n.name.startswith("_")]


def has_allow_list(tree: ast.Module) -> bool:
    """Whether the module reads pickles through an unpickler of its own that decides what may be looked up."""
    classes = [
        n for n in ast.walk(tree) if isinstance(n, ast.ClassDef) and "pickle.Unpickler" in map(ast.unparse, n.bases)
    ]
    return any(isinstance(n, ast.FunctionDef) and n.name == "find_class" for c in classes for n in c.body)


def dangers(tree: ast.Module) -> Iterator[str]:
    """Statements through which a file that is loaded could run code of its own."""
    refused = RUNS_CODE - {"pickle"} if has_allow_list(tree) else RUNS_CODE
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            origin = node.module or "" if isinstance(node, ast.ImportFrom) else ""
            names = {origin, *(alias.name for alias in node.names)}
            yield from (f"imports {name}" for name in sorted(names) if name.split(".")[0] in refused)
        elif isinstance(node, ast.Call):
            yield from _dangerous_call(node)


def _dangerous_call(call: ast.Call) -> Iterator[str]:
    called = ast.unparse(call.func)
    options = {keyword.arg: ast.unparse(keyword.value) for keyword in call.keywords}
    if called == "torch.load" and options.get("weights_only") != "True":
        yield "torch.load without weights_only=True"
    if called in ("eval", "exec", "pickle.load", "pickle.loads"):
        yield called
    if options.get("allow_pickle", "False") != "False":
        yield "allow_pickle"
    if options.get("trust_remote_code", "False") != "False":
        yield "trust_remote_code"


def parse(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"))


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_everything_public_says_what_it_is(path):
    assert undocumented(parse(path)) == []


@pytest.mark.parametrize("path", VARIANT_FILES, ids=name_of)
def test_a_variant_file_defines_one_public_class(path):
    assert len(public_classes(parse(path))) == 1


@pytest.mark.parametrize("path", EVERYTHING, ids=name_of)
def test_files_stay_short(path):
    assert len(path.read_text("utf-8").splitlines()) <= LONGEST_FILE


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_nothing_that_is_loaded_may_run_code(path):
    assert list(dangers(parse(path))) == []


@pytest.mark.parametrize(
    "text",
    [
        "import pickle",
        "from joblib import load",
        "torch.load(path)",
        "torch.load(path, weights_only=False)",
        "np.load(path, allow_pickle=True)",
        "AutoModel.from_pretrained(name, trust_remote_code=flag)",
        "def f():\n    return eval(text)",
    ],
)
def test_a_danger_is_seen(text):
    assert len(list(dangers(ast.parse(text)))) == 1


def test_pickles_are_read_through_an_allow_list_alone():
    reader = "import pickle\nclass Reader(pickle.Unpickler):\n    def find_class(self, module, name): ...\n"
    assert list(dangers(ast.parse(reader))) == []
    assert list(dangers(ast.parse(f"{reader}pickle.load(file)"))) == ["pickle.load"]
    assert list(dangers(ast.parse(reader.replace("find_class", "persistent_load")))) == ["imports pickle"]


def test_the_safe_ways_are_no_danger():
    text = "torch.load(path, weights_only=True)\nnp.load(path, allow_pickle=False)\nmodel.eval()\nimport json"
    assert list(dangers(ast.parse(text))) == []


def test_a_missing_docstring_is_seen():
    text = 'class A:\n    """Said."""\n\nclass B: ...\n\ndef f(): ...\n\ndef _hidden(): ...\n'
    assert undocumented(ast.parse(text)) == ["module", "B", "f"]
