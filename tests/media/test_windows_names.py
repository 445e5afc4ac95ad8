"""Rules, members of shards, sidecars and kept pictures where names have backslashes, drives, and no case."""

from __future__ import annotations

import io
import ntpath
import os
import tarfile
from pathlib import Path

import pytest

from tests.pictures import draw
from twinlens.core import system
from twinlens.media import exclusions, finding, kept, moments, sources
from twinlens.media.captions import takeout
from twinlens.media.exclusions import Rules

HASH = bytes(range(20))


@pytest.fixture
def windows(monkeypatch):
    monkeypatch.setattr(system, "NAME", "windows")


@pytest.mark.parametrize(
    ("path", "base", "relative"),
    [
        ("C:\\Pics\\sub/a.jpg", "C:\\Pics", "sub/a.jpg"),
        ("C:\\Pics\\sub\\deep/b/", "C:\\Pics", "sub/deep/b/"),
        ("\\\\nas\\photos\\a.jpg", "\\\\nas\\photos", "a.jpg"),
        ("C:\\a.jpg", "C:\\", "a.jpg"),
    ],
)
def test_patterns_see_slashes_where_the_system_has_backslashes(monkeypatch, path, base, relative):
    monkeypatch.setattr(os, "sep", "\\")
    assert exclusions._relative(path, base) == relative


def test_rules_count_paths_as_the_system_writes_them(monkeypatch, windows):
    monkeypatch.setattr(os, "sep", "\\")
    monkeypatch.setattr(os.path, "join", ntpath.join)
    rules = Rules(["/private/*.jpg", "cache/"])
    folders = ["private", "Cache", "$RECYCLE.BIN"]
    assert rules.filter("C:\\Pics", folders, ["a.jpg"]) == ["a.jpg"] and folders == ["private"]
    assert rules.filter("C:\\Pics\\private", [], ["B.JPG", "c.png"]) == ["c.png"]
    assert rules.files == {"C:\\Pics\\private\\B.JPG"}
    assert rules.folders == {"C:\\Pics\\Cache", "C:\\Pics\\$RECYCLE.BIN"}


@pytest.mark.parametrize(
    ("name", "left"), [("linux", ["A.JPG", "b.png"]), ("macos", ["b.png"]), ("windows", ["b.png"])]
)
def test_rules_are_without_case_where_names_are(tmp_path, monkeypatch, name, left):
    monkeypatch.setattr(system, "NAME", name)
    draw(tmp_path / "a.png", 1).rename(tmp_path / "A.JPG")
    draw(tmp_path / "b.png", 2)
    (tmp_path / ".twinlensignore").write_text("*.jpg\nB.PNG\n!b.png\n")
    found = finding.find(tmp_path, rules=Rules())
    assert [path.name for path in found] == (["A.JPG", "b.png"] if name == "linux" else ["b.png"])


MEMBERS = ["a.jpg", "sub/b.jpg", "..\\c.jpg", "C:\\d.jpg", "D:e.jpg", "f.jpg:stream.jpg", "../g.jpg", "/h.jpg"]


@pytest.mark.parametrize(("name", "count"), [("linux", 6), ("windows", 2)])
def test_members_of_shards_that_lead_elsewhere_are_passed_over(tmp_path, monkeypatch, name, count):
    monkeypatch.setattr(system, "NAME", name)
    with tarfile.open(tmp_path / "a.tar", "w") as tar:
        for member in MEMBERS:
            info = tarfile.TarInfo(member)
            info.size = 1
            tar.addfile(info, io.BytesIO(b"x"))
    assert list(sources.read_shard(tmp_path / "a.tar").parts) == MEMBERS[:count]


@pytest.mark.parametrize("folder", ["C:\\c\\pictures\\", "\\\\nas\\c\\pictures\\", "C:/c/pictures/", "/c/pictures/"])
def test_kept_pictures_have_their_ids_whatever_system_wrote_the_path(folder):
    for item in ("a", "CON", "A:B\\c", "x/../y", "nul."):
        name = kept.name_of(item, HASH, ".png")
        assert not set(name) & set('<>:"|?*\\/') and name == name.lower()
        assert kept.id_of(Path(folder + name)) == item
    assert kept.id_of(Path(folder.replace("pictures", "other") + name)) is None


def test_a_moment_is_told_behind_a_backslash_too(monkeypatch):
    assert moments._PATH.fullmatch("C:\\clips\\a.mp4/00-01-23.500")
    assert moments.path_of(Path("clips/a.mp4"), 83.5).name == "00-01-23.500"  # a name that Windows allows


@pytest.mark.parametrize(
    ("picture", "sidecar"),
    [
        ("a.jpg", "a.jpg.json"),
        ("a(1).jpg", "a.jpg(1).json"),
        ("CON.jpg", "CON.jpg.supplemental-metadata.json"),
        ("a .jpg", "a .jpg.supplemental-met.json"),
        ("a-edited.jpg", "a.jpg.json"),
    ],
)
def test_sidecars_of_takeout_are_names_alone(picture, sidecar):
    assert takeout.sidecars(picture, {sidecar, f"..\\{sidecar}", "other.json"}) == [sidecar]
