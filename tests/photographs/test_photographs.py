"""The photographs that ship: each opens, and has a credit, a licence that allows it, and a caption."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest
from PIL import Image

from twinlens.core.types import TwinlensError
from twinlens.media.captions.tables import read_table
from twinlens.photographs import KINDS, copy_pictures, load_queries
from twinlens.photographs.queries import HOME, PICTURES

ROOT = Path(__file__).resolve().parents[2]
LICENCES = {"Public domain", "CC0-1.0", "CC-BY-2.0", "CC-BY-4.0"}
FILES = sorted(PICTURES.glob("*.jpg"))
CREDITS = {
    row["file_name"]: row for row in map(json.loads, (PICTURES / "metadata.jsonl").read_text("utf-8").splitlines())
}
MAX_BYTES, MAX_SIDE = 3_000_000, 480


def test_every_file_is_credited_and_nothing_else_is():
    assert [path.name for path in FILES] == sorted(CREDITS)
    assert len(FILES) >= 40 and {path.name for path in PICTURES.iterdir()} == {*CREDITS, "metadata.jsonl"}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_picture_opens_and_may_be_passed_on(path):
    with Image.open(path) as picture:
        picture.load()
        assert max(picture.size) <= MAX_SIDE and picture.format == "JPEG"
    credit = CREDITS[path.name]
    assert credit["license"] in LICENCES and credit["source"].startswith("http")
    assert all(credit[name].strip() for name in ("text", "title", "author", "package", "package_file", "changes"))


def test_the_credits_for_readers_are_the_same():
    text = (HOME / "CREDITS.md").read_text("utf-8")
    rows = [line.strip("| ").split(" | ") for line in text.splitlines() if ".jpg |" in line]
    names = ("file_name", "title", "author", "license", "source")
    assert [[value.strip("<>") for value in row[:5]] for row in rows] == [
        [CREDITS[name][key] for key in names] for name in sorted(CREDITS)
    ]
    assert all(f"| {licence} | <https://creativecommons.org/" in text for licence in LICENCES - {"Public domain"})


def test_all_of_it_is_small_and_in_the_package():
    files = [path for path in HOME.rglob("*") if path.suffix not in (".py", ".pyc") and path.is_file()]
    assert sum(path.stat().st_size for path in files) <= MAX_BYTES
    patterns = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["package-data"]["twinlens"]
    assert {path for pattern in patterns for path in HOME.parent.glob(pattern)} >= set(files)


def test_queries_of_every_kind_name_photographs(tmp_path):
    queries = load_queries(tmp_path)
    assert len(queries) >= 12 and {query.kind for query in queries} == set(KINDS)
    for query in queries:
        assert query.answers and query.answers <= set(CREDITS)
        assert query.image is None or (query.image.parent == tmp_path and query.image.name in CREDITS)
        assert query.image is None or query.image.name not in query.answers
        asked = {"picture": query.image is not None, "words": bool(query.text), "without": bool(query.without)}
        asked["both"] = asked["picture"] and asked["words"]
        assert asked[query.kind] and (query.kind == "without") == bool(query.without)


def test_a_copy_has_their_captions_and_is_made_once(tmp_path):
    copy_pictures(tmp_path)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    copy_pictures(tmp_path)
    assert {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()} == before
    (tmp_path / "kitten.jpg").write_bytes(b"broken")
    copy_pictures(tmp_path)
    assert (tmp_path / "kitten.jpg").stat().st_size == next(
        path.stat().st_size for path in PICTURES.iterdir() if path.name == "kitten.jpg"
    )
    captions = read_table(tmp_path / "metadata.jsonl")
    assert {Path(path).name: caption.text for path, caption in captions.items()} == {
        name: credit["text"] for name, credit in CREDITS.items()
    }


def test_a_folder_that_cannot_be_made_is_told_in_one_line(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(TwinlensError, match=r"cannot write the photographs to .*: ") as caught:
        copy_pictures(tmp_path / "file" / "pictures")
    assert "\n" not in str(caught.value)
