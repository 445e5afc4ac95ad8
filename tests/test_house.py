"""The rules of the house that a reader of the syntax trees can check."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterable, Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from tests.test_imports import imported, module_name, nodes, parse

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT / "src" / "twinlens"
MODULES = sorted(SOURCE.rglob("*.py"))
FACES = [path for path in MODULES if path.name == "__init__.py"]
EVERYTHING = sorted(
    path for folder in ("src", "tests", "benchmarks", "examples", "release") for path in (ROOT / folder).rglob("*.py")
)
VARIANT_FILES = sorted(
    path
    for folder in ("encoders", "fusions", "indexes")
    for path in (SOURCE / folder).glob("*.py")
    if not path.stem.startswith("_")
)
FILE_LINES = 300
"""Every file is shorter than this."""
FUNCTION_LINES = 40
"""No function of the package is longer, its docstring included."""
RUNS_CODE = {"pickle", "dill", "cloudpickle", "joblib", "shelve", "marshal"}
RIDDLES = re.compile(r"(What|Whether|Where|Which|How|Meanwhile|Raises)\b")
"""First words of docstrings that describe a thing by a clause, or by its errors, in place of its name."""
LAZY_FACE = {"__getattr__", "__dir__", "__all__", "_HOME"}
"""What a face defines that imports each name at its first use, so that importing it costs nothing."""
LAZY_FACES = {SOURCE / "__init__.py", SOURCE / "collection" / "__init__.py"}

Function = ast.FunctionDef | ast.AsyncFunctionDef
Documented = Function | ast.ClassDef


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def public(tree: ast.Module | ast.ClassDef, prefix: str = "") -> Iterator[tuple[str, Documented]]:
    """Public functions and classes with their dotted names, and public methods of public classes."""
    for node in tree.body:
        if isinstance(node, Documented) and not node.name.startswith("_"):
            yield prefix + node.name, node
            if isinstance(node, ast.ClassDef):
                yield from public(node, f"{prefix}{node.name}.")


def is_setter(node: Documented) -> bool:
    """True of the other half of a property, which shares its docstring."""
    return any(ast.unparse(decorator).endswith((".setter", ".deleter")) for decorator in node.decorator_list)


def undocumented(tree: ast.Module) -> list[str]:
    """Public names of the module without a docstring, and "module" when it has none."""
    bare = [name for name, node in public(tree) if not ast.get_docstring(node) and not is_setter(node)]
    return bare if ast.get_docstring(tree) else ["module", *bare]


def riddles(tree: ast.Module) -> list[str]:
    """Names whose docstring begins with a word such as "Whether" or "What", and "module" for its own."""
    described = [node for node in nodes(tree) if isinstance(node, Documented)]
    texts = [("module", ast.get_docstring(tree)), *((node.name, ast.get_docstring(node)) for node in described)]
    return [name for name, text in [*texts, *constants(tree)] if text and RIDDLES.match(text)]


def constants(tree: ast.Module) -> list[tuple[str, str]]:
    """Constants of the module with the strings that describe them."""
    pairs = pairwise(tree.body)
    return [
        (ast.unparse(first), second.value.value)
        for first, second in pairs
        if isinstance(first, ast.Assign | ast.AnnAssign)
        and isinstance(second, ast.Expr)
        and isinstance(second.value, ast.Constant)
        and isinstance(second.value.value, str)
    ]


def long_functions(tree: ast.Module) -> list[str]:
    """Functions and methods, at any depth, of more than FUNCTION_LINES lines."""
    functions = [node for node in nodes(tree) if isinstance(node, Function)]
    return [node.name for node in functions if node.end_lineno - node.lineno >= FUNCTION_LINES]


def public_classes(tree: ast.Module) -> list[str]:
    return [n.name for n in tree.body if isinstance(n, ast.ClassDef) and not n.name.startswith("_")]


def is_module(name: str) -> bool:
    """True of the dotted name of a file or a folder of the package."""
    path = SOURCE.parent.joinpath(*name.split("."))
    return path.is_dir() or path.with_suffix(".py").is_file()


def from_the_face(tree: ast.Module, module: str) -> list[str]:
    """Names that a module takes from `twinlens` itself, in place of the room where they live."""
    names = [name for node in nodes(tree) for name in imported(node, module)]
    short = [name for name in names if name.split(".")[0] == "twinlens" and name.count(".") < 2]
    return [name for name in short if name == "twinlens" or not is_module(name)]


def is_contract(node: ast.ClassDef) -> bool:
    """True of a protocol, a class with a method that subclasses must write, and a frozen record that these exchange."""
    if any(ast.unparse(base).split("[")[0].split(".")[-1] in ("Protocol", "ABC") for base in node.bases):
        return True
    methods = [ast.unparse(method) for method in node.body if isinstance(method, Function)]
    if not methods and any(ast.unparse(mark) == "dataclass(frozen=True)" for mark in node.decorator_list):
        return True
    return any("@abstractmethod" in text or text.endswith("raise NotImplementedError") for text in methods)


def code_in_face(tree: ast.Module, allowed: set[str] = frozenset()) -> list[str]:
    """Statements of a package's `__init__` that are no docstring, import, `__all__`, type alias or contract."""
    return [
        ast.unparse(node).splitlines()[0]
        for node in tree.body
        if not isinstance(node, ast.Import | ast.ImportFrom)
        and not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))
        and not (isinstance(node, ast.Assign) and {ast.unparse(t) for t in node.targets} <= {"__all__"} | allowed)
        and not (isinstance(node, ast.AnnAssign) and ast.unparse(node.annotation) == "TypeAlias")
        and not (isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING")
        and not (isinstance(node, ast.ClassDef) and is_contract(node))
        and not (isinstance(node, Function) and node.name in allowed)
    ]


