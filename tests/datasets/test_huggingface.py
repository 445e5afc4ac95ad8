"""Hugging Face datasets in: folders of `save_to_disk`, Parquet and objects, as triplets and as pictures to index."""

from __future__ import annotations

import io
import json

import datasets as hf
import pytest
from PIL import Image

from tests import toy
from twinlens import cli
from twinlens.collection import Collection
from twinlens.collection.rows import items_of
from twinlens.core.types import TwinlensError
from twinlens.datasets import huggingface
from twinlens.models.composer import Composer

EDITS = [("red", "make it green", "green"), ("green", "make it blue", "blue"), ("red", "make it blue", "blue")]
TRIPLETS = {"query_image": hf.Image(), "text": hf.Value("string"), "target_image": hf.Image()}


def encoded(color: str) -> dict[str, object]:
    file = io.BytesIO()
    toy.draw((color, color, "red")).save(file, "PNG")
    return {"bytes": file.getvalue(), "path": None}


@pytest.fixture
def triplets() -> hf.Dataset:
    columns = zip(*[(encoded(a), text, encoded(b)) for a, text, b in EDITS], strict=True)
    return hf.Dataset.from_dict(dict(zip(TRIPLETS, map(list, columns), strict=True)), features=hf.Features(TRIPLETS))


@pytest.fixture
def pictures() -> hf.Dataset:
    content = {
        "image": [encoded(color) for color in toy.COLOURS],
        "text": [f"a {color} tile" for color in toy.COLOURS],
        "year": [2019, 2020, None],
        "key": list(toy.COLOURS),
        "vector": [[1.0, 2.0]] * 3,
    }
    return hf.Dataset.from_dict(content).cast_column("image", hf.Image())


def sources(rows: hf.Dataset, folder):
    """The same rows in every form, each with the name of its split."""
    rows.save_to_disk(folder / "plain")
    hf.DatasetDict({"train": rows.select([0]), "val": rows}).save_to_disk(folder / "split")
    rows.to_parquet(folder / "rows.parquet")
    (folder / "hub" / "data").mkdir(parents=True)
    rows.to_parquet(folder / "hub" / "data" / "val-00000-of-00001.parquet")
    rows.select([0]).to_parquet(folder / "hub" / "data" / "train-00000-of-00001.parquet")
    yield from ((folder / "plain", "all"), (folder / "split", "val"), (folder / "rows.parquet", "all"))
    yield (str(folder / "rows.parquet"), "all")
    yield from ((folder / "hub", "val"), (rows, "all"), (hf.DatasetDict({"val": rows}), "val"))


def test_triplets_are_composed_queries_in_every_form(triplets, tmp_path):
    for source, split in sources(triplets, tmp_path):
        data = huggingface.load(source, split)
        assert [(query.id, query.text) for query in data.queries] == [
            (f"q{n}", text) for n, (_, text, _) in enumerate(EDITS)
        ]
        shown = {entry.id: entry.image().convert("RGB").getpixel((0, 0)) for entry in data.gallery}
        assert sorted(shown.values()) == sorted(toy.COLOURS.values())
        for (source_color, _, target), query in zip(EDITS, data.queries, strict=True):
            assert query.image().getpixel((0, 0)) == toy.COLOURS[source_color]
            assert [shown[entry] for entry in data.relevant[query.id]] == [toy.COLOURS[target]]
            assert [shown[entry] for entry in data.ignore[query.id]] == [toy.COLOURS[source_color]]
        assert len(set(data.groups.values())) == 1  # every row shares a picture with another


def test_captions_are_queries_for_their_pictures(pictures):
    data = huggingface.load(pictures, protocol="captions")
    assert [(query.image, query.text) for query in data.queries] == [(None, f"a {color} tile") for color in toy.COLOURS]
    assert len(data.gallery) == 3 and {len(found) for found in data.relevant.values()} == {1}


def test_other_columns_are_named(triplets):
    renamed = triplets.rename_columns({"query_image": "source", "target_image": "target", "text": "change"})
    data = huggingface.load(renamed, query_image="source", target_image="target", text="change")
    assert len(data.queries) == len(EDITS)


