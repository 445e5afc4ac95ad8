"""train and evaluate, end to end on drawn scenes, with a recipe that learns in seconds."""

from __future__ import annotations

import io
import json
import shutil
from contextlib import redirect_stdout

import pytest

from tests import checkpoints, toy
from twinlens.cli import main
from twinlens.core import machine
from twinlens.core.recipe import Recipe

TINY = toy.RECIPE.replace("width = 30", "width = 40").replace("cells = [1, 3]", "cells = [1, 1]")


def repeated(*arguments: str) -> int:
    """Run a command with repeats in this process: others take longer to begin than a toy to train.

    test_replication has several.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(machine, "cores", lambda: 1)
        return main(arguments)


@pytest.fixture(scope="module")
def recipe(tmp_path_factory):
    path = tmp_path_factory.mktemp("recipe") / "tiny.toml"
    path.write_text(TINY)
    return str(path)


@pytest.fixture(scope="module")
def model(recipe, tmp_path_factory):
    folder = tmp_path_factory.mktemp("models") / "tiny"
    assert (
        main(
            [
                "train",
                "--recipe",
                recipe,
                "--protocol",
                "all",
                "--data",
                "scenes=30",
                "--epochs",
                "1",
                "--out",
                str(folder),
            ]
        )
        == 0
    )
    return folder


def test_a_model_folder_holds_all_that_is_needed_and_where_it_comes_from(model):
    names = {path.name for path in model.iterdir()}
    assert {"recipe.toml", "model.safetensors", "provenance.json", "training.png", "encoder-0"} <= names
    assert "checkpoint.pt" not in names
    provenance = json.loads((model / "provenance.json").read_text())
    assert provenance["run"]["protocol"] == "all"
    assert len(provenance["epochs"]) == 1
    environment = provenance["environment"]
    assert environment["precision"] == "float32" and environment["threads"] >= 1 and environment["cpu_capability"]
    assert {"python", "numpy", "torch", "transformers", "twinlens"} <= set(environment["versions"])


def test_the_same_run_is_not_repeated(model, recipe, capsys):
    command = [
        "train",
        "--recipe",
        recipe,
        "--protocol",
        "all",
        "--data",
        "scenes=30",
        "--epochs",
        "1",
        "--out",
        str(model),
    ]
    assert main(command) == 0
    assert "nothing to do" in capsys.readouterr().out


def test_another_run_does_not_replace_a_model(model, recipe, capsys):
    before = (model / "model.safetensors").read_bytes()
    command = ["train", "--recipe", recipe, "--protocol", "all", "--data", "scenes=31", "--epochs", "1"]
    assert main([*command, "--seed", "3", "--out", str(model)]) == 2
    assert "of another run already (it differs in: data, seed); give another --out" in capsys.readouterr().err
    assert (model / "model.safetensors").read_bytes() == before


def test_a_run_that_was_killed_before_its_weights_were_written_goes_on(model, recipe, tmp_path, capsys):
    shutil.copytree(model, tmp_path / "half")
    (tmp_path / "half" / "model.safetensors").unlink()
    command = ["train", "--recipe", recipe, "--protocol", "all", "--data", "scenes=30", "--epochs", "1"]
    assert main([*command, "--out", str(tmp_path / "half")]) == 0
    assert "nothing to do" not in capsys.readouterr().out
    assert (tmp_path / "half" / "model.safetensors").read_bytes() == (model / "model.safetensors").read_bytes()


def test_evaluate_a_model_writes_table_chart_and_json(model, tmp_path, capsys):
    out, file = tmp_path / "out", tmp_path / "result.json"
    code = main(
        [
            "evaluate",
            "--model",
            str(model),
            "--protocol",
            "edits",
            "--data",
            "scenes=20",
            "--out",
            str(out),
            f"--json={file}",
        ]
    )
    assert code == 0
    result = json.loads(file.read_text())
    assert result == json.loads((out / "results.json").read_text())
    assert result["protocol"] == "edits"
    assert result["environment"]["device"] and result["environment"]["precision"] == "float32"
    assert set(result["metrics"]["hit@1"]) == {"mean", "std", "ci95"}
    assert {"image_only", "text_only", "late_sum", "late_product", "untrained"} <= set(result["baselines"])
    assert (out / "chart.png").stat().st_size > 5_000
    assert "image_only" in (out / "table.md").read_text()
    assert "image_only" in capsys.readouterr().out


def test_evaluate_a_recipe_trains_on_the_part_it_does_not_measure(recipe, capsys):
    code = main(
        [
            "evaluate",
            "--recipe",
            recipe,
            "--protocol",
            "grounded",
            "--data",
            "scenes=30",
            "--repeats",
            "2",
            "--epochs",
            "1",
            "--json",
        ]
    )
    assert code == 0
    assert json.loads(capsys.readouterr().out)["repeats"] == 2


@pytest.fixture(scope="module")
def paper(recipe, tmp_path_factory):
    """A command line of the paper's protocol; what two repeats printed, and the folder where they are kept."""
    folder = tmp_path_factory.mktemp("paper")
    command = ["evaluate", "--recipe", recipe, "--protocol", "paper", "--data", "scenes=40", "--epochs", "1"]
    with redirect_stdout(io.StringIO()) as printed:
        assert repeated(*command, "--repeats", "2", "--out", str(folder), "--runs", str(folder / "runs")) == 0
    return command, printed.getvalue(), folder


