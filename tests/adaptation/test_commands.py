"""train --collection and evaluate --collection, as people call them."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest

from tests.adaptation.conftest import indexed, table
from twinlens import cli
from twinlens.media.captions.tables import read_table


@pytest.fixture
def run(edited, tmp_path, monkeypatch, capsys):
    """Run a command line in a folder with a copy of the collection `c`: exit code, standard output, standard error."""
    shutil.copytree(edited.collection, tmp_path / "c")
    monkeypatch.chdir(tmp_path)

    def call(*arguments: object) -> tuple[int, str, str]:
        code = cli.main([str(argument) for argument in arguments])
        return code, *capsys.readouterr()

    return call


def test_training_evaluating_and_taking_it_back(run, edited, tmp_path):
    triplets = table(edited.folder / "t.csv", edited.edits)
    code, out, _ = run("train", "--collection", "c", "--triplets", triplets)
    assert code == 0 and "adopted: combiner exceeds calibrated sum by +" in out and "--revert" in out
    written = {path.name for path in (tmp_path / "c-training").iterdir()}
    assert written == {"results.json", "table.md", "training.png"}
    said = json.loads((tmp_path / "c-training" / "results.json").read_text())
    assert said["adopted"] and said["fusion"] == "combiner" and len(said["epochs"]) > 5
    assert said["attempt"]["number"] == 1 and "attempt 1 on this collection: its level is 0.015" in out
    assert "calibrated sum" in (tmp_path / "c-training" / "table.md").read_text()

    code, out, _ = run("evaluate", "--collection", "c", "--triplets", triplets, "--json", "--out", "measured")
    found = json.loads(out)
    assert code == 0 and found["serving"] == "combiner" and found["learned"]["seen"]
    assert found["rows"]["composed"]["map"] == said["rows"]["composed"]["map"]
    assert found["measured"]["pictures"] == said["parts"]["test"]["pictures"]
    assert "of whose groups (by folder) it has seen nothing" in (tmp_path / "measured" / "table.md").read_text()

    image, text, target = edited.edits[0]
    code, out, _ = run("search", "--collection", "c", "--image", edited.folder / image, "--text", text, "--json")
    assert code == 0 and target in [hit["path"].rpartition("/")[2] for hit in json.loads(out)["hits"][:3]]

    code, out, _ = run("train", "--collection", "c", "--revert")
    assert code == 0 and "the calibrated sum serves" in out
    code, out, _ = run("train", "--collection", "c", "--revert", "--json")
    assert code == 0 and json.loads(out)["reverted"] is False
    code, out, _ = run("evaluate", "--collection", "c", "--triplets", triplets)
    assert code == 0 and "nothing was learned in this collection: calibrated serves" in out


def test_what_does_not_win_is_told_and_changes_nothing(run, edited, tmp_path):
    triplets = table(edited.folder / "s.csv", edited.shuffled())
    code, out, _ = run("train", "--collection", "c", "--triplets", triplets, "--epochs", 1, "--json", "--out", "o")
    found = json.loads(out)
    assert code == 0 and found["adopted"] is False and len(found["epochs"]) == 1
    assert found["reading"].startswith("not adopted: combiner does not surely exceed calibrated sum by")
    assert (tmp_path / "o" / "training.png").stat().st_size > 1000
    assert "nothing was learned" in run("train", "--collection", "c", "--revert")[1]


def test_mistakes_are_one_line(run, edited, model, tmp_path):
    good = table(edited.folder / "t.csv", edited.edits)
    wrong = table(tmp_path / "wrong.csv", [("nowhere.png", "add", "gone.png")])
    lacking = table(tmp_path / "lacking.csv", [("a", "b")], ("reference", "target"))
    few = table(edited.folder / "few.csv", edited.edits[:20])
    train = ("train", "--collection", "c")
    (tmp_path / "some").mkdir()
    for name in [name for name, _, _ in edited.edits[:20]]:
        shutil.copy(edited.folder / name, tmp_path / "some" / name)
    indexed(tmp_path / "some", tmp_path / "few", ["add"])
    for arguments, reason in (
        (train, "no picture of the collection has a caption"),
        ((*train, "--triplets", wrong), "row 1: the collection has no picture 'nowhere.png'"),
        ((*train, "--triplets", lacking), "has no column text"),
        ((*train, "--triplets", tmp_path / "none.csv"), "none.csv"),
        ((*train, "--triplets", few), "at least 30 are needed"),
        ((*train, "--triplets", good, "--group-by", "who"), "unknown column 'who'"),
        ((*train, "--triplets", good, "--fusion", "calibrated"), "composes scores"),
        ((*train, "--recipe", "clip"), "--recipe has no meaning with --collection"),
        ((*train, "--triplets", good, "--epochs", 0), "--epochs wants"),
        (("train", "--triplets", good, "--out", "m"), "--triplets needs --collection"),
        (("evaluate", "--collection", "few"), "no picture of the collection has a caption, and without, at least 30"),
        (("evaluate", "--collection", "none"), "there is no collection in none"),
        (("train", "--protocol", "edits"), "say where the model goes"),
    ):
        code, out, error = run(*arguments)
        assert code == 2 and reason in error and len(error.splitlines()) == 1, (arguments, error)
        assert not out or "queries" not in out


def test_a_model_that_has_composed_already_is_told(run, model, edited, tmp_path):
    assert (
        run("index", edited.folder / edited.edits[0][0], "--collection", "d", "--model", model, "--workers", 0)[0] == 0
    )
    code, _, error = run("train", "--collection", "d")
    assert code == 2 and "has composed picture and caption into one already" in error


PAGE = Path(__file__).resolve().parents[2] / "docs" / "own-words.md"
LEARNS, TELLS = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
DRAWING = """<?xml version="1.0"?><svg><metadata><rdf:RDF xmlns:cc="http://web.resource.org/cc/"
 xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><cc:Work>
 <dc:title>Crawfish</dc:title><dc:subject><rdf:Bag><rdf:li>fish</rdf:li><rdf:li>food</rdf:li></rdf:Bag></dc:subject>
 <dc:creator><cc:Agent><dc:title>ganson</dc:title></cc:Agent></dc:creator></cc:Work></rdf:RDF></metadata></svg>"""


def test_the_pages_python_learns(captioned, tmp_path, monkeypatch, capsys):
    shutil.copytree(captioned.collection, tmp_path / "twinlens-collection")
    monkeypatch.chdir(tmp_path)
    exec(compile(LEARNS, PAGE.name, "exec"), {})
    assert "{'mean': " in capsys.readouterr().out


def test_the_pages_python_makes_captions(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    root = tmp_path / "clipart" / "usr" / "share" / "openclipart"
    (root / "svg" / "animals").mkdir(parents=True)
    (root / "png").mkdir()
    (root / "svg" / "animals" / "crawfish.svg").write_text(DRAWING)
    exec(compile(TELLS, PAGE.name, "exec"), {})
    ((path, said),) = read_table(root / "png" / "metadata.jsonl").items()
    assert path == str(root.resolve() / "png" / "animals" / "crawfish.png")
    assert said.text == "Crawfish fish, food" and said.metadata == {"author": "ganson"}


@pytest.fixture(scope="session")
def model(tmp_path_factory):
    """A model folder of the toy recipe, which composes."""
    from tests import toy
    from twinlens.models.composer import Composer

    folder = tmp_path_factory.mktemp("model") / "toy"
    composer = Composer.build(toy.recipe())
    composer.fit(toy.edits().queries)
    composer.save(folder)
    return folder
