"""Pictures on object storage: indexed, updated, removed, found and shown through fsspec."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import pytest
from PIL import Image

from tests.mean_color import MeanColor
from tests.pictures import ALONE, png
from twinlens.cli import main
from twinlens.collection import Collection
from twinlens.collection.ingest import Options, scan
from twinlens.core.types import Sample, TwinlensError
from twinlens.media import images, objects, sources
from twinlens.report.grid import ResultRow, result_grid
from twinlens.report.page import result_page
from twinlens.service.rendering import Job, render

fsspec = pytest.importorskip("fsspec", reason="pip install 'twinlens[fsspec]'")
ROOT = Path("memory://bucket/pictures")


@pytest.fixture
def bucket():
    """The storage of this process, empty before and after."""
    storage = fsspec.filesystem("memory")
    storage.store.clear()
    storage.pseudo_dirs[:] = [""]
    yield storage
    storage.store.clear()


@pytest.fixture
def filled(bucket):
    for number in range(3):
        bucket.pipe_file(f"/bucket/pictures/a/{number}.png", png(number))
    bucket.pipe_file("/bucket/pictures/b/3.png", png(3))
    bucket.pipe_file("/bucket/pictures/a/1.txt", b"a red car")
    bucket.pipe_file("/bucket/pictures/metadata.csv", b"file_name,text\nb/3.png,the sea\n")
    bucket.pipe_file("/bucket/pictures/.hidden/4.png", png(4))
    return bucket


@pytest.fixture
def made(tmp_path):
    with Collection.create(tmp_path / "c", MeanColor(), load=MeanColor.load) as collection:
        yield collection


def entries(collection):
    return collection.entries_with_vectors()[0]


def paths(collection):
    return sorted(str(entry.path) for entry in entries(collection))


def test_pictures_of_a_bucket_are_found_with_their_captions(made, filled):
    report = made.add(ROOT, options=ALONE)
    assert (report.found, report.added, report.failed) == (4, 4, 0)
    assert paths(made) == [f"/memory:/bucket/pictures/{name}.png" for name in ("a/0", "a/1", "a/2", "b/3")]
    captions = {entry.path.stem: entry.caption for entry in entries(made)}
    assert captions == {"0": "", "1": "a red car", "2": "", "3": "the sea"}
    assert made.verify() == []


def test_an_update_run_reads_what_has_changed_alone(made, filled, monkeypatch):
    made.add(ROOT, options=ALONE)
    filled.pipe_file("/bucket/pictures/a/0.png", png(10))
    filled.rm("/bucket/pictures/a/2.png")
    filled.pipe_file("/bucket/pictures/c/new.png", png(11))
    opened, asked = [], []
    monkeypatch.setattr(objects, "open_file", _noting(opened, objects.open_file))
    monkeypatch.setattr(objects, "status", _noting(asked, objects.status))
    report = made.add(ROOT, options=ALONE)
    assert (report.added, report.changed, report.removed, report.unchanged) == (1, 1, 1, 2)
    assert {path.name for path in [*opened, *asked] if path.suffix == ".png"} == {"0.png", "new.png"}
    assert sources.content_hash(Path("memory://bucket/pictures/a/0.png")) in {entry.hash for entry in entries(made)}


def _noting(names, function):
    def noted(path):
        names.append(path)
        return function(path)

    return noted


def test_a_moved_object_keeps_its_vector(made, filled):
    made.add(ROOT, options=ALONE)
    filled.mv("/bucket/pictures/b/3.png", "/bucket/pictures/c/3.png")
    filled.pipe_file("/bucket/pictures/metadata.csv", b"file_name,text\nc/3.png,the sea\n")
    report = made.add(ROOT, options=ALONE)
    assert (report.moved, report.added, report.removed) == (1, 0, 0)


def test_nothing_leaves_while_the_storage_cannot_be_asked(made, filled, monkeypatch):
    made.add(ROOT, options=ALONE)

    def fail(*_args, **_options):
        raise RuntimeError("no route\nto host")

    monkeypatch.setattr(type(filled), "find", fail)
    monkeypatch.setattr(type(filled), "info", fail)
    report = made.add(ROOT, options=ALONE)
    assert report.removed == 0 and len(made) == 4
    (line,) = [line for line in report.problems if "cannot be listed" in line]
    assert line == "memory://bucket/pictures cannot be listed: the storage cannot be used: no route to host"
    with pytest.raises(TwinlensError, match="no route to host"):
        made.add("memory://other", options=ALONE)


def test_an_emptied_bucket_asks_before_all_leave(made, bucket):
    for number in range(30):
        bucket.pipe_file(f"/bucket/pictures/{number}.png", png(number))
    made.add(ROOT, options=ALONE)
    for number in range(29):
        bucket.rm(f"/bucket/pictures/{number}.png")
    assert made.add(ROOT, options=ALONE).protections and len(made) == 30
    made.add(ROOT, options=Options(workers=0, prune=True))
    assert len(made) == 1


def test_a_single_object_is_taken_and_leaves(made, filled):
    assert made.add(f"{ROOT}/a/1.png", options=ALONE).added == 1
    filled.rm("/bucket/pictures/a/1.png")
    made.add(f"{ROOT}/a/1.png", options=Options(workers=0, prune=True))
    assert len(made) == 0


def test_patterns_leave_objects_out(made, filled):
    made.add(ROOT, exclude=["b/", "0.png"], options=ALONE)
    assert [Path(path).name for path in paths(made)] == ["1.png", "2.png"]


def test_answers_have_the_url_and_a_folder_is_asked_for_by_it(made, filled):
    made.add(ROOT, options=ALONE)
    hits = made.search(text="red car", k=1, within=["memory://bucket/pictures/a"])
    assert sources.shown(hits[0].sample.image) == "memory://bucket/pictures/a/1.png"
    assert images.load(hits[0].sample.image).size == (8, 6)
    others = made.search(image="memory://bucket/pictures/a/1.png", k=4)
    assert "1.png" not in [hit.sample.image.name for hit in others]
    assert made.forget("memory://bucket/pictures/b") == 1


def test_the_command_line_says_urls(filled, tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "s3fs", None)
    where = ["--collection", str(tmp_path / "cli")]
    assert main(["index", str(ROOT), *where, "--recipe", "compact", "--workers", "0"]) == 0
    capsys.readouterr()
    out = tmp_path / "copies"
    assert main(["search", "--text", "a red car", *where, "-k", "2", "--json", "--export", f"{out}/"]) == 0
    found = json.loads(capsys.readouterr().out)["hits"]
    assert all(hit["path"].startswith("memory://bucket/pictures/") for hit in found)
    assert sorted(path.suffix for path in out.glob("*.png")) == [".png", ".png"]
    assert main(["search", "--image", "s3://bucket/a.png", *where]) == 2
    assert "s3://bucket/a.png cannot be read: s3:// needs a package" in capsys.readouterr().err
    assert main(["search", "--image", f"{ROOT}/none.png", *where]) == 2
    assert "no such picture: memory://bucket/pictures/none.png" in capsys.readouterr().err
    assert main(["index", str(ROOT), *where, "--watch"]) == 2
    assert "index memory://bucket/pictures now and then" in capsys.readouterr().err


def test_thumbnails_pages_and_grids_show_objects(made, filled, tmp_path):
    made.add(ROOT, options=ALONE)
    entry = entries(made)[0]
    assert render(None, Job(entry, 240)).media_type == "image/jpeg"
    hits = made.search(text="red car", k=2)
    row = ResultRow(Sample("q", None, "red car"), hits)
    result_page([row], tmp_path / "page.html")
    text = (tmp_path / "page.html").read_text()
    assert "memory://bucket/pictures/a" in text and "/memory:/" not in text and "file:" not in text
    result_grid([row], tmp_path / "grid.png")


def test_names_that_are_no_paths_are_counted(made, bucket):
    bucket.pipe_file("/bucket/pictures/1.png", png(1))
    bucket.pipe_file("/bucket/pictures//2.png", png(2))
    report = made.add(ROOT, options=ALONE)
    assert report.added == 1 and report.left_out == {"objects whose names are no paths": 1}


def test_a_bad_object_costs_a_line(made, filled):
    filled.pipe_file("/bucket/pictures/bad.png", b"no picture")
    report = made.add(ROOT, options=ALONE)
    assert report.added == 4 and report.failed == 1


@pytest.mark.parametrize(
    ("url", "line"),
    [
        ("s3://bucket/x", "s3:// needs a package that is not installed; install with: pip install s3fs"),
        ("https://example.org/x", "https:// is not read; known: s3://"),
        ("s3://key:secret@bucket/x", "give no credentials in a URL"),
    ],
)
def test_what_cannot_be_read_is_one_line(url, line, monkeypatch):
    monkeypatch.setitem(sys.modules, "s3fs", None)
    with pytest.raises(TwinlensError, match=line) as told:
        scan([Path(url)])
    assert "\n" not in str(told.value) and "secret" not in str(told.value)


def test_the_extra_is_named_where_it_is_missing(monkeypatch):
    monkeypatch.setitem(sys.modules, "fsspec", None)
    with pytest.raises(TwinlensError, match=r"pip install 'twinlens\[fsspec\]'"):
        scan([ROOT])


def test_an_etag_shows_a_change_within_a_second(bucket):
    facts = {"size": 3, "LastModified": "2026-01-02T03:04:05+00:00", "type": "file"}
    one, other = (objects._stats({**facts, "ETag": tag}) for tag in ("a", "b"))
    assert one != other and one[1] // 10**9 == other[1] // 10**9
    assert objects._stats(facts) == (3, 1767323045 * 10**9)


def test_workers_and_files_of_other_processes_read_by_urls(tmp_path, made):
    (tmp_path / "p").mkdir()
    for number in range(6):
        (tmp_path / "p" / f"{number}.png").write_bytes(png(number))
    report = made.add(f"file://{tmp_path}/p", options=Options(workers=1))
    assert report.added == 6
    assert str(entries(made)[0].path).startswith(f"/file:{tmp_path}")
    assert made.add(f"file://{tmp_path}/p", options=ALONE).unchanged == 6


@pytest.mark.parametrize("below", ["", "/a"])
def test_a_folder_is_not_indexed_by_two_names(tmp_path, made, below):
    folder = tmp_path.resolve() / "p"
    (folder / "a").mkdir(parents=True)
    (folder / "a" / "0.png").write_bytes(png(0))
    for both in ([folder, f"file://{folder}{below}"], [f"file://{folder}", Path(f"{folder}{below}")]):
        with pytest.raises(TwinlensError, match=r"are the same files; name one of them$"):
            made.add(both, options=ALONE)
    made.add(f"file://{folder}{below}", options=ALONE)
    with pytest.raises(TwinlensError, match=rf"are here by another name; give file://{folder}$"):
        made.add(folder, options=ALONE)
    made.forget(f"file://{folder}")
    made.add(folder, options=ALONE)
    with pytest.raises(TwinlensError, match=rf"are here by another name; give {folder}{below}$"):
        made.add(f"file://{folder}{below}", options=ALONE)
    assert len(made) == 1


def test_a_url_that_names_nothing_or_holds_nothing_is_told(tmp_path, made, bucket):
    for url, line in (
        ("memory://", r"^memory:// names no folder; give memory://FOLDER$"),
        ("file://", r"^file:// names no folder; give file:///FOLDER$"),
        ("s3://", r"^s3:// names no folder"),
        (f"file://{tmp_path.resolve()}/empty", r"^there is nothing below file:///.*/empty: it is empty, or not there$"),
    ):
        (tmp_path / "empty").mkdir(exist_ok=True)
        with pytest.raises(TwinlensError, match=line):
            made.add(url, options=ALONE)


def test_an_object_is_read_as_a_file_is(bucket):
    data = bytes(range(256)) * 100
    bucket.pipe_file("/bucket/x.bin", data)
    with sources.open_file(Path("memory://bucket/x.bin")) as file:
        assert file.read(10) == data[:10]
        assert file.seek(-5, io.SEEK_END) == len(data) - 5 and file.read() == data[-5:]
    with pytest.raises(FileNotFoundError):
        sources.status(Path("memory://bucket/none.png"))
    assert not sources.exists(Path("memory://bucket/none.png"))
    with pytest.raises(OSError, match="folder"):
        sources.status(Path("memory://bucket"))


def test_a_picture_of_a_bucket_is_decoded_at_once(bucket):
    file = io.BytesIO()
    Image.new("RGB", (40, 30), "red").save(file, "JPEG")
    bucket.pipe_file("/bucket/x.jpg", file.getvalue())
    assert images.load(Path("/memory:/bucket/x.jpg")).getpixel((5, 5))[0] > 200
