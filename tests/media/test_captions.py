from __future__ import annotations

import datetime
import json
import sys

import numpy as np
import pyarrow as arrow
import pytest
from PIL import Image, PngImagePlugin
from pyarrow import parquet

from twinlens.core.types import TwinlensError
from twinlens.media.captions import Caption, Captions, given_caption, inside, read_table


@pytest.fixture
def folder(tmp_path):
    root = tmp_path.resolve() / "pictures"
    (root / "train").mkdir(parents=True)
    for name in ("a.jpg", "b.jpg", "train/c.png"):
        picture(root / name)
    return root


def picture(path, size=(6, 4), **how):
    Image.fromarray(np.zeros((size[1], size[0], 3), dtype=np.uint8)).save(path, **how)
    return path


def test_metadata_csv_of_an_image_folder(folder):
    table = (
        "file_name,text,year,tag,code,ratio,empty\na.jpg,a red dog,2020,red,007,0.5,\ntrain/c.png,a cat,1999,,1,2,\n"
    )
    (folder / "metadata.csv").write_text(table)
    captions = Captions(folder)
    said = captions.of(folder / "a.jpg")
    assert said == Caption("a red dog", {"year": 2020, "tag": "red", "code": "007", "ratio": 0.5})
    assert captions.of(folder / "train/c.png") == Caption("a cat", {"year": 1999, "code": 1, "ratio": 2})
    assert captions.of(folder / "b.jpg") is None


def test_metadata_jsonl_with_lists_and_objects(folder):
    records = [
        {"file_name": "a.jpg", "text": "two dogs", "tags": ["x", "y"], "exif": {"iso": 100}, "gone": None},
        {"file_name": "b.jpg", "additional_feature": True},
    ]
    (folder / "metadata.jsonl").write_text("\n".join(map(json.dumps, records)) + "\n\n")
    captions = Captions(folder)
    assert captions.of(folder / "a.jpg") == Caption("two dogs", {"tags": ["x", "y"], "exif": {"iso": 100}})
    assert captions.of(folder / "b.jpg") == Caption("", {"additional_feature": True})


def test_a_time_that_a_program_gives_is_told_as_such():
    assert given_caption("x", {"taken": "2019"}).metadata == {"taken": "2019", "taken_from": "given"}
    assert given_caption("x", {"taken": "2019", "taken_from": "me"}).metadata["taken_from"] == "me"
    utc = given_caption("x", {"taken": "2019-05-03T14:02:10Z"}).metadata["taken"]
    assert utc == "2019-05-03T14:02:10+00:00"  # as conditions compare it


def test_the_nearest_table_wins_and_others_fill_in(folder):
    (folder / "metadata.csv").write_text("file_name,text,year\ntrain/c.png,far,2001\n")
    (folder / "train/metadata.csv").write_text("file_name,text\nc.png,near\n")
    assert Captions(folder).of(folder / "train/c.png") == Caption("near", {"year": 2001})


def test_files_beside_the_picture(folder):
    (folder / "a.txt").write_text("\ufeffa dog\n  at night\n", encoding="utf-8")
    (folder / "b.jpg.json").write_text(json.dumps({"title": "b.jpg", "description": "the sea", "rating": 5}))
    (folder / "train/c.json").write_text(json.dumps("just words"))
    captions = Captions(folder)
    assert captions.of(folder / "a.jpg") == Caption("a dog at night")
    assert captions.of(folder / "b.jpg") == Caption("the sea", {"title": "b.jpg", "rating": 5})
    assert captions.of(folder / "train/c.png") == Caption("just words")


def test_a_broken_file_beside_a_picture_costs_only_its_caption(folder):
    (folder / "a.json").write_text("{no json")
    (folder / "a.txt").write_text("a dog")
    (folder / "b.json").write_text("[" * 100_000)
    (folder / "train/c.txt").write_bytes(b"\xff\xfe\xff")
    captions = Captions(folder)
    assert captions.of(folder / "a.jpg") == Caption("a dog")
    assert captions.of(folder / "b.jpg") is None
    assert captions.of(folder / "train/c.png") is None
    assert [line.split(": ")[0] for line in captions.problems] == [
        str(folder / name) for name in ("a.json", "b.json", "train/c.txt")
    ]


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_a_table_anywhere_with_paths_of_either_kind(folder, tmp_path, separator):
    table = tmp_path / "captions.csv"
    rows = [
        ["Path", "Caption", "n"],
        [str(folder / "a.jpg"), "absolute", "1"],
        ["train/c.png", "within the folder", "2"],
    ]
    table.write_text("\n".join(separator.join(row) for row in rows))
    captions = Captions(folder, [table])
    assert captions.of(folder / "a.jpg") == Caption("absolute", {"n": 1})
    assert captions.of(folder / "train/c.png") == Caption("within the folder", {"n": 2})


def test_a_table_goes_before_what_lies_beside(folder, tmp_path):
    (tmp_path / "t.csv").write_text("path,text\npictures/a.jpg,table\n")
    (folder / "a.txt").write_text("beside")
    assert Captions(folder, [tmp_path / "t.csv"]).of(folder / "a.jpg") == Caption("table")