def test_a_model_is_measured_on_a_folder(triplets, tmp_path, capsys):
    hf.concatenate_datasets([triplets] * 2).save_to_disk(tmp_path / "rows")
    composer = Composer.build(toy.recipe())
    composer.fit(toy.edits().queries)
    composer.save(tmp_path / "model", provenance={})
    given = ["--root", str(tmp_path / "rows"), "--split", "all", "--model", str(tmp_path / "model"), "--json"]
    assert cli.main(["evaluate", "--dataset", "huggingface", *given]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["queries"] == 6 and result["gallery"] == 3


def test_pictures_are_items_with_their_own_bytes(pictures, tmp_path):
    for number, (source, split) in enumerate(sources(pictures, tmp_path)):
        with Collection.create(tmp_path / f"c{number}", recipe="compact") as collection:
            collection.add(items_of(source, split, id="key"))
            entries = {entry.id: entry for entry in collection.entries_with_vectors()[0]}
        assert {name: entry.caption for name, entry in entries.items()} == {c: f"a {c} tile" for c in toy.COLOURS}
        assert [entries[color].metadata.get("year") for color in toy.COLOURS] == [2019, 2020, None]
        assert all(entries[color].path.read_bytes() == encoded(color)["bytes"] for color in toy.COLOURS)


def test_the_command_line_indexes_a_folder_and_a_file(pictures, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for _ in sources(pictures, tmp_path):
        pass
    options = ["--recipe", "compact", "--workers", "0", "--json"]
    assert cli.main(["index", "rows.parquet", "--column", "id=key", *options]) == 0
    assert json.loads(capsys.readouterr().out)["added"] == 3
    assert cli.main(["index", "rows.parquet", "--column", "id=key", *options]) == 0
    assert json.loads(capsys.readouterr().out)["unchanged"] == 3
    assert cli.main(["index", "split", "--split", "val", "--collection", "other", *options]) == 0
    assert json.loads(capsys.readouterr().out)["pictures"] == 3
    with Collection.open("other") as collection:
        assert collection.entry("val-0").caption == "a red tile"


def test_no_script_is_run(tmp_path):
    (tmp_path / "rows.py").write_text("raise SystemExit('it ran')")
    with pytest.raises(TwinlensError, match=r"rows\.py is a dataset's script, and none is run"):
        huggingface.load(tmp_path, "all")


def test_a_row_without_a_picture_fails_alone(tmp_path):
    features = hf.Features({"image": hf.Image(), "text": hf.Value("string")})
    rows = hf.Dataset.from_dict({"image": [encoded("red"), None], "text": ["a", "b"]}, features=features)
    with Collection.create(tmp_path / "c", recipe="compact") as collection:
        report = collection.add(items_of(rows))
        assert len(collection) == 1 and list(report.failures) == ["row 1 has no picture in the column 'image'"]


@pytest.mark.parametrize(
    ("call", "line"),
    [
        (lambda rows, root: huggingface.load(rows, "test"), "no split 'test': its rows are one table"),
        (lambda rows, root: huggingface.load(hf.DatasetDict({"val": rows}), "test"), "unknown split 'test'"),
        (lambda rows, root: huggingface.load(hf.DatasetDict({"val": rows}), "all"), "name one with --split: val"),
        (lambda rows, root: huggingface.load(rows.select([])), "the dataset has no rows"),
        (lambda rows, root: huggingface.load(rows, text="change"), "unknown column 'change'"),
        (lambda rows, root: huggingface.load(rows, query_image="text"), "row 0 has no picture in the column 'text'"),
        (lambda rows, root: items_of(rows.add_column("n", [1] * len(rows)), image="n"), "'n' holds no pictures"),
        (lambda rows, root: huggingface.load(None), "needs the dataset's folder"),
        (lambda rows, root: huggingface.load([1]), "not a list"),
        (lambda rows, root: huggingface.load(root / "nowhere"), "there is no"),
        (lambda rows, root: huggingface.load(root), "is no dataset: it holds neither"),
        (
            lambda rows, root: items_of(rows, image="target_image", text="query_image"),
            "^the column 'query_image' holds no texts",
        ),
        (
            lambda rows, root: items_of(rows.add_column("n", [1] * len(rows)), image="target_image", text="n"),
            "'n' holds no texts",
        ),
        (lambda rows, root: huggingface.load(rows, text="query_image"), "^the column 'query_image' holds no texts"),
        (
            lambda rows, root: items_of(rows, image="target_image", id="query_image"),
            "^the column 'query_image' holds no ids",
        ),
        (lambda rows, root: items_of(rows, image="target_image", id="kye"), "^unknown column 'kye'"),
        (lambda rows, root: items_of(rows, picture="x"), "no column 'picture' is known"),
    ],
)
def test_mistakes_are_one_line(triplets, tmp_path, call, line):
    with pytest.raises(TwinlensError, match=line):
        call(triplets, tmp_path)


@pytest.mark.parametrize("name", ["state.json", "rows.parquet"])
def test_damage_is_one_line(tmp_path, name):
    (tmp_path / name).write_text("{")
    with pytest.raises(TwinlensError, match="cannot read the dataset"):
        huggingface.load(tmp_path, "all")


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["pictures", "--split", "val"], "--split and --column are for a dataset"),
        (["rows.parquet", "pictures"], "indexed on its own"),
        (["rows.parquet", "--column", "text=image"], "the column 'image' holds no texts; name another one\n"),
        (["rows.parquet", "--watch"], "--watch is for folders of pictures"),
    ],
)
def test_options_that_do_not_fit_are_told(pictures, tmp_path, monkeypatch, capsys, arguments, line):
    monkeypatch.chdir(tmp_path)
    pictures.to_parquet("rows.parquet")
    (tmp_path / "pictures").mkdir()
    Image.new("RGB", (9, 9)).save(tmp_path / "pictures" / "a.png")
    assert cli.main(["index", *arguments, "--recipe", "compact"]) == 2
    assert line in capsys.readouterr().err


def test_the_extra_is_named(monkeypatch, tmp_path, capsys):
    monkeypatch.setitem(__import__("sys").modules, "datasets", None)
    given = ["--root", str(tmp_path), "--split", "all", "--model", "compact"]
    assert cli.main(["evaluate", "--dataset", "huggingface", *given]) == 2
    assert "this needs datasets" in capsys.readouterr().err
