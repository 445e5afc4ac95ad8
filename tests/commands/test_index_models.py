"""Which model a collection gets, and that it is searched with it."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image
from sklearn.datasets import load_sample_image

from tests import checkpoints
from tests.pictures import answer


@pytest.fixture
def photographs(tmp_path):
    folder = tmp_path / "photographs"
    folder.mkdir()
    for name in ("china", "flower"):
        photograph = Image.fromarray(load_sample_image(f"{name}.jpg"))
        photograph.save(folder / f"{name}.jpg")
        photograph.crop((100, 50, 540, 380)).save(folder / f"{name}-cut.jpg")
    return folder


def found(told) -> list[str]:
    return [Path(hit["path"]).stem for hit in told["hits"]]


def test_without_a_word_about_models_pictures_and_sentences_find_photographs(run, photographs):
    code, out, _ = run("index", photographs)
    assert code == 0 and "recipe offline: lite0" in out
    assert answer(run, "info")["model"]["recipe"] == "offline"
    assert set(found(answer(run, "search", "--text", "a flower in bloom", "-k", 2))) == {"flower", "flower-cut"}
    assert found(answer(run, "search", "--image", photographs / "china.jpg", "-k", 2)) == ["china", "china-cut"]
    both = ("--image", photographs / "china.jpg", "--text", "a flower in bloom")
    assert found(answer(run, "search", *both, "--weight", 0.1, "--weight", 1, "-k", 1))[0].startswith("flower")
    assert found(answer(run, "search", *both, "--weight", 1, "--weight", 0.1, "-k", 1))[0].startswith("china")


def test_any_contrastive_checkpoint_is_taken_by_its_folder(run, pictures, tmp_path):
    checkpoints.contrastive(tmp_path / "siglip", "siglip")
    told = answer(run, "index", pictures, "--checkpoint", tmp_path / "siglip")
    assert told["added"] == 3
    assert answer(run, "info")["model"]["recipe"] == "clip"
    assert found(answer(run, "search", "--image", pictures / "red.png", "--text", "a red tile"))[0] == "red"
    checkpoints.contrastive(tmp_path / "clip", "clip")
    again = answer(run, "index", pictures, "--checkpoint", tmp_path / "clip")
    assert again["unchanged"] == 3 and answer(run, "verify")["ok"]


@pytest.mark.parametrize(
    ("options", "line"),
    [
        (["--recipe", "offline", "--checkpoint", "a/b"], "offline has no CLIP"),
        (["--model", "m", "--checkpoint", "a/b"], "leave it or --model out"),
        (["--recipe", "clip"], "cannot fetch the checkpoint"),
        (["--recipe", "paper"], "make one with twinlens train --recipe paper"),
    ],
)
def test_models_that_cannot_be_had_are_one_line(run, pictures, tmp_path, options, line):
    code, _, err = run("index", pictures, *options)
    assert code == 2 and line in err and err.count("\n") == 1
    assert not (tmp_path / "twinlens-collection").exists()
