"""Datasets without their pictures: one line names the missing folder, before a network is built or torch is loaded."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.commands.test_benchmarks import WRITERS
from tests.pictures import draw
from twinlens.cli import main
from twinlens.core import variants
from twinlens.models.composer import Composer

REAL = Path(__file__).resolve().parents[3] / "shared" / "data"
FOLDERS = {
    "cirr": "img_raw",
    "circo": "COCO2017_unlabeled/unlabeled2017",
    "css": "images",
    "fashion200k": "women",
    "fashion_iq": "images",
    "mit_states": "images",
    "nlvr": "dev/images",
}
"""The folder of pictures that each downloaded dataset lacks."""
COMMANDS = [
    ["evaluate", "--model", "compact"],
    ["compare", "--train-split", "val"],
    ["train", "--out", "nowhere/model"],
]
CLI = """
import sys
from twinlens.cli import main
code = main(sys.argv[1:])
print("torch" in sys.modules)
sys.exit(code)
"""


def write(name: str, root: Path) -> str:
    """Write annotations in the dataset's layout and no picture; return the split."""
    if name == "nlvr":
        row = {"identifier": "0-0", "sentence": "a box", "label": "true", "structured_rep": [[], [], []]}
        (root / "dev").mkdir()
        (root / "dev" / "dev.json").write_text(json.dumps(row))
        return "dev"
    split, writer = WRITERS[name]
    if name != "mit_states":  # its pictures are its annotations
        writer(root)
    return split


def test_every_downloaded_dataset_is_tried():
    assert set(FOLDERS) == {n for n in variants.names("datasets") if hasattr(variants.load("datasets", n), "SOURCE")}


@pytest.mark.parametrize("name", FOLDERS)
@pytest.mark.parametrize("command", [["evaluate"], ["evaluate", "--model", "compact"], ["train", "--out", "model"]])
def test_no_network_is_built_without_the_pictures(name, command, tmp_path, monkeypatch, capsys):
    split = write(name, tmp_path)

    def refuse(*_args: object, **_options: object) -> None:
        pytest.fail("a network is built before the pictures are looked for")

    monkeypatch.setattr(Composer, "build", refuse)
    monkeypatch.setattr(Composer, "load", refuse)
    monkeypatch.chdir(tmp_path)
    assert main([*command, "--dataset", name, "--root", str(tmp_path), "--split", split]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert FOLDERS[name] in line
    assert f"`twinlens data {name}` tells how to get" in line


def test_a_single_missing_picture_is_named(tmp_path, capsys):
    split = write("cirr", tmp_path)
    paths = [entry.image for entry in variants.load("datasets", "cirr").load(tmp_path, split).gallery]
    for number, path in enumerate(paths[1:]):
        draw(path, number)
    assert main(["evaluate", "--dataset", "cirr", "--root", str(tmp_path), "--split", split]) == 2
    assert f"1 of {len(paths)} pictures are missing, such as {paths[0]};" in capsys.readouterr().err


@pytest.mark.skipif(not REAL.is_dir(), reason="the annotations are not in ../shared/data")
@pytest.mark.parametrize(("name", "folder"), [("cirr", "cirr"), ("fashion_iq", "fashion-iq"), ("circo", "circo")])
@pytest.mark.parametrize("command", COMMANDS)
def test_real_annotations_without_pictures_end_before_torch_is_loaded(name, folder, command):
    root = REAL / folder
    arguments = [*command, "--dataset", name, "--root", str(root), "--split", "val"]
    done = subprocess.run([sys.executable, "-c", CLI, *arguments], capture_output=True, text=True, timeout=300)
    assert (done.returncode, done.stdout) == (2, "False\n"), done.stderr
    assert str(root / FOLDERS[name]) in done.stderr
