"""Plug-ins run where the user names them, and nowhere else; their files are known by their content."""

from __future__ import annotations

import hashlib
import importlib
import pickle
import shlex
import sys

import pytest

from tests import toy
from twinlens.collection.remote import engine_at
from twinlens.core import plugins, processes, variants
from twinlens.core.recipe import Recipe
from twinlens.core.types import TwinlensError
from twinlens.models.composer import Composer

FUSION = '''
"""A fusion of a user."""
from pathlib import Path
from twinlens.fusions import Fusion
from torch import nn

Path(__file__).with_suffix(".ran").touch()


class Mine(Fusion):
    """out = s (x + t)."""

    def __init__(self, *, image_dim: int, text_dim: int, dim: int, strength: float = 1.0) -> None:
        super().__init__(image_dim=image_dim, text_dim=text_dim, dim=dim)
        self.image_map, self.text_map, self.strength = nn.Linear(image_dim, dim), nn.Linear(text_dim, dim), strength

    def compose(self, image, text):
        return self.strength * (self.image_map(image.vector) + self.text_map(text.vector))
'''
START, END = toy.RECIPE.index("[fusion]"), toy.RECIPE.index("[training]")
TOML = toy.RECIPE[:START] + '[fusion]\nname = "./mine.py"\nstrength = 2.0\n' + toy.RECIPE[END:]


pytestmark = pytest.mark.usefixtures("nothing_loaded")


@pytest.fixture
def recipe(tmp_path):
    """A folder with a recipe and the file that it names."""
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "mine.py").write_text(FUSION)
    (tmp_path / "own" / "mine.toml").write_text(TOML)
    return tmp_path / "own" / "mine.toml"


@pytest.fixture
def saved(recipe, toy_edits, monkeypatch):
    """A model that uses the file, in a process that has not named it."""
    composer = Composer.build(Recipe.read(recipe))
    composer.fit(toy_edits.queries)
    composer.save(recipe.parent / "model")
    recipe.with_name("mine.ran").unlink()
    monkeypatch.setattr(plugins, "_loaded", {})
    return recipe.parent / "model"