def test_the_papers_protocol_end_to_end(paper):
    _, printed, folder = paper
    result = json.loads((folder / "results.json").read_text())
    assert {"metrics", "leak_free", "baselines", "leak", "recipe", "repeats", "split"} <= set(result)
    assert [run["versions"] for run in result["run_environments"]] == [result["environment"]["versions"]]
    assert "as the paper reads it" in printed


def test_the_papers_protocol_goes_on_from_finished_repeats(paper, recipe, tmp_path, capsys):
    command, _, folder = paper
    first = json.loads((folder / "results.json").read_text())
    shutil.copytree(folder / "runs", tmp_path / "runs")
    kept = ["--runs", str(tmp_path / "runs"), "--cache", str(tmp_path / "cache")]
    files = sorted((tmp_path / "runs").iterdir())
    assert [file.name for file in files] == ["0.json", "1.json"]
    before = [file.read_bytes() for file in files]
    assert repeated(*command, "--json", "--repeats", "3", *kept) == 0
    assert [file.read_bytes() for file in files] == before and (tmp_path / "runs" / "2.json").is_file()
    assert json.loads(capsys.readouterr().out)["repeats"] == 3 > first["repeats"]
    other = ["evaluate", "--recipe", recipe, "--protocol", "paper", "--data", "scenes=44", "--epochs", "1"]
    assert main([*other, "--repeats", "2", *kept]) == 2
    assert "give another folder with --runs" in capsys.readouterr().err


