from __future__ import annotations

import csv
import json
import os
from pathlib import Path

import pytest
from PIL import Image

from tests.media.videos import write_video
from tests.pictures import draw, png, shard
from twinlens.core.types import Hit, Sample, TwinlensError
from twinlens.media import images, moments
from twinlens.report.export import export
from twinlens.report.grid import ResultRow

QUERY = Sample("query", None, "a dog")


@pytest.fixture
def found(tmp_path):
    """Two answers, one of them in a shard, with names that are not easy."""
    paths = [
        draw(tmp_path / 'a, "b" ä.png', 0),
        shard(tmp_path / "s.tar", {"k.png": png(1)}) / "k.png",
    ]
    said = [{"year": 2020, "tags": ["x", "y"], "path": "elsewhere"}, {"good": True}]
    records = [
        {"rank": n, "id": str(n), "score": 1 / n, "path": path, "caption": "two\nlines", "metadata": fields}
        for n, (path, fields) in enumerate(zip(paths, said, strict=True), 1)
    ]
    hits = [Hit(Sample(r["id"], r["path"], r["caption"]), r["score"]) for r in records]
    return ResultRow(QUERY, hits), records


def test_paths(found, tmp_path):
    odd = Path(os.fsdecode(b"/x/\xff.png"))
    records = [*found[1], {**found[1][0], "path": odd}]
    path = export(found[0], records, str(tmp_path / "new" / "paths.txt"))
    assert path.read_bytes().splitlines() == [os.fsencode(record["path"]) for record in records]


def test_csv(found, tmp_path):
    with export(*found, str(tmp_path / "hits.csv")).open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["path"] for row in rows] == [str(record["path"]) for record in found[1]]
    assert [(row["rank"], row["score"], row["caption"]) for row in rows] == [
        ("1", "1.0", "two\nlines"),
        ("2", "0.5", "two\nlines"),
    ]
    assert [(row["year"], row["tags"], row["metadata.path"], row["good"]) for row in rows] == [
        ("2020", '["x", "y"]', "elsewhere", ""),
        ("", "", "", "true"),
    ]


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        ("=1+1", "'=1+1"),
        ("+49 30 1234", "'+49 30 1234"),
        ("-cmd|' /C calc'!A0", "'-cmd|' /C calc'!A0"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\t=1", "'\t=1"),
        ("\r=1", "'\r=1"),
        ("＝1+1", "'＝1+1"),
        ("-5", "-5"),
        ("+1.5e-3", "+1.5e-3"),
        (-5, "-5"),
        (-0.25, "-0.25"),
        ("a=1", "a=1"),
        ("'=1", "'=1"),
        ("half \ud800", "half \ufffd"),
        ("two\n\tlines\r\nmore", "two\n\tlines\r\nmore"),
        ("\x1b]0;x\x07red \u202etext \x9b31m \0", r"\x1b]0;x\x07red \u202etext \x9b31m \x00"),
        ("\x1b=1", r"\x1b=1"),
        ("\u200f=1", r"\u200f=1"),
        ("👩\u200d🚒 ä", "👩\u200d🚒 ä"),
        (["\u202ered"], r'["\u202ered"]'),
        (None, ""),
        (False, "false"),
    ],
)
def test_no_cell_is_a_formula_and_numbers_stay_numbers(found, tmp_path, value, cell):
    row, (record, _) = found
    record = {**record, "caption": value, "metadata": {"note": value, "=name": 1}}
    with export(row, [record], str(tmp_path / "a.csv")).open(encoding="utf-8", newline="") as file:
        (line,) = csv.DictReader(file)
    assert line["caption"] == line["note"] == cell and line["'=name"] == "1"


def test_names_in_csv_cannot_act_and_keep_their_bytes(found, tmp_path):
    record = {**found[1][0], "path": Path(os.fsdecode(b"/x/\xff\x1b[31m.png"))}
    path = export(found[0], [record], str(tmp_path / "a.csv"))
    assert rb"/x/" + b"\xff" + rb"\x1b[31m.png" in path.read_bytes()


def test_json(found, tmp_path):
    said = json.loads(export(*found, str(tmp_path / "hits.json")).read_text(encoding="utf-8"))
    assert said == [{**record, "path": str(record["path"])} for record in found[1]]


def test_page_and_grid(found, tmp_path):
    assert "a dog" in export(*found, str(tmp_path / "hits.html")).read_text(encoding="utf-8")
    with Image.open(export(*found, str(tmp_path / "hits.PNG"))) as drawn:
        assert drawn.width > 300


@pytest.mark.parametrize("name", ["copies", "copies/", "v1.2/"])
def test_copies_are_named_by_rank(found, tmp_path, name):
    folder = export(*found, f"{tmp_path}/{name}")
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == {
        '001-a, "b" ä.png': found[1][0]["path"].read_bytes(),
        "002-k.png": png(1),
    }
    with pytest.raises(TwinlensError, match="is not empty; name a new folder"):
        export(*found, f"{tmp_path}/{name}")


def test_a_picture_that_is_gone_keeps_no_other_from_being_copied(found, tmp_path):
    found[1][0]["path"].unlink()
    with pytest.raises(TwinlensError, match=r"1 of 2 pictures could not be copied .*No such file"):
        export(*found, str(tmp_path / "copies"))
    assert [path.name for path in (tmp_path / "copies").iterdir()] == ["002-k.png"]


@pytest.mark.parametrize("ending", ["txt", "csv", "json", "html", "png"])
def test_no_answers_are_an_answer_too(tmp_path, ending):
    path = export(ResultRow(QUERY, []), [], str(tmp_path / f"none.{ending}"))
    assert path.stat().st_size < 20 if ending in ("txt", "json") else path.is_file()


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("a.xlsx", r"must end in one of \.csv, \.html"),
        ("file/a.csv", "cannot export"),
        ("a\0b.csv", "cannot export .*null"),
    ],
)
def test_a_wrong_name_is_one_line(found, tmp_path, name, line):
    (tmp_path / "file").touch()
    with pytest.raises(TwinlensError, match=line):
        export(*found, str(tmp_path / name))


def test_the_frame_of_a_moment_is_copied_as_a_png(tmp_path):
    path = moments.path_of(write_video(tmp_path / "clip.mp4", 12), 3)
    record = {"rank": 1, "id": "1", "score": 1.0, "path": path, "caption": "", "metadata": {"moment": 3.0}}
    row = ResultRow(QUERY, [Hit(Sample("1", path), 1.0)])
    export(row, [record], str(tmp_path / "copies") + "/")
    with Image.open(tmp_path / "copies" / "001-clip-00-00-03.000.png") as copied:
        assert copied.size == (64, 48) and copied.tobytes() == images.load(path).tobytes()
    lines = export(row, [record], str(tmp_path / "hits.csv")).read_text("utf-8").splitlines()
    assert lines == ["rank,id,score,path,caption,moment", f"1,1,1.0,{path},,3.0"]
    missing = {**record, "path": moments.path_of(tmp_path / "clip.mp4", 7.5)}
    with pytest.raises(TwinlensError, match="no key frame at 0:07"):
        export(row, [missing], str(tmp_path / "more") + "/")
