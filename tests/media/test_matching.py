"""Rows that name no picture are counted with an example and its cause; those that mean one beyond doubt are taken."""

from __future__ import annotations

import json

import pytest

from tests.mean_color import MeanColor
from tests.pictures import ALONE, draw
from twinlens.collection import Collection
from twinlens.core.types import TwinlensError
from twinlens.media.captions import Captions, read_table, unmatched
from twinlens.media.captions.records import Caption

NAMES = ("a.png", "B.PNG", "cafe\u0301.png", "sub/c.png", "g h.png")


@pytest.fixture
def folder(tmp_path):
    root = tmp_path.resolve() / "named"
    for n, name in enumerate(NAMES):
        draw(root / "x.png", n).rename((root / name) if "/" not in name else made(root / name))
    return root


def made(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def written(folder, names):
    table = folder.parent / "t.csv"
    table.write_text("file_name,text\n" + "".join(f"{name},words {name}\n" for name in names), encoding="utf-8")
    return table


def lines(folder, names) -> list[str]:
    return list(unmatched(written(folder, names), [folder], {str(path) for path in folder.rglob("*.[pP]*")}))


def test_rows_that_all_name_a_picture_are_none(folder):
    assert lines(folder, [*NAMES, str(folder / "a.png"), f"{folder.name}/a.png", "./sub/../a.png"]) == []
    assert lines(folder, []) == []


@pytest.mark.parametrize(
    ("name", "meant", "cause"),
    [
        ("A.png", "a.png", "upper and lower case"),
        ("b.png", "B.PNG", "upper and lower case"),
        ("caf\u00e9.png", "cafe\u0301.png", "composed accents"),
        ("sub\\c.png", "sub/c.png", "backslash"),
        (" a.png", "a.png", "spaces at an end"),
        ("g%20h.png", "g h.png", "%20"),
        ("SUB\\C.png", "sub/c.png", "several of case, accents, spaces and links"),
    ],
)
def test_another_spelling_of_one_picture_is_resolved_and_told(folder, name, meant, cause):
    lost, resolved = "gone.png", meant.rpartition("/")[2]
    told = lines(folder, [lost, "a.png", name])
    assert [line.partition("t.csv: ")[2] for line in told] == [
        "1 of 3 rows name a picture by another spelling, and are taken for it,"
        f" such as {name!r}: {resolved!r} is there ({cause})",
        "1 of 3 rows name no picture, such as 'gone.png'",
    ]
    captions = Captions(folder, [written(folder, [name])])
    assert captions.of(folder / meant) == Caption(" ".join(f"words {name}".split()))


def test_a_picture_behind_a_link_is_resolved(folder):
    (folder.parent / "link").symlink_to(folder)
    name = str(folder.parent / "link" / "a.png")
    (told,) = lines(folder, [name])
    assert told.endswith("(several of case, accents, spaces and links)")
    assert Captions(folder, [written(folder, [name])]).of(folder / "a.png") == Caption(f"words {name}")


def test_doubt_resolves_nothing(folder):
    draw(folder / "x.png", 9).rename(folder / "A.png")
    (told,) = lines(folder, ["a.PNG"])
    assert "1 of 1 rows name no picture, such as 'a.PNG'" in told
    captions = Captions(folder, [written(folder, ["a.PNG"])])
    assert captions.of(folder / "a.png") is None and captions.of(folder / "A.png") is None
    assert Captions(folder, [written(folder, ["b.PNG", "b.png"])]).of(folder / "B.PNG") is None


def test_a_picture_keeps_the_row_of_its_own_name(folder):
    draw(folder / "x.png", 9).rename(folder / "A.png")
    captions = Captions(folder, [written(folder, ["a.png"])])
    assert captions.of(folder / "a.png") == Caption("words a.png") and captions.of(folder / "A.png") is None


def test_found_tables_resolve_too(folder):
    (folder / "metadata.csv").write_text("file_name,text\nB.png,words\n")
    assert Captions(folder).of(folder / "B.PNG") == Caption("words")


def test_rows_of_pictures_that_are_not_there_are_counted(folder):
    (told,) = lines(folder, ["gone.png", "a.png", "lost.png"])
    assert told.endswith("2 of 3 rows name no picture, such as 'gone.png'")


def test_the_cause_is_given_where_folders_differ_or_nothing_is_there(folder):
    (told,) = lines(folder, ["gone.png", "other\\C.png"])
    assert told.endswith(
        f"such as 'other\\\\C.png': {str(folder / 'sub/c.png')!r} is there (another folder and backslashes)"
    )
    (told,) = lines(folder, ["other/c.png"])
    assert told.endswith(f"such as 'other/c.png': {str(folder / 'sub/c.png')!r} is there (another folder)")
    (told,) = lines(folder, ["gone.png", "sub\\gone.png"])
    assert told.endswith("such as 'sub\\\\gone.png' (backslashes)")
    assert Captions(folder, [written(folder, ["other\\c.png"])]).of(folder / "sub" / "c.png") is None


def test_an_index_tells_rows_that_name_no_picture_of_any_folder(tmp_path, folder):
    pictures, table = tmp_path.resolve() / "more", tmp_path / "t.jsonl"
    draw(pictures / "0.png", 0)
    table.write_text(
        "".join(json.dumps({"file_name": n, "text": f"x {n}"}) + "\n" for n in ("0.png", "b.png", "z.png"))
    )
    with Collection.create(tmp_path / "c", MeanColor(), load=MeanColor.load) as collection:
        report = collection.add([pictures, folder], captions=table, options=ALONE)
        entries, _ = collection.entries_with_vectors()
        assert {entry.caption for entry in entries} == {"", "x 0.png", "x b.png"}
    assert [line.partition("t.jsonl: ")[2] for line in report.problems] == [
        "1 of 3 rows name a picture by another spelling, and are taken for it,"
        " such as 'b.png': 'B.PNG' is there (upper and lower case)",
        "1 of 3 rows name no picture, such as 'z.png'",
    ]


def test_a_text_with_commas_and_no_quotes_is_whole_in_the_last_column(tmp_path):
    table = tmp_path / "t.csv"
    table.write_text("file_name,year,text\na.png,1999,a dog, a cat and a zebra\nb.png,2000,plain,,\n")
    found = read_table(table)
    assert found[str(tmp_path / "a.png")] == Caption("a dog, a cat and a zebra", {"year": 1999})
    assert found[str(tmp_path / "b.png")] == Caption("plain", {"year": 2000})


def test_a_text_with_commas_and_no_quotes_elsewhere_is_one_line(tmp_path):
    table = tmp_path / "t.csv"
    table.write_text("file_name,text,year\na.png,a dog, a cat,1999\n")
    with pytest.raises(TwinlensError, match=r"row 1: has 4 cells, and the table 3 columns; put texts with ',' in them"):
        read_table(table)
