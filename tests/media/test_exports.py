"""Captions as other programs export them: Google Takeout, COCO, spreadsheets."""

from __future__ import annotations

import json

import pytest

from tests.pictures import draw
from twinlens.core.types import TwinlensError
from twinlens.media.captions import Caption, Captions, read_table, takeout, unmatched

TAKEOUT = {
    "title": "a.jpg",
    "description": "two boats",
    "photoTakenTime": {"timestamp": "1556893330", "formatted": "3 May 2019, 14:22:10 UTC"},
    "geoData": {"latitude": 0.0, "longitude": 0.0},
    "geoDataExif": {"latitude": 48.5, "longitude": 11.25},
    "people": [{"name": "Ann"}],
}
LONG = "a-very-long-name-of-a-picture-that-someone-took-in-2019.jpg"


@pytest.mark.parametrize(
    ("picture", "sidecar"),
    [
        ("a.jpg", "a.jpg.json"),
        ("a.jpg", "a.jpg.supplemental-metadata.json"),
        ("a.jpg", "a.jpg.supplemental-me.json"),
        ("a(2).jpg", "a.jpg(2).json"),
        ("a(2).jpg", "a.jpg.supplemental-metadata(2).json"),
        ("a-edited.jpg", "a.jpg.supplemental-metadata.json"),
        (LONG, LONG[:46] + ".json"),
        ("x" * 40 + ".jpg", f"{'x' * 40}.jpg.s.json"),
    ],
)
def test_takeout(tmp_path, picture, sidecar):
    root = tmp_path.resolve()
    (root / sidecar).write_text(json.dumps(TAKEOUT))
    draw(root / "x.png", 1).rename(root / picture)
    caption = Captions(root).of(root / picture)
    assert caption is not None and caption.text == "two boats"
    expected = {"taken": "2019-05-03T14:22:10+00:00", "latitude": 48.5, "longitude": 11.25, "people": ["Ann"]}
    assert {key: caption.metadata[key] for key in expected} == expected


@pytest.mark.parametrize("description", ["", " "])
def test_takeout_without_a_description_has_no_text(tmp_path, description):
    root = tmp_path.resolve()
    record = {**TAKEOUT, "title": "of the original.jpg", "description": description}
    (root / "a(1).jpg.json").write_text(json.dumps(record))
    caption = Captions(root).of(root / "a(1).jpg")
    assert caption is not None and caption.text == "" and "description" not in caption.metadata
    assert caption.metadata["title"] == "of the original.jpg"


def test_the_source_of_a_time_is_named(tmp_path):
    root = tmp_path.resolve()
    (root / "metadata.csv").write_text("file_name,taken\na.jpg,2018-01-01\n")
    for name in ("a.jpg", "b.jpg"):
        (root / f"{name}.json").write_text(json.dumps(TAKEOUT))
    (root / "c.json").write_text(json.dumps({"taken": "2017-01-01"}))
    captions = Captions(root)
    times = [captions.of(root / name) for name in ("a.jpg", "b.jpg", "c.jpg")]
    assert [one and (one.metadata["taken"], one.metadata["taken_from"]) for one in times] == [
        ("2018-01-01", "table"),
        ("2019-05-03T14:22:10+00:00", "takeout"),
        ("2017-01-01", "json"),
    ]


def test_takeout_of_another_picture_is_left_alone(tmp_path):
    root = tmp_path.resolve()
    (root / "a.jpg(1).json").write_text(json.dumps(TAKEOUT))
    (root / "b.jpg.supplemental-metadata.json").write_text(json.dumps(TAKEOUT))
    assert Captions(root).of(root / "a.jpg") is None


def texts(path) -> dict[str, str]:
    return {name.rpartition("/")[2]: caption.text for name, caption in read_table(path).items()}


def test_coco(tmp_path):
    table = tmp_path / "captions_val2017.json"
    annotations = [("7", "A zebra."), (7, "Grass under a zebra"), (7, "a horse?"), (9, "nobody's")]
    content = {
        "images": [{"id": 7, "file_name": "a.jpg", "license": 1}, {"id": 8, "file_name": "b.jpg"}],
        "annotations": [{"id": n, "image_id": i, "caption": text} for n, (i, text) in enumerate(annotations)],
    }
    table.write_text(json.dumps(content))
    assert texts(table) == {"a.jpg": "A zebra. Grass under a zebra. a horse?", "b.jpg": ""}


