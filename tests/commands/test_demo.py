"""The demo: the whole way, on pictures drawn on the spot and on photographs that ship, and nothing twice."""

from __future__ import annotations

import io
import json
import shlex
import shutil
from contextlib import redirect_stdout
from itertools import islice
from pathlib import Path

import pytest
from PIL import Image

from twinlens.cli import main
from twinlens.collection import Collection
from twinlens.collection.ingest import pipeline
from twinlens.commands import demo
from twinlens.core import packaged


@pytest.fixture(scope="module", autouse=True)
def few_scenes():
    """A third of the scenes; `test_wheel.py` runs the demo with all of them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(demo, "SCENES", 40)
        yield


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("demo")


@pytest.fixture(scope="module")
def first(folder):
    assert main(["demo", "--out", str(folder), f"--json={folder / 'first.json'}"]) == 0
    return json.loads((folder / "first.json").read_text())


@pytest.fixture(scope="module")
def second(first, folder):
    """When the pictures were changed before a second run; its JSON, and the lines that it printed."""
    before = {path: path.stat().st_mtime_ns for path in (folder / "pictures").iterdir()}
    return before, *run_again(["--out", str(folder)], folder / "second.json")


def run_again(arguments: list[str], file: Path) -> tuple[dict, list[str]]:
    """Run a demo: its JSON, and the lines that it printed."""
    with redirect_stdout(io.StringIO()) as printed:
        assert main(["demo", *arguments, f"--json={file}"]) == 0
    return json.loads(file.read_text()), printed.getvalue().splitlines()


def test_it_finds_edited_pictures_and_shows_them(first, folder):
    assert first["pictures"] == first["added"] == len(list((folder / "pictures").glob("*.png")))
    assert [query["image"] is not None for query in first["queries"]] == [True] * 5 + [False] * 5
    assert sum(query["place"] == 1 for query in first["queries"]) >= 9
    assert (folder / "results.png").stat().st_size > 20_000
    assert (folder / "results.html").read_text().count("data:image/") > 20


def test_a_second_run_draws_and_embeds_nothing(first, second, folder):
    before, again, _ = second
    assert again["added"] == 0
    assert again["queries"] == first["queries"]
    assert {path: path.stat().st_mtime_ns for path in (folder / "pictures").iterdir()} == before


def test_it_ends_with_the_next_commands_and_they_run(second, folder, tmp_path, monkeypatch):
    lines = [line.strip() for line in second[2] if line.startswith("  twinlens ")]
    assert [line.split()[1] for line in lines] == ["index", "search", "info", "search", "serve"]
    monkeypatch.chdir(tmp_path)
    assert main(shlex.split(lines[-2])[1:]) == 0
    assert lines[-1] == f"twinlens serve --collection {folder / 'collection'}"


def test_the_page_gets_its_queries_as_examples(first, folder):
    examples = json.loads((folder / "collection" / "examples.json").read_text())
    assert [example["text"] for example in examples] == [query["text"] for query in first["queries"]]
    with Collection.open(folder / "collection") as collection:
        for example, query in zip(examples, first["queries"], strict=True):
            if query["image"] is None:
                assert example["image"] is None
            else:
                assert collection.entry(example["image"]).path.read_bytes() == Path(query["image"]).read_bytes()


def test_training_in_the_demo_makes_the_model_that_it_searches_with(tmp_path, monkeypatch):
    monkeypatch.setattr(demo, "TRAINED_ON", 20)
    monkeypatch.setattr(demo, "EPOCHS", 1)
    monkeypatch.setattr(demo, "SCENES", 5)
    monkeypatch.setattr(demo, "ASKED", 1)
    assert main(["demo", "--train", "--out", str(tmp_path), "--json"]) == 0
    assert (tmp_path / "collection").is_dir()


@pytest.fixture
def small(tmp_path, monkeypatch, capsys):
    """Run a small demo, whose pictures are those in `damaged` where it has them: exit code, result, output."""
    monkeypatch.setattr(demo, "SCENES", 5)
    monkeypatch.setattr(demo, "ASKED", 1)

    def run(*damaged: str) -> tuple[int, dict, str]:
        (tmp_path / "pictures").mkdir(exist_ok=True)
        for name in damaged:
            (tmp_path / "pictures" / name).write_bytes(b"no picture")
        code = main(["demo", "--out", str(tmp_path), f"--json={tmp_path / 'result.json'}"])
        result = json.loads((tmp_path / "result.json").read_text()) if code == 0 else {}
        return code, result, "".join(capsys.readouterr())

    return run


def test_a_picture_that_failed_is_told_and_tried_again(small, tmp_path):
    damaged = "scene-0000.png"
    code, result, printed = small(damaged)
    assert (code, result["failed"]) == (0, 1) and result["added"] == result["pictures"] > 1
    assert f"{result['added']} added, 1 failed" in printed
    code, again, printed = small()
    assert (code, again.get("failed")) == (0, 1), printed
    (tmp_path / "pictures" / damaged).unlink()
    code, again, printed = small()
    assert (code, again["failed"], again["pictures"]) == (0, 0, result["pictures"] + 1), printed


def test_a_demo_without_a_readable_picture_ends_with_the_reason(small, tmp_path):
    small()
    names = [path.name for path in (tmp_path / "pictures").iterdir()]
    shutil.rmtree(tmp_path / "collection")
    code, _, printed = small(*names)
    assert code == 2 and f"no picture could be read: {tmp_path}" in printed and "Traceback" not in printed


@pytest.mark.parametrize("batches", [0, 1])
def test_ctrl_c_while_it_indexes_ends_it_in_one_line_and_the_next_run_goes_on(small, monkeypatch, batches):
    def stopped(_store, embedded):
        yield from islice(embedded, batches)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(pipeline, "_committing", stopped)
        code, _, printed = small()
    assert code == 130 and printed.endswith("twinlens: stopped; run the same command again to go on\n"), printed
    code, result, printed = small()
    assert code == 0 and (result["added"] == result["pictures"]) == (batches == 0), printed


@pytest.fixture(scope="module")
def photographs(tmp_path_factory, request):
    """The folder and the JSON of a demo on photographs, where the weights of `offline` are installed."""
    if not (packaged.is_installed("lite2") and all(map(packaged.folder, packaged.CHECKPOINTS.values()))):
        pytest.skip("the extra twinlens[offline] is not installed")
    request.getfixturevalue("offline_export")
    folder = tmp_path_factory.mktemp("photographs")
    assert main(["demo", "--photographs", "--out", str(folder), f"--json={folder / 'first.json'}"]) == 0
    return folder / "photographs", json.loads((folder / "first.json").read_text())


def test_photographs_are_found_by_picture_by_words_by_both_and_without(photographs):
    folder, first = photographs
    assert first["pictures"] == first["added"] == len(list((folder / "pictures").glob("*.jpg")))
    assert set(first["hit@1"]) == {"picture", "words", "both", "without", "all"}
    rights = [query["place"] == 1 for query in first["queries"]]
    assert first["hit@1"]["all"] == sum(rights) / len(rights) >= 0.8
    assert all((query["first"] in query["answers"]) == (query["place"] == 1) for query in first["queries"])
    assert {Path(query["image"]).parent for query in first["queries"] if query["image"]} == {folder / "pictures"}


def test_photographs_have_a_grid_a_page_and_a_table(photographs):
    folder, first = photographs
    with Image.open(folder / "results.png") as grid:
        assert grid.mode == "P"
    assert (folder / "results.png").stat().st_size < 300_000
    assert (folder / "results.html").read_text().count("data:image/") > len(first["queries"]) * 6
    lines = (folder / "table.md").read_text().splitlines()
    assert lines[0] == "| kind | picture | words | without | first answer | right answers | right at |"
    assert [line.split(" | ")[4] for line in lines[2:]] == [query["first"] for query in first["queries"]]


def test_a_second_run_on_photographs_embeds_nothing_and_says_what_was_right(photographs, capsys):
    folder, first = photographs
    second, lines = run_again(["--photographs", "--out", str(folder.parent)], folder.parent / "second.json")
    shares = ", ".join(f"{name} {share:.2f}" for name, share in first["hit@1"].items())
    assert f"right first answers (hit@1): {shares}" in lines
    (again,) = [line.strip() for line in lines if line.startswith("  twinlens search --collection ")]
    assert main([*shlex.split(again)[1:], "--json"]) == 0
    both = next(query for query in first["queries"] if query["kind"] == "both")
    assert Path(json.loads(capsys.readouterr().out)["hits"][0]["path"]).name == both["first"]
    assert second["added"] == second["failed"] == 0 and second["queries"] == first["queries"]


@pytest.mark.parametrize("option", [["--train"], ["--seed", "0"]])
def test_options_for_drawn_scenes_are_refused_with_photographs(option, tmp_path, capsys):
    assert main(["demo", "--photographs", *option, "--out", str(tmp_path)]) == 2
    error = capsys.readouterr().err
    assert "--train and --seed are for drawn scenes" in error and error.count("\n") == 1
    assert list(tmp_path.iterdir()) == []