@pytest.fixture
def entries(tmp_path, monkeypatch):
    """Install a package with entry points: group and name → the target."""

    def install(name: str, points: dict[str, str], module: str = "") -> None:
        place = tmp_path / "packages"
        about = place / f"{name}-1.0.dist-info"
        about.mkdir(parents=True)
        (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        groups = [f"[twinlens.{key.partition('/')[0]}]\n{key.partition('/')[2]} = {to}\n" for key, to in points.items()]
        (about / "entry_points.txt").write_text("".join(groups))
        (place / f"{name}.py").write_text(module)
        monkeypatch.syspath_prepend(str(place))
        importlib.invalidate_caches()
        sys.modules.pop(name, None)

    return install


def test_a_recipe_names_a_file_in_its_own_folder(recipe, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found = Recipe.read("own/mine.toml")
    assert found.fusion.name == f"mine.py@{hashlib.sha256(FUSION.encode()).hexdigest()}"
    fusion = Composer.build(found).fusion
    assert type(fusion).__name__ == "Mine" and fusion.strength == 2.0


def test_its_options_are_checked_as_those_of_every_fusion(recipe):
    recipe.write_text(TOML.replace("strength", "strenght"))
    with pytest.raises(TwinlensError, match=r"has no option 'strenght' \(did you mean 'strength'\?\)"):
        Composer.build(Recipe.read(recipe))


def test_a_saved_model_is_no_consent(saved, recipe):
    with pytest.raises(TwinlensError) as refused:
        Composer.load(saved)
    assert "--allow-plugin mine.py" in str(refused.value) and "\n" not in str(refused.value)
    assert not recipe.with_name("mine.ran").exists()


def test_nor_is_a_file_in_the_model_folder(saved, monkeypatch):
    (saved / "mine.py").write_text(FUSION)
    monkeypatch.chdir(saved)
    with pytest.raises(TwinlensError, match=r"--allow-plugin mine\.py"):
        Composer.load(saved)
    assert not (saved / "mine.ran").exists()


def test_whoever_allows_it_opens_the_model(saved, recipe, toy_edits):
    file = str(recipe.with_name("mine.py"))
    loaded = Composer.load(saved, allow_plugins=[file])
    assert type(loaded.fusion).__name__ == "Mine"
    with plugins.allowing([file]):
        assert (Composer.load(saved).embed(toy_edits.queries) == loaded.embed(toy_edits.queries)).all()
    with pytest.raises(TwinlensError, match="--allow-plugin"):  # consent ends with the call, and with the block
        Composer.load(saved)


@pytest.mark.parametrize("pin", ["0" * 12, "0000", ""])
def test_a_file_that_is_another_than_was_allowed_is_not_run(pin, saved, recipe):
    file = recipe.with_name("mine.py")
    with pytest.raises(TwinlensError, match=f"is not the file that was allowed.*not '{pin}'") as refused:
        Composer.load(saved, allow_plugins=[f"{file}@{pin}"])
    assert not recipe.with_name("mine.ran").exists()
    cure = str(refused.value).partition("--allow-plugin ")[2]
    assert type(Composer.load(saved, allow_plugins=[cure]).fusion).__name__ == "Mine"


def test_a_file_that_has_changed_is_told(saved, recipe):
    file = recipe.with_name("mine.py")
    file.write_text(FUSION + "\n# changed\n")
    with pytest.raises(TwinlensError, match=r"mine\.py has changed since .*model was saved") as refused:
        Composer.load(saved, allow_plugins=[str(file)])
    assert not recipe.with_name("mine.ran").exists()
    cure = str(refused.value).partition("--allow-plugin ")[2]
    assert cure == f"{file}@{hashlib.sha256(file.read_bytes()).hexdigest()[:12]}"
    assert type(Composer.load(saved, allow_plugins=[cure]).fusion).__name__ == "Mine"
    with pytest.raises(TwinlensError, match="has changed"):
        Composer.load(saved, allow_plugins=[f"{file}@{'0' * 12}"])


def test_a_line_that_tells_the_cure_can_be_pasted_into_a_shell(recipe, toy_edits, monkeypatch):
    file = recipe.with_name("mine.py").rename(recipe.with_name("my own & only.py"))
    recipe.write_text(TOML.replace("./mine.py", f"./{file.name}"))
    composer = Composer.build(Recipe.read(recipe))
    composer.fit(toy_edits.queries)
    composer.save(recipe.parent / "model")
    monkeypatch.setattr(plugins, "_loaded", {})
    with pytest.raises(TwinlensError) as refused:
        Composer.load(recipe.parent / "model")
    pasted = shlex.split(str(refused.value).partition("--allow-plugin ")[2].partition(", or")[0])
    assert pasted == [file.name]
    file.write_text(FUSION + "\n# changed\n")
    with pytest.raises(TwinlensError, match="has changed") as refused:
        Composer.load(recipe.parent / "model", allow_plugins=[str(file)])
    (cure,) = shlex.split(str(refused.value).partition("--allow-plugin ")[2])
    assert type(Composer.load(recipe.parent / "model", allow_plugins=[cure]).fusion).__name__ == "Mine"


def test_a_file_elsewhere_of_another_name_is_no_consent(saved, tmp_path):
    (tmp_path / "other.py").write_text(FUSION)
    with pytest.raises(TwinlensError, match=r"--allow-plugin mine\.py"):
        Composer.load(saved, allow_plugins=[str(tmp_path / "other.py")])


def test_a_list_is_wanted(saved):
    with pytest.raises(TwinlensError, match=r"allow_plugins wants a list of names, not 'mine.py'; give \['mine.py'\]"):
        Composer.load(saved, allow_plugins="mine.py")


def test_a_recipe_that_a_model_keeps_is_no_consent_for_whoever_trains_on(saved):
    with pytest.raises(TwinlensError, match=r"the recipe or request names the plug-in 'mine\.py'"):
        Composer.build(Recipe.read(saved / "recipe.toml"))


def test_an_entry_point_is_found_by_its_name(entries, recipe):
    entries("aside", {"fusions/mine": "aside:Mine"}, FUSION)
    recipe.write_text(TOML.replace("./mine.py", "mine"))
    built = Composer.build(Recipe.read(recipe))
    assert type(built.fusion).__module__ == "aside" and built.recipe.fusion.name == "mine"
    assert plugins.installed("fusions") == {"mine": "aside 1.0"}


def test_a_recipe_from_text_runs_nothing(entries):
    entries("aside", {"fusions/mine": "aside"}, FUSION)
    recipe = Recipe.parse(TOML.replace("./mine.py", "mine"), source="text")
    with pytest.raises(TwinlensError, match="--allow-plugin mine "):
        Composer.build(recipe)
    assert "aside" not in sys.modules
    with plugins.allowing(["mine"]):
        assert type(Composer.build(recipe).fusion).__name__ == "Mine"


def test_no_package_replaces_a_built_in_variant(entries):
    entries("aside", {"fusions/gate": "aside", "datasets/shapes": "aside"}, FUSION)
    assert plugins.use("fusions", "gate") == "gate"
    assert variants.variant_class("fusions", "gate").__module__ == "twinlens.fusions.gate"
    assert plugins.installed("fusions") == {} and "aside" not in sys.modules


def test_two_packages_with_one_name_are_told(entries):
    entries("aside", {"fusions/mine": "aside"}, FUSION)
    entries("beside", {"fusions/mine": "beside"}, FUSION)
    with pytest.raises(TwinlensError, match=r"several packages have the fusion 'mine': aside 1\.0, beside 1\.0"):
        plugins.use("fusions", "mine")


def test_an_unknown_name_is_told_with_plugins_too(entries):
    entries("aside", {"fusions/weighted": "aside"}, FUSION)
    with pytest.raises(TwinlensError, match=r"unknown fusion 'weihgted' \(did you mean 'weighted'\?\)"):
        variants.load("fusions", plugins.use("fusions", "weihgted"))


def test_an_entry_point_must_be_a_module_or_a_class(entries):
    entries("aside", {"fusions/mine": "aside:STRENGTH"}, "STRENGTH = 1\n")
    with pytest.raises(TwinlensError, match=r"plug-in mine cannot be loaded: .*aside:STRENGTH is neither a module nor"):
        plugins.use("fusions", "mine")


def test_a_file_that_is_missing_is_told(recipe):
    recipe.with_name("mine.py").unlink()
    with pytest.raises(TwinlensError, match=r"cannot read the plug-in .*mine\.py: No such file"):
        Recipe.read(recipe)


ENGINES = """
from pathlib import Path
from twinlens.collection.engines import Engine
from twinlens.collection.engines._server import ServerEngine


class Alone(Engine):
    def sync(self, store):
        return super().sync(store)

    def search(self, queries, k, *, where=None, rows=None):
        raise NotImplementedError


class Served(ServerEngine):
    schemes = ("served",)


for name in Served.__abstractmethods__:
    setattr(Served, name, lambda self, *_, **__: None)
Served.__abstractmethods__ = frozenset()
"""


def test_an_engine_on_a_server_is_named_by_a_url_and_another_alone(entries):
    entries("aside", {"engines/alone": "aside:Alone", "engines/served": "aside:Served"}, ENGINES)
    assert engine_at("alone")().__module__ == "aside"
    assert engine_at("served://host:5")().address.scheme == "served"
    with pytest.raises(TwinlensError, match=r"^engine 'alone' is on no server; name it without ://, --engine alone$"):
        engine_at("alone://host")
    with pytest.raises(TwinlensError, match=r"^engine 'served' is on a server; .* give its URL: NAME://HOST$"):
        engine_at("served")


@pytest.mark.parametrize(
    ("name", "message"), [("gone.py", "no such file: gone.py"), ("wieghted", "unknown plug-in 'wieghted'")]
)
def test_what_cannot_be_allowed_is_told(name, message):
    with pytest.raises(TwinlensError, match=message), plugins.allowing([name]):
        pass


def test_a_method_within_a_fusion_can_be_a_file_with_options(recipe):
    fusion = '[fusion]\nname = "cellwise"\nmethod = "./mine.py"\ncells = [1, 1]\n'
    options = '[fusion.options."./mine.py"]\nstrength = 3.0\n'
    recipe.write_text(toy.RECIPE[:START] + fusion + options + toy.RECIPE[END:])
    composer = Composer.build(Recipe.read(recipe))
    assert [module.strength for module in composer.fusion.modules() if type(module).__name__ == "Mine"] == [3.0]


def test_a_worker_finds_what_its_parent_has_loaded(recipe):
    name = Recipe.read(recipe).fusion.name
    packed = pickle.dumps(plugins.Carried())
    plugins._loaded.clear()
    pickle.loads(packed)
    assert variants.variant_class("fusions", name).__name__ == "Mine"


def _expect(fusion):
    assert (type(fusion).__name__, fusion.strength) == ("Mine", 2.0)


def test_a_spawned_process_takes_instances_of_its_classes(recipe):
    fusion = Composer.build(Recipe.read(recipe)).fusion
    with processes.pool(1, _expect, (fusion,)) as pool:  # one that does not begin answers nothing
        assert pool.submit(len, "ab").result(timeout=300) == 2