def test_annotations_of_no_image_are_rows_that_name_no_picture(tmp_path):
    table, root = tmp_path / "coco.json", tmp_path.resolve()
    annotations = [{"image_id": i, "caption": f"words {i}"} for i in (7, 9, 9, 10)]
    table.write_text(json.dumps({"images": [{"id": 7, "file_name": "a.jpg"}, {"id": 10}], "annotations": annotations}))
    (line,) = unmatched(table, [root], {str(root / "a.jpg")})
    assert line.startswith(f"{table}: 2 of 3 rows name no picture, such as one without a name: {{'image_id': '9', ")
    (line,) = unmatched(table, [root], {str(root / "b.jpg")})
    assert "3 of 3 rows name no picture, such as 'a.jpg'" in line


def test_karpathys_splits(tmp_path):
    table = tmp_path / "dataset_flickr8k.json"
    sentences = [{"raw": "A dog runs .", "tokens": ["a"]}, {"raw": "two dogs"}]
    table.write_text(json.dumps({"images": [{"filename": "a.jpg", "split": "val", "sentences": sentences}]}))
    assert read_table(table) == {str(tmp_path / "a.jpg"): Caption("A dog runs . two dogs", {"split": "val"})}


def test_json_of_records_and_of_texts_by_name(tmp_path):
    (tmp_path / "a.json").write_text(json.dumps([{"file_name": "a.jpg", "captions": ["one", "two"]}]))
    (tmp_path / "b.json").write_text(json.dumps({"a.jpg": "one", "b.jpg": ["one", "two"]}))
    assert texts(tmp_path / "a.json") == {"a.jpg": "one. two"}
    assert texts(tmp_path / "b.json") == {"a.jpg": "one", "b.jpg": "one. two"}


@pytest.mark.parametrize("content", ["{", "[1]", "3", '{"a": 1}', "[" * 100_000])
def test_other_json_is_one_line(tmp_path, content):
    (tmp_path / "t.json").write_text(content)
    with pytest.raises(TwinlensError, match=r"t\.json") as error:
        read_table(tmp_path / "t.json")
    assert "\n" not in str(error.value)


def test_all_rows_of_a_picture_count(tmp_path):
    (tmp_path / "t.csv").write_text("image,caption\na.jpg,A dog runs.\na.jpg,two cats\nb.jpg,x\na.jpg,two cats\n")
    assert texts(tmp_path / "t.csv") == {"a.jpg": "A dog runs. two cats", "b.jpg": "x"}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("before", ["", "\r\n\r\n", "sep=;\r\n", '"";""\r\n;;\r\n'])
def test_spreadsheets(tmp_path, encoding, before):
    text = f"{before}file_name;text\r\n\r\na.jpg;Käse, 東京\r\n;\r\nb.jpg;x\r\n"
    (tmp_path / "t.csv").write_bytes(text.encode(encoding))
    assert texts(tmp_path / "t.csv") == {"a.jpg": "Käse, 東京", "b.jpg": "x"}


def test_a_separator_that_the_header_does_not_tell(tmp_path):
    (tmp_path / "t.csv").write_text("sep=|\nfile_name|text\na.jpg|one; two, three\n")
    assert texts(tmp_path / "t.csv") == {"a.jpg": "one; two, three"}


def test_several_texts_beside_a_picture(tmp_path):
    (tmp_path / "a.json").write_text(json.dumps(["one dog.", "two cats"]))
    (tmp_path / "b.json").write_text(json.dumps({"sentences": ["one", "two"], "n": 1}))
    (tmp_path / "c.txt").write_bytes("in UTF-16".encode("utf-16"))
    captions = Captions(tmp_path)
    assert captions.of(tmp_path / "a.png") == Caption("one dog. two cats")
    assert captions.of(tmp_path / "b.png") == Caption("one. two", {"n": 1})
    assert captions.of(tmp_path / "c.png") == Caption("in UTF-16")


@pytest.mark.parametrize("latitude", ["1e400", "NaN", "-Infinity", "1" + "0" * 400, "true", "90.5"])
def test_a_place_that_is_none_is_left_out(tmp_path, latitude):
    geo = f'{{"latitude": {latitude}, "longitude": 3}}'
    record = json.loads(f'{{"photoTakenTime": {{"timestamp": "1e400"}}, "geoData": {geo}}}')
    assert takeout.metadata(record) == {}
    assert takeout.metadata({**record, "geoDataExif": {"latitude": 48, "longitude": 11.5}}) == {
        "latitude": 48,
        "longitude": 11.5,
    }
