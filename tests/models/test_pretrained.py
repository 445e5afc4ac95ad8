from __future__ import annotations

import json
import shutil
import threading
from pathlib import Path

import pytest
from torch import nn

from tests import checkpoints
from twinlens.core import checksums, hub
from twinlens.core.recipe import find_recipe
from twinlens.core.types import TwinlensError
from twinlens.encoders import _warm_start
from twinlens.models import pretrained, shipped
from twinlens.models.composer import Composer

SHIPPED = Path(pretrained.__file__).parent
CLIP = find_recipe("clip").encoders[0].options["checkpoint"]


@pytest.fixture
def cached(tmp_path, monkeypatch):
    """A tiny CLIP where huggingface_hub keeps what it has fetched of the recipe's checkpoint."""
    folder = tmp_path / f"models--{CLIP.replace('/', '--')}"
    checkpoints.contrastive(folder / "snapshots" / "abc")
    (folder / "refs").mkdir()
    (folder / "refs" / "main").write_text("abc")
    for place in ("huggingface_hub.constants", "transformers.utils.hub.constants", "huggingface_hub.file_download"):
        monkeypatch.setattr(f"{place}.HF_HUB_CACHE", str(tmp_path), raising=False)


def test_what_ships_is_loaded():
    composer = pretrained.ready("compact")
    assert composer.recipe.name == "compact" and not composer.training


def test_a_model_is_named_or_given_as_a_folder(tmp_path, monkeypatch):
    assert {"compact", "reading", "towers"} <= set(shipped.names())
    by_name = Composer.load("compact")
    by_name.save(tmp_path / "mine")
    assert Composer.load(tmp_path / "mine").digest == by_name.digest
    monkeypatch.chdir(tmp_path)
    assert Composer.load("mine").folder == Path("mine")


@pytest.mark.parametrize("name", shipped.names())
def test_weights_that_ship_and_were_changed_are_refused(tmp_path, name):
    shutil.copytree(SHIPPED / name, tmp_path / "m")
    names = {path.relative_to(SHIPPED / name).as_posix() for path in checksums.files(SHIPPED / name)}
    noted = json.loads((SHIPPED / name / checksums.CHECKSUMS).read_text())["files"]
    assert {*noted, checksums.CHECKSUMS} == names and checksums.fault(SHIPPED / name, whole=True) is None
    weights = bytearray((tmp_path / "m" / "model.safetensors").read_bytes())
    weights[-3] ^= 0x10
    (tmp_path / "m" / "model.safetensors").write_bytes(weights)
    with pytest.raises(TwinlensError, match=r"model\.safetensors is damaged; copy the whole model folder again$"):
        Composer.load(tmp_path / "m")
    if name == "towers":
        with pytest.raises(TwinlensError, match=r"model\.safetensors is damaged; copy the whole model folder again$"):
            _warm_start.load_weights(nn.Identity(), "referring", str(tmp_path / "m"))


def test_an_unknown_model_is_one_line_with_the_known_ones(tmp_path):
    with pytest.raises(TwinlensError, match=r"no such model folder: .*nowhere; models that ship are compact.*towers"):
        Composer.load(tmp_path / "nowhere")


def test_a_hub_that_never_answers_does_not_hold_it_up(monkeypatch):
    monkeypatch.setattr("huggingface_hub.HfApi.model_info", lambda *_, **__: threading.Event().wait(60))
    monkeypatch.setattr(hub, "_PATIENCE", 0.05)
    assert not hub.within_reach(CLIP)


def test_a_hub_that_answers_is_asked(monkeypatch):
    monkeypatch.setattr("huggingface_hub.HfApi.model_info", lambda *_, **__: object())
    assert hub.within_reach(CLIP) and hub.is_missing(CLIP)


def test_another_checkpoint_takes_both_places(tmp_path):
    name = checkpoints.contrastive(tmp_path / "siglip", "siglip")
    composer = pretrained.ready("clip", checkpoint=name)
    assert [part.options["checkpoint"] for part in composer.recipe.encoders] == [name, name]


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
        pretrained.ready(recipe, **options)


def test_a_checkpoint_is_named_with_its_revision(cached, tmp_path):
    (tmp_path / f"models--{CLIP.replace('/', '--')}" / "refs" / "v1").write_text("abc")
    lines = []
    composer = pretrained.ready("clip", checkpoint=f"{CLIP}@v1", report=lines.append)
    assert lines == [f"recipe clip: {CLIP}@v1"]
    assert [part.options for part in composer.recipe.encoders] == [{"checkpoint": CLIP, "revision": "v1"}] * 2
    with pytest.raises(TwinlensError, match="in the revision 'v2'"):
        pretrained.ready("clip", checkpoint=f"{CLIP}@v2")
    plain = pretrained.ready("clip", checkpoint=CLIP)
    assert plain.recipe.encoders == find_recipe("clip").encoders  # as before there were revisions: the same digest


def test_a_folder_may_have_any_name(tmp_path):
    name = checkpoints.contrastive(tmp_path / "clip@home")
    assert pretrained.ready("clip", checkpoint=name).recipe.encoders[0].options == {"checkpoint": name}
