"""evaluate on the public benchmarks, end to end: small folders in the original layouts, and the servers' files."""

from __future__ import annotations

import json
from pathlib import Path
from statistics import fmean

import pytest

from tests import toy
from tests.datasets import test_circo as circo
from tests.datasets import test_cirr as cirr
from tests.datasets import test_css as css
from tests.datasets import test_fashion200k as fashion200k
from tests.datasets import test_fashion_iq as fashion_iq
from tests.pictures import draw
from twinlens.cli import main
from twinlens.core import variants
from twinlens.models.composer import Composer

CIRR_NAMES = (*cirr.MEMBERS, *(f"dev-{n}" for n in range(10, 60)))


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("model") / "toy"
    composer = Composer.build(toy.recipe())
    composer.fit(toy.edits().queries)
    composer.save(folder, provenance={})
    return folder


def write_fashion_iq(root: Path) -> None:
    rows = [fashion_iq.row("A", "B"), fashion_iq.row("B", "C"), fashion_iq.row("C", "D")]
    for category, pairs in (("dress", rows), ("shirt", rows[:2]), ("toptee", rows[:1])):
        fashion_iq.write(
            root, category, "val", pairs, [f"{name}{n}" if n else name for name in "ABCD" for n in range(6)]
        )


def write_circo(root: Path) -> None:
    circo.write(root, "val", circo.ROWS)
    circo.write_info(root, [5, 528417, 271520, *range(100, 160)])


def write_mit_states(root: Path) -> None:
    for number, name in enumerate(("ripe tomato", "sliced tomato", "old tomato", "big sky", "ripe tomato")):
        draw(root / "images" / name / f"{number}.jpg", number)


WRITERS = {
    "cirr": ("val", lambda root: cirr.write(root, "val", names=CIRR_NAMES)),
    "circo": ("val", write_circo),
    "css": ("test", lambda root: css.write(root, {"test": css.split()})),
    "fashion200k": (
        "test",
        lambda root: fashion200k.write(root, "test", "women/dresses/1/1_0.jpeg women/tops/3/3_0.jpeg"),
    ),
    "fashion_iq": ("val", write_fashion_iq),
    "mit_states": ("test", write_mit_states),
}


def pictured(name: str, root: Path, split: str) -> None:
    """Draw every picture that the split names."""
    dataset = variants.load("datasets", name).load(root, split)
    for number, sample in enumerate([*dataset.queries, *dataset.gallery]):
        if not sample.image.exists() or not sample.image.stat().st_size:
            draw(sample.image, number)


def evaluated(name: str, root: Path, split: str, model: Path, *more: str) -> int:
    return main(["evaluate", "--dataset", name, "--root", str(root), "--split", split, "--model", str(model), *more])


@pytest.mark.parametrize("name", WRITERS)
def test_every_benchmark_shows_its_own_metrics_and_rules(name, tmp_path, model, capsys):
    split, write = WRITERS[name]
    write(tmp_path)
    pictured(name, tmp_path, split)
    file = tmp_path / "result.json"
    assert evaluated(name, tmp_path, split, model, f"--json={file}") == 0
    result, module = json.loads(file.read_text()), variants.load("datasets", name)
    assert tuple(result["shown"]) == module.METRICS
    assert result["note"] == module.NOTE
    assert module.NOTE.split(":")[0] in capsys.readouterr().out
    assert {"image_only", "text_only", "shuffled_text"} <= set(result["baselines"])
    assert all(0 <= result["metrics"][metric]["mean"] <= 1 for metric in module.METRICS)


def test_fashion_iqs_figure_is_the_plain_mean_of_its_categories(tmp_path, model, capsys):
    write_fashion_iq(tmp_path)
    pictured("fashion_iq", tmp_path, "val")
    assert evaluated("fashion_iq", tmp_path, "val", model, "--json") == 0
    result = json.loads(capsys.readouterr().out)
    assert list(result["parts"]) == ["dress", "shirt", "toptee"]
    for metric in ("recall@10", "map", "mrr"):
        wanted = fmean(part[metric]["mean"] for part in result["parts"].values())
        assert result["metrics"][metric]["mean"] == pytest.approx(wanted)
    queries = {"dress": 3, "shirt": 2, "toptee": 1}
    over_queries = sum(result["parts"][part]["map"]["mean"] * count for part, count in queries.items()) / 6
    assert result["metrics"]["map"]["mean"] != pytest.approx(over_queries)


def test_the_reduced_gallery_is_named_where_it_is_used(tmp_path, model, capsys):
    write_fashion_iq(tmp_path)
    pictured("fashion_iq", tmp_path, "val")
    assert evaluated("fashion_iq", tmp_path, "val", model, "--data", "gallery=reduced", "--json") == 0
    assert json.loads(capsys.readouterr().out)["gallery"] == 4 + 3 + 2
    assert evaluated("fashion_iq", tmp_path, "val", model, "--data", "gallery=reduced") == 0
    progress = capsys.readouterr().out
    assert "gallery=reduced" in progress and "dress" in progress and "toptee" in progress


def test_cirrs_server_gets_both_files_for_a_split_without_answers(tmp_path, model, capsys):
    cirr.write(tmp_path, "test1", targets=False, names=CIRR_NAMES)
    pictured("cirr", tmp_path, "test1")
    out = tmp_path / "server"
    assert evaluated("cirr", tmp_path, "test1", model, "--submission", str(out)) == 0
    assert "https://cirr" in capsys.readouterr().out
    recall, subset = (json.loads((out / name).read_text()) for name in ("recall.json", "recall_subset.json"))
    assert (recall["version"], recall["metric"], subset["metric"]) == ("rc2", "recall", "recall_subset")
    assert len(recall["7"]) == 50 and "dev-0" not in recall["7"]
    assert set(subset["7"]) < set(cirr.MEMBERS[1:])
    assert subset["7"] == [name for name in recall["7"] if name in cirr.MEMBERS][:3]


def test_circos_server_gets_its_file_beside_the_figures(tmp_path, model, capsys):
    write_circo(tmp_path)
    pictured("circo", tmp_path, "val")
    assert evaluated("circo", tmp_path, "val", model, "--submission", str(tmp_path / "server"), "--json") == 0
    result = json.loads(capsys.readouterr().out)
    assert result["submission"]["files"] == [str(tmp_path / "server" / "circo_val.json")]
    assert "map@5" in result["metrics"]
    ranked = json.loads((tmp_path / "server" / "circo_val.json").read_text())
    assert len(ranked["0"]) == len(set(ranked["0"])) == 50 and all(isinstance(number, int) for number in ranked["0"])


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["--dataset", "shapes", "--protocol", "edits", "--data", "scenes=2"], "those that have one: circo, cirr"),
        (["--dataset", "cirr", "--split", "val"], "give --model DIR"),
    ],
)
def test_what_cannot_be_submitted_is_told_in_one_line(arguments, line, tmp_path, capsys):
    cirr.write(tmp_path, "val")
    root = ["--root", str(tmp_path)] if "cirr" in arguments else []
    assert main(["evaluate", *arguments, *root, "--submission", str(tmp_path / "server")]) == 2
    error = capsys.readouterr().err
    assert line in error and error.count("\n") == 1
    assert not (tmp_path / "server").exists()


@pytest.mark.parametrize("key", ["folder", "name", "function", "protocol"])
def test_options_that_no_dataset_has_are_told_in_one_line(key, capsys):
    assert main(["evaluate", "--recipe", "compact", "--dataset", "cirr", "--data", f"{key}=x"]) == 2
    error = capsys.readouterr().err
    assert key in error and error.count("\n") == 1