def test_evaluate_takes_a_model_that_ships(capsys):
    assert main(["evaluate", "--model", "compact", "--protocol", "edits", "--data", "scenes=4", "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert (result["model"], result["recipe"]) == ("compact", "compact")
    assert {"pixel_count", "random", "image_only", "text_only", "shuffled_text"} <= set(result["baselines"])


def test_below_the_table_stand_density_and_floor(model, capsys):
    command = ["evaluate", "--model", str(model), "--protocol", "grounded", "--data", "scenes=20"]
    assert main(command) == 0
    shown = capsys.readouterr().out
    assert "of the entries are right: `random` has that density" in shown
    assert "Best of the rows that cannot read the sentence: hit@1 " in shown
    assert "pixel_count" in shown


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["evaluate", "--model", "compactt"], "models that ship are compact"),
        (["evaluate", "--dataset", "shape"], "did you mean 'shapes'"),
        (["evaluate", "--protocol", "paper", "--repeats", "1"], "--repeats wants at least 2"),
        (["evaluate", "--protocol", "nonsense"], "nonsense"),
        (["evaluate", "--data", "scenes"], "KEY=VALUE"),
        (["evaluate", "--data", "scenes=abc"], "--data scenes wants a whole number, not 'abc'"),
        (["evaluate", "--data", "scenes=1.5"], "--data scenes wants a whole number, not '1.5'"),
        (["evaluate", "--data", "scenes=true"], "--data scenes wants a whole number, not 'true'"),
        (["evaluate", "--data", "towers=many"], "--data towers wants a number, not 'many'"),
        (["evaluate", "--data", "scene=3"], "did you mean 'scenes'"),
        (["evaluate", "--model", "nowhere", "--protocol", "edits", "--data", "scenes=5"], "no such model folder"),
        (["train", "--recipe", "compat", "--out", "x"], "did you mean 'compact'"),
        (["train", "--epochs", "0", "--out", "x"], "--epochs"),
        (["train", "--out", "x\udce9"], "which is not UTF-8"),
        (["train", "--dataset", "nlvr", "--root", "nowhere", "--out", "x"], "nowhere"),
    ],
)
def test_bad_input_gets_one_line_and_exit_code_2(arguments, line, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 2
    error = capsys.readouterr().err
    assert line in error
    assert error.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_recipe_key_names_the_known_ones(tmp_path, capsys):
    path = tmp_path / "bad.toml"
    path.write_text(TINY.replace("[training]", "[trainin]"))
    assert main(["train", "--recipe", str(path), "--out", str(tmp_path / "x")]) == 2
    error = capsys.readouterr().err
    assert "unknown key 'trainin' (did you mean 'training'?)" in error
    assert "encoders" in error


def test_train_detector_writes_weights_and_says_what_it_gained(tmp_path, capsys):
    out = tmp_path / "detector"
    code = main(["train", "detector", "--pictures", "10", "--epochs", "1", "--out", str(out), "--json"])
    assert code == 0
    result = json.loads(capsys.readouterr().out)
    assert result["examples"] == 8
    assert result["held_out"] == 2
    assert set(result["before"]) == set(result["after"]) == {"map", "map_50", "map_75"}
    assert (out / "detector.safetensors").stat().st_size > 100_000


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["--boxes", "b.json"], "--boxes needs --root"),
        (["--dataset", "cirr"], "has no boxes"),
        (["--detector", "yolo", "--pictures", "2"], "unknown detector 'yolo'"),
        (["--pictures", "1"], "at least two examples"),
    ],
)
def test_what_a_detector_cannot_be_trained_on_is_told(arguments, line, capsys, tmp_path):
    assert main(["train", "detector", "--out", str(tmp_path / "d"), *arguments]) == 2
    assert line in capsys.readouterr().err


def test_another_checkpoint_is_measured_by_its_folder(tmp_path, capsys):
    checkpoints.contrastive(tmp_path / "tiny", "clip")
    small = ["--protocol", "edits", "--data", "scenes=12", "--repeats", "2", "--epochs", "1", "--json"]
    assert main(["evaluate", "--recipe", "clip", "--checkpoint", str(tmp_path / "tiny"), *small]) == 0
    recipe = Recipe.parse(json.loads(capsys.readouterr().out)["recipe_toml"], source="result")
    assert [part.options["checkpoint"] for part in recipe.encoders] == [str(tmp_path / "tiny")] * 2


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["evaluate", "--model", "compact", "--checkpoint", "a/b"], "leave it or --model out"),
        (["evaluate", "--recipe", "compact", "--checkpoint", "a/b"], "compact has no CLIP"),
        (["evaluate", "--recipe", "clip", "--checkpoint", "./nowhere"], "there is no folder ./nowhere"),
        (["evaluate", "--collection", "c", "--checkpoint", "a/b"], "--checkpoint has no meaning with --collection"),
        (["train", "detector", "--checkpoint", "a/b", "--out", "d"], "--checkpoint changes a recipe, and a detector"),
        (["compare", "--checkpoint", "a/b", "--fusions", "sum"], "has no CLIP"),
    ],
)
def test_a_checkpoint_that_does_not_fit_is_told(arguments, line, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 2
    error = capsys.readouterr().err
    assert line in error and error.count("\n") == 1