def has_allow_list(tree: ast.Module) -> bool:
    """True of a module that reads pickles through an unpickler of its own, which decides what may be looked up."""
    classes = [
        n for n in nodes(tree) if isinstance(n, ast.ClassDef) and "pickle.Unpickler" in map(ast.unparse, n.bases)
    ]
    return any(isinstance(n, ast.FunctionDef) and n.name == "find_class" for c in classes for n in c.body)


def dangers(tree: ast.Module) -> Iterator[str]:
    """Statements through which a file that is loaded could run code of its own."""
    refused = RUNS_CODE - {"pickle"} if has_allow_list(tree) else RUNS_CODE
    for node in nodes(tree):
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


def faults(paths: Iterable[Path], rule: Callable[[ast.Module], Iterable[str]]) -> dict[str, list[str]]:
    """Files that break a rule, with what the rule finds in each."""
    found = {name_of(path): list(rule(parse(path))) for path in paths}
    return {name: lines for name, lines in found.items() if lines}


def test_everything_public_says_what_it_is():
    assert faults(MODULES, undocumented) == {}


def test_docstrings_begin_with_a_verb_or_a_noun():
    assert faults(MODULES, riddles) == {}


def test_functions_stay_short():
    assert faults(MODULES, long_functions) == {}


def test_files_stay_short():
    lengths = {name_of(path): len(path.read_text("utf-8").splitlines()) for path in EVERYTHING}
    assert {name: length for name, length in lengths.items() if length >= FILE_LINES} == {}


def test_a_variant_file_defines_one_public_class():
    classes = {name_of(path): public_classes(parse(path)) for path in VARIANT_FILES}
    assert {name: found for name, found in classes.items() if len(found) != 1} == {}


def test_nothing_inside_imports_the_packages_own_face():
    found = {name_of(path): from_the_face(parse(path), module_name(path)) for path in MODULES}
    assert {name: names for name, names in found.items() if names} == {}


def test_a_face_only_reexports_or_states_a_contract():
    assert faults([path for path in FACES if path not in LAZY_FACES], code_in_face) == {}
    assert faults(LAZY_FACES, lambda face: code_in_face(face, LAZY_FACE)) == {}


def test_nothing_that_is_loaded_may_run_code():
    assert faults(MODULES, dangers) == {}


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


def printing(tree: ast.Module) -> list[str]:
    """Functions that call `print`, and "module" where that is outside of any."""
    is_print = lambda node: isinstance(node, ast.Call) and ast.unparse(node.func) == "print"  # noqa: E731
    owners = [node.name for node in nodes(tree) if isinstance(node, Function) for call in ast.walk(node)
              if is_print(call)]  # fmt: skip
    return owners + ["module"] * (len([*filter(is_print, nodes(tree))]) - len(owners))


def test_commands_print_through_say_which_escapes():
    found = faults((SOURCE / "commands").glob("*.py"), printing)
    assert {name for names in found.values() for name in names} <= {"say", "emit_line"}, found


def test_a_missing_docstring_is_seen():
    text = 'class A:\n    """Said."""\n    def g(self): ...\n    def __len__(self): ...\n\nclass B: ...\n\n'
    assert undocumented(ast.parse(f"{text}def f(): ...\n\ndef _hidden(): ...\n")) == ["module", "A.g", "B", "f"]
    pair = "    @property\n    def p(self):\n        '''Said.'''\n    @p.setter\n    def p(self, value): ...\n"
    assert undocumented(ast.parse(f"'''Said.'''\nclass A:\n    '''Said.'''\n{pair}")) == []


def test_a_riddle_is_seen():
    text = "'''What is known.'''\ndef f(): 'Whether it is so.'\ndef g(): 'Whatever comes.'\ndef _h(): 'How it is.'\n"
    assert riddles(ast.parse(f"{text}N = 1\n'How many.'\nM = 2\n'Some.'\n")) == ["module", "f", "_h", "N = 1"]


def test_a_long_function_is_seen():
    f = "def f():\n" + "    x = 1\n" * (FUNCTION_LINES - 1)
    g = "class A:\n    def g(self):\n" + "        x = 1\n" * FUNCTION_LINES
    assert long_functions(ast.parse(f + g)) == ["g"]


def test_imports_of_the_face_are_seen():
    text = "import twinlens\nfrom twinlens import __version__, metrics, Sample\nimport twinlens.core.types\n"
    wanted = ["twinlens", "twinlens.__version__", "twinlens.Sample"]
    assert from_the_face(ast.parse(text), "twinlens.cli") == wanted
    assert from_the_face(ast.parse("from .. import Sample, core"), "twinlens.core.hub") == ["twinlens.Sample"]


def test_code_in_a_face_is_seen():
    fine = (
        "'''Said.'''\nfrom abc import ABC\n__all__ = ['A']\nRows: TypeAlias = int\n'''(N,).'''\n"
        "@dataclass(frozen=True)\nclass R:\n    x: int\n"
        "class A(ABC): ...\nclass B(Protocol[T]): ...\nclass C(nn.Module):\n"
        "    def forward(self):\n        raise NotImplementedError\n"
    )
    assert code_in_face(ast.parse(fine)) == []
    code = "LIMIT = 3\ndef f(): ...\nclass D:\n    x = 1\nfor x in y: ...\n"
    assert code_in_face(ast.parse(code)) == ["LIMIT = 3", "def f():", "class D:", "for x in y:"]
    assert code_in_face(ast.parse("def __getattr__(name): ..."), LAZY_FACE) == []
