"""A plug-in that does not keep the contract of its kind is told in one line, before or at its first batch."""

from __future__ import annotations

import pytest

from tests import toy
from tests.core.test_plugins import END, FUSION, START, TOML
from twinlens.core import plugins, variants
from twinlens.core.recipe import Recipe
from twinlens.core.types import TwinlensError
from twinlens.models.composer import Composer

pytestmark = pytest.mark.usefixtures("nothing_loaded")


@pytest.fixture
def recipe(tmp_path):
    """The path of a recipe that names a file beside it."""
    (tmp_path / "mine.toml").write_text(TOML)
    return tmp_path / "mine.toml"


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("import nothing_of_this_name", r"the plug-in /.*mine\.py cannot be loaded: ModuleNotFoundError"),
        ("raise SystemError('no')", r"mine\.py cannot be loaded: SystemError\('no'\)"),
        ("import sys\nsys.exit('two\\nlines')", r"mine\.py cannot be loaded: SystemExit"),
        ("raise BaseException", r"mine\.py cannot be loaded: BaseException"),
        ("x = 1", r"^fusion 'mine\.py' must be a file with one public class; it has: none$"),
        ("class Mine:\n    pass", r"^fusion 'mine\.py': Mine must be a subclass of twinlens\.fusions\.Fusion$"),
        (FUSION.replace("def compose", "def combine"), r"^fusion 'mine\.py': Mine must define compose, which"),
    ],
)
def test_a_file_that_is_none_is_told(recipe, source, message):
    recipe.with_name("mine.py").write_text(source)
    with pytest.raises(TwinlensError, match=message) as told:
        Composer.build(Recipe.read(recipe))
    assert "\n" not in str(told.value)


def test_a_constructor_that_fails_is_told_with_its_line(recipe):
    source = FUSION.replace("float = 1.0) -> None:", "float = 1.0) -> None:\n        1 / 0")
    recipe.with_name("mine.py").write_text(source)
    line = next(n for n, text in enumerate(source.splitlines(), 1) if "1 / 0" in text)
    where = rf"^fusion 'mine\.py' fails in /.*mine\.py, line {line}: ZeroDivisionError\("
    with pytest.raises(TwinlensError, match=where):
        Composer.build(Recipe.read(recipe))


def test_ctrl_c_while_a_file_runs_stops_the_command(recipe):
    recipe.with_name("mine.py").write_text("raise KeyboardInterrupt")
    with pytest.raises(KeyboardInterrupt):
        Recipe.read(recipe)


@pytest.mark.parametrize(
    ("kind", "base", "lacking"),
    [
        ("encoders", "twinlens.encoders.Encoder", "forward"),
        ("indexes", "twinlens.indexes.Index", "fit, search"),
        ("engines", "twinlens.collection.engines.Engine", "search, sync"),
        ("rerankers", "twinlens.collection.search.rerank.Reranker", "rerank"),
    ],
)
def test_a_class_must_keep_the_contract_of_its_kind(tmp_path, kind, base, lacking):
    room, _, name = base.rpartition(".")
    contents = {
        "class Mine:\n    pass\n": f"must be a subclass of {base}",
        f"from {room} import {name}\nclass Mine({name}):\n    pass\n": f"must define {lacking}, which {base} leaves",
    }
    for source, message in contents.items():
        (tmp_path / "mine.py").write_text(source)
        with pytest.raises(TwinlensError, match=f"'mine.py': Mine {message}"):
            variants.variant_class(plugins.FOLDERS[kind], plugins.use(kind, str(tmp_path / "mine.py")))


def test_a_dataset_that_cannot_be_loaded_is_told_with_its_line(tmp_path):
    source = "PROTOCOLS = SPLITS = ('all',)\ndef load(*, digits='x'):\n    return int(digits)\n"
    (tmp_path / "mine.py").write_text(source)
    name = plugins.use("datasets", str(tmp_path / "mine.py"))
    with pytest.raises(TwinlensError, match=r"^dataset 'mine\.py' fails in /.*mine\.py, line 3: ValueError\("):
        variants.call("datasets", name, "load")


def test_a_dataset_must_define_what_commands_ask_of_it(tmp_path):
    (tmp_path / "mine.py").write_text("PROTOCOLS = ('all',)\n")
    with pytest.raises(TwinlensError, match=r"^dataset 'mine\.py' must define load, SPLITS, as those in"):
        variants.load("datasets", plugins.use("datasets", str(tmp_path / "mine.py")))


WHOLE = "self.strength * (self.image_map(image.vector) + self.text_map(text.vector))"


@pytest.mark.parametrize(
    ("returned", "found"),
    [
        (f"({WHOLE})[:, :8]", r"\(4, 8\) of torch\.float32"),
        (f"({WHOLE})[:1]", r"\(1, \d+\) of torch\.float32"),
        (f"({WHOLE}).long()", r"of torch\.int64"),
        (f"{WHOLE}, None", "tuple"),
        ("None", "NoneType"),
    ],
)
@pytest.mark.parametrize("around", ["", "cellwise", "mapwise"])
def test_what_it_returns_is_checked(recipe, toy_edits, returned, found, around):
    source = FUSION.replace(f"return {WHOLE}", f"return {returned}").replace("float = 1.0", "float = 1.0, cells=(1, 1)")
    recipe.with_name("mine.py").write_text(source)
    if around:
        whole = f'[fusion]\nname = "{around}"\nmethod = "./mine.py"\ncells = [1, 1]\n'
        recipe.write_text(toy.RECIPE[:START] + whole + toy.RECIPE[END:])
    composer = Composer.build(Recipe.read(recipe))
    composer.fit(toy_edits.queries)
    with pytest.raises(TwinlensError, match=rf"^the fusion Mine must return vectors \(B, D\) = .*, not .*{found}$"):
        composer.embed(toy_edits.queries[:4])


def test_a_forward_of_its_own_is_checked_too(recipe, toy_edits):
    forward = "\n    def forward(self, image, text):\n        return super().forward(image, text).T\n"
    recipe.with_name("mine.py").write_text(FUSION + forward)
    composer = Composer.build(Recipe.read(recipe))
    composer.fit(toy_edits.queries)
    with pytest.raises(TwinlensError, match=r"^the fusion Mine must return vectors"):
        composer.embed(toy_edits.queries[:4])
