"""Models for collections: which one is taken where, and without torch."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from tests import checkpoints, exports
from twinlens.core import hub
from twinlens.core.extras import MissingExtraError
from twinlens.core.recipe import find_recipe
from twinlens.core.types import TwinlensError
from twinlens.models import serving
from twinlens.models.checkpoints import EXPORTS
from twinlens.models.composer import Composer
from twinlens.models.exported import ExportedModel

CLIP = find_recipe("clip").encoders[0].options["checkpoint"]
OFFLINE = "recipe offline: lite2, sentence-transformers/all-MiniLM-L6-v2"


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    return checkpoints.contrastive(tmp_path_factory.mktemp("clip") / "tiny")


@pytest.fixture(scope="module")
def immich(tiny, tmp_path_factory):
    return exports.immich(tmp_path_factory.mktemp("immich") / "export", tiny)


@pytest.fixture
def hub_cache(tmp_path, monkeypatch):
    for place in ("huggingface_hub.constants", "transformers.utils.hub.constants", "huggingface_hub.file_download"):
        monkeypatch.setattr(f"{place}.HF_HUB_CACHE", str(tmp_path), raising=False)
    return tmp_path


def cached(hub_cache, name: str, folder: str) -> None:
    """Put a folder where huggingface_hub keeps what it has fetched of a repository, as links to its content."""
    place = hub_cache / f"models--{name.replace('/', '--')}"
    shutil.copytree(folder, place / "content")
    for path in [path for path in (place / "content").rglob("*") if path.is_file()]:
        link = place / "snapshots" / "abc" / path.relative_to(place / "content")
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(os.path.relpath(path, link.parent))
    (place / "refs").mkdir()
    (place / "refs" / "main").write_text("abc")


@pytest.fixture
def without_torch(monkeypatch):
    def forbidden(*_: object) -> Composer:
        raise MissingExtraError("this needs torch, which is not installed")

    monkeypatch.setattr(serving, "_by_torch", forbidden)
    monkeypatch.setattr(serving, "find_spec", lambda name: None)


def test_what_ships_is_loaded():
    assert serving.ready("compact").recipe.name == "compact"
    assert isinstance(serving.ready("compact", by_torch=True), Composer)


def test_a_checkpoint_in_the_cache_is_preferred(hub_cache, tiny):
    cached(hub_cache, CLIP, tiny)
    lines = []
    model = serving.ready(report=lines.append)
    assert isinstance(model, Composer) and model.encoders[0].dim == 20
    assert lines == [f"recipe clip: {CLIP}"]


def test_its_known_export_in_the_cache_is_preferred_to_it(hub_cache, tiny, immich, without_torch):
    cached(hub_cache, CLIP, tiny)
    cached(hub_cache, EXPORTS[CLIP], immich)
    lines = []
    model = serving.ready(report=lines.append)
    assert isinstance(model, ExportedModel) and model.recipe.name == "clip"
    assert lines == [f"recipe clip: {EXPORTS[CLIP]}, exported"]
    assert model.embed([]).shape == (0, 42)


def test_an_export_is_fetched_from_the_hub_where_it_answers(monkeypatch, immich, hub_cache, without_torch):
    export = Path(immich)
    files = frozenset(path.relative_to(export).as_posix() for path in export.rglob("*") if path.is_file())
    fetched = []
    monkeypatch.setattr(hub, "listing", lambda name, revision: files if name == EXPORTS[CLIP] else frozenset())
    monkeypatch.setattr(hub, "download", lambda name, file, revision: fetched.append(file) or export / file)
    monkeypatch.setattr("huggingface_hub.HfApi.model_info", lambda *_, **__: object())
    assert isinstance(serving.ready(), ExportedModel)
    assert set(fetched) == files


def test_without_a_hub_the_packages_are_taken_and_exported_once(offline_export, monkeypatch):
    assert not hub.within_reach(CLIP)
    digest, told = offline_export
    assert told[0] == OFFLINE and "exporting its networks, once" in told[1]
    lines = []
    monkeypatch.setattr(serving, "_by_torch", None)
    kept = serving.ready(report=lines.append)
    assert isinstance(kept, ExportedModel) and kept.recipe == find_recipe("offline") and kept.digest == digest
    assert lines == [f"{OFFLINE}, exported"]


def test_a_file_of_a_recipe_whose_weights_are_packages_is_exported_too(monkeypatch, tmp_path):
    text = find_recipe("offline").to_toml().replace('name = "offline"', 'name = "mine"')
    (tmp_path / "mine.toml").write_text(text)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    exported = []
    monkeypatch.setattr(serving, "_exported", lambda composer, folder, _: exported.append(folder) or composer)
    assert serving.ready(str(tmp_path / "mine.toml")).recipe.name == "mine"
    assert [folder.is_relative_to(tmp_path / "cache") for folder in exported] == [True]


def test_where_nothing_can_be_exported_torch_serves(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(serving, "find_spec", lambda name: None if name == "onnx" else object())
    composer = serving.ready("offline")
    assert isinstance(composer, Composer)
    monkeypatch.undo()
    monkeypatch.setattr(serving, "_by_torch", lambda *_: composer)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    (tmp_path / "file").touch()
    lines = []
    assert serving.ready("offline", report=lines.append) is composer
    assert "not exported" in lines[-1]


def test_with_neither_it_says_what_to_install(monkeypatch, tmp_path, without_torch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with pytest.raises(TwinlensError, match=r"pip install 'twinlens\[offline\]'.*--recipe compact") as caught:
        serving.ready()
    assert "\n" not in str(caught.value)


def test_another_checkpoint_is_taken_for_auto_too(tiny):
    for recipe in ("clip", "auto"):
        model = serving.ready(recipe, checkpoint=tiny)
        assert [part.options["checkpoint"] for part in model.recipe.encoders] == [tiny, tiny]


@pytest.mark.parametrize(
    ("recipe", "options", "line"),
    [
        ("paper", {}, "ships no trained model for the recipe paper; make one with twinlens train --recipe paper"),
        ("clipp", {}, "did you mean 'clip'"),
        ("offline", {"checkpoint": "a/b"}, "--checkpoint is for the recipe clip; offline has no CLIP"),
        ("clip", {"checkpoint": "./nowhere"}, "there is no folder"),
    ],
)
def test_what_cannot_be_had_is_one_line(recipe, options, line):
    with pytest.raises(TwinlensError, match=line):
        serving.ready(recipe, **options)


def test_a_folder_is_loaded_by_what_it_holds(tmp_path):
    composer = serving.load("compact", by_torch=True)
    composer.save(tmp_path / "mine")
    assert isinstance(serving.load(tmp_path / "mine"), Composer)
    with pytest.raises(TwinlensError, match=r"no such model folder: .*nowhere; models that ship are compact"):
        serving.load(tmp_path / "nowhere")


@pytest.mark.parametrize("made", [True, False])
def test_a_folder_that_is_no_checkpoint_is_told_and_torch_is_not_asked_for(tmp_path, made):
    folder = tmp_path / "immich-typo"
    if made:
        folder.mkdir()
    with pytest.raises(TwinlensError, match="holds no checkpoint" if made else "there is no folder") as raised:
        serving.ready("clip", checkpoint=str(folder))
    assert not isinstance(raised.value, MissingExtraError)


def test_a_folder_without_a_model_is_told(tmp_path):
    with pytest.raises(TwinlensError, match=r"holds no model \(it has no recipe.toml\)") as raised:
        serving.load(tmp_path)
    assert not isinstance(raised.value, MissingExtraError)