@pytest.mark.parametrize(
    ("name", "content", "line"),
    [
        ("t.csv", b"name,text\na,b\n", "has no column of paths"),
        ("t.jsonl", b'{"path": "a"}\n{oops\n', "line 2: not valid JSON"),
        ("t.jsonl", b"[1]\n", "line 1: not a JSON object"),
        ("t.csv", b"path,text\na,\xff\xfe\n", "not UTF-8"),
        ("t.csv", b'path,text\na,"' + b"x" * 200_000 + b'"\n', "field larger"),
        ("none.csv", None, "No such file"),
    ],
)
def test_a_table_that_cannot_be_read_says_why(tmp_path, name, content, line):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(TwinlensError, match=line) as error:
        read_table(tmp_path / name)
    assert "\n" not in str(error.value)


def test_parquet_without_pyarrow_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    (tmp_path / "t.parquet").write_bytes(b"PAR1")
    with pytest.raises(TwinlensError, match=r"needs pyarrow; install it with: pip install 'twinlens\[parquet\]'"):
        read_table(tmp_path / "t.parquet")


def test_parquet(tmp_path):
    columns = {"path": ["a.jpg"], "text": ["a dog"], "n": [3], "day": [datetime.date(2020, 2, 29)], "tags": [["x"]]}
    parquet.write_table(arrow.table(columns), tmp_path / "t.parquet")
    said = Caption("a dog", {"n": 3, "day": "2020-02-29", "tags": ["x"]})
    assert read_table(tmp_path / "t.parquet") == {str(tmp_path / "a.jpg"): said}
    (tmp_path / "t.parquet").write_bytes(b"PAR1 and no more")
    with pytest.raises(TwinlensError, match="cannot read the captions"):
        read_table(tmp_path / "t.parquet")


def test_metadata_parquet_of_an_image_folder(folder):
    table = arrow.table({"file_name": ["a.jpg", "train/c.png"], "text": ["a red dog", "a cat"], "year": [2020, None]})
    parquet.write_table(table, folder / "metadata.parquet")
    assert Captions(folder).of(folder / "a.jpg") == Caption("a red dog", {"year": 2020})
    assert Captions(folder).of(folder / "train/c.png") == Caption("a cat")


def exif(path, **tags):
    data = Image.Exif()
    for tag, value in tags.items():
        data[{"description": 0x010E, "orientation": 0x0112}[tag]] = value
    return picture(path, exif=data)


def test_exif_description_and_upright_size(tmp_path):
    assert inside(exif(tmp_path / "a.jpg", description="a dog", orientation=6)) == ((4, 6), Caption("a dog"))
    assert inside(exif(tmp_path / "b.jpg", description="OLYMPUS DIGITAL CAMERA  "))[1] == Caption(
        "", {"boilerplate": "OLYMPUS DIGITAL CAMERA"}
    )


def test_exif_user_comment(tmp_path):
    data = Image.Exif()
    data.get_ifd(0x8769)[0x9286] = b"UNICODE\0" + "Straße bei Nacht".encode("utf-16-le")
    assert inside(picture(tmp_path / "a.jpg", exif=data)) == ((6, 4), Caption("Straße bei Nacht"))


def test_xmp_description(tmp_path):
    packet = (
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        '<rdf:Description xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:description><rdf:Alt>'
        '<rdf:li xml:lang="x-default">Tom &amp; Ann</rdf:li></rdf:Alt></dc:description></rdf:Description></rdf:RDF>'
        "</x:xmpmeta>"
    )
    assert inside(picture(tmp_path / "a.jpg", xmp=packet.encode())) == ((6, 4), Caption("Tom & Ann"))


def test_iptc_caption(tmp_path):
    text = b"Ein Hund"
    record = b"\x1c\x02\x78" + len(text).to_bytes(2, "big") + text
    block = b"8BIM\x04\x04\x00\x00" + len(record).to_bytes(4, "big") + record + b"\0" * (len(record) % 2)
    segment = b"Photoshop 3.0\0" + block
    path = picture(tmp_path / "a.jpg")
    data = path.read_bytes()
    path.write_bytes(data[:2] + b"\xff\xed" + (len(segment) + 2).to_bytes(2, "big") + segment + data[2:])
    assert inside(path) == ((6, 4), Caption("Ein Hund"))


def test_png_text(tmp_path):
    info = PngImagePlugin.PngInfo()
    info.add_itxt("Description", "日本 の 犬")
    assert inside(picture(tmp_path / "a.png", pnginfo=info)) == ((6, 4), Caption("日本 の 犬"))


@pytest.mark.parametrize(
    "content", [b"", b"hello", b"\xff\xd8\xff\xe1\x00\x10Exif\0\0garbage", b"\x89PNG\r\n\x1a\n" + b"\0" * 40]
)
def test_what_is_no_picture_says_nothing(tmp_path, content):
    path = tmp_path / "a.jpg"
    path.write_bytes(content)
    assert inside(path) == (None, Caption())
