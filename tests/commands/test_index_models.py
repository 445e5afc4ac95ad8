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


@pytest.mark.usefixtures("offline_export")
def test_without_a_word_about_models_pictures_and_sentences_find_photographs(run, photographs):
    code, out, _ = run("index", photographs)
    assert code == 0 and "recipe offline: lite2" in out
    assert answer(run, "info")["model"]["recipe"] == "offline"
    assert set(found(answer(run, "search", "--text", "a flower in bloom", "-k", 2))) == {"flower", "flower-cut"}
    assert found(answer(run, "search", "--image", photographs / "china.jpg", "-k", 2, "--with-self")) == [
        "china",
        "china-cut",
    ]
    both = ("--image", photographs / "china.jpg", "--text", "a flower in bloom", "--with-self")
    assert found(answer(run, "search", *both, "--weight", 0.1, "--weight", 1, "-k", 1))[0].startswith("flower")
    assert found(answer(run, "search", *both, "--weight", 1, "--weight", 0.1, "-k", 1))[0].startswith("china")


def test_any_contrastive_checkpoint_is_taken_by_its_folder(run, pictures, tmp_path):
    checkpoints.contrastive(tmp_path / "siglip", "siglip")
    told = answer(run, "index", pictures, "--checkpoint", tmp_path / "siglip")
    assert told["added"] == 3
    assert answer(run, "info")["model"]["recipe"] == "clip"
    asked = ("search", "--image", pictures / "red.png", "--with-self")
    assert found(answer(run, *asked))[0] == "red"
    assert len(found(answer(run, *asked, "--text", "a red tile"))) == 3  # its weights are drawn: words say nothing
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


@pytest.mark.usefixtures("offline_export")
def test_a_search_says_when_nothing_stands_out_and_what_an_answer_stands_for(run, tmp_path):
    folder = tmp_path / "clips"
    folder.mkdir()
    words = [f"{color} ball number {n}" for n in range(15) for color in ("red", "blue", "green", "old")]
    for n, caption in enumerate([*words, "a lighthouse on a cliff"]):
        Image.new("RGB", (40, 40), "teal").save(folder / f"{n}.png")
        (folder / f"{n}.txt").write_text(caption)
    assert run("index", folder, "--recipe", "offline", "--workers", 0)[0] == 0
    clear = answer(run, "search", "--text", "lighthouse", "-k", 1)
    assert clear["hits"][0]["caption"] == "a lighthouse on a cliff"
    assert clear["doubtful"] is False and clear["chance"] < 0.05
    vague = answer(run, "search", "--text", "the annual report of a bank")
    assert vague["doubtful"] is True and vague["chance"] > 0.05
    code, out, _ = run("search", "--text", "the annual report of a bank", "--distinct", "-k", 3)
    assert code == 0 and "nothing stands out" in out and "alike" in out
    (only,) = answer(run, "search", "--text", "lighthouse", "--distinct", "-k", 3)["hits"]
    assert len(only["duplicates"]) == 60  # they show the same
