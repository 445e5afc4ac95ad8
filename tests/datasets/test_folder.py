from __future__ import annotations

import json

import pytest
from PIL import Image

from twinlens.core.types import TwinlensError
from twinlens.datasets import folder


def pictures(root, *names):
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (2, 2)).save(root / name)
    return root


def texts(root):
    data = folder.load(root)
    return {query.id.removeprefix("query-"): query.text for query in data.queries}


def test_a_folder_without_captions_is_a_gallery(tmp_path):
    data = folder.load(root := pictures(tmp_path, "b.png", "a.png", "sub/c.jpg"))
    assert folder.load(str(root)) == data
    assert [entry.id for entry in data.gallery] == ["a.png", "b.png", "sub/c.jpg"]
    assert data.queries == () and dict(data.relevant) == {}


def test_captions_from_every_source(tmp_path):
    root = pictures(tmp_path, "a.png", "b.png", "sub/c.png", "sub/d.png", "e.png", "f.png")
    (root / "a.txt").write_text("a  red\n barn\n", encoding="utf-8-sig")
    (root / "metadata.csv").write_text('file_name,text,year\nb.png,"two, or\nmore",2\nsub/d.png,d,3\n')
    rows = [{"file_name": "c.png", "caption": "line\u2028end"}, {"file_name": "gone.png", "caption": "x"}]
    (root / "sub" / "metadata.jsonl").write_text("\n".join(json.dumps(r, ensure_ascii=False) for r in rows))
    (root / "b.txt").write_text("the metadata speaks first")
    (root / "e.txt").write_bytes(b"caf\xe9")
    (root / "f.txt").write_text(" \n")
    wanted = {"a.png": "a red barn", "b.png": "two, or more", "sub/c.png": "line end", "sub/d.png": "d"}
    assert texts(root) == wanted | {"e.png": "caf\ufffd"}


def test_a_caption_asks_for_all_pictures_that_have_it(tmp_path):
    root = pictures(tmp_path, "a.png", "b.png", "c.png")
    for name, text in (("a", "A cat"), ("b", "a CAT"), ("c", "a dog")):
        (root / f"{name}.txt").write_text(text)
    data = folder.load(root)
    assert data.relevant["query-a.png"] == {"a.png", "b.png"} and data.relevant["query-c.png"] == {"c.png"}
    assert all(query.image is None for query in data.queries) and all(entry.text == "" for entry in data.gallery)


def test_grounded_asks_for_the_others(tmp_path):
    root = pictures(tmp_path, "a.png", "b.png", "c.png")
    for name, text in (("a", "A cat"), ("b", "a CAT"), ("c", "a dog")):
        (root / f"{name}.txt").write_text(text)
    data = folder.load(root, protocol="grounded")
    assert data.relevant == {"query-a.png": {"b.png"}, "query-b.png": {"a.png"}}
    assert data.ignore == {"query-a.png": {"a.png"}, "query-b.png": {"b.png"}}
    assert data.queries[0].image == root / "a.png"


def test_groups_are_subfolders_joined_by_captions(tmp_path):
    root = pictures(tmp_path, "a.png", "b.png", "one/c.png", "one/d.png", "two/e.png", "two/deep/f.png")
    (root / "one" / "d.txt").write_text("same")
    (root / "two" / "e.txt").write_text("SAME")
    groups = folder.load(root).groups
    assert groups["one/c.png"] == groups["one/d.png"] == groups["two/e.png"] == groups["query-two/e.png"]
    assert len({groups[i] for i in ("a.png", "b.png", "one/c.png", "two/deep/f.png")}) == 4


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        ("metadata.csv", "path,text\na.png,x\n", "metadata.csv, row 1: needs file_name and text or caption"),
        ("metadata.jsonl", '{"file_name": "a.png"}\n', "metadata.jsonl, row 1: needs file_name"),
        ("metadata.jsonl", "\n[1]\n", "metadata.jsonl, row 2: needs file_name"),
        ("metadata.jsonl", "{}\n{", "metadata.jsonl, row 1: needs"),
        ("metadata.jsonl", "{", "line 1 is not valid JSON"),
        ("metadata.csv", "file_name,text\na.png," + "x" * 200_000, "is not valid CSV"),
    ],
)
def test_malformed_metadata_is_one_line(tmp_path, name, text, reason):
    root = pictures(tmp_path, "a.png")
    (root / name).write_text(text)
    with pytest.raises(TwinlensError, match=reason) as caught:
        folder.load(root)
    assert "\n" not in str(caught.value)


def test_what_is_missing_is_said(tmp_path):
    with pytest.raises(TwinlensError, match="--root"):
        folder.load(None)
    with pytest.raises(TwinlensError, match="there is no folder"):
        folder.load(tmp_path / "nowhere")
    with pytest.raises(TwinlensError, match="no pictures"):
        folder.load(tmp_path)
    with pytest.raises(TwinlensError, match="known: captions, grounded"):
        folder.load(tmp_path, protocol="paper")
