"""Folders that an ordinary user may not enter, and drives that are not mounted: nothing there counts as gone."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from tests import unprivileged
from tests.mean_color import MeanColor
from tests.pictures import ALONE, counts, draw
from twinlens.collection import Collection
from twinlens.collection.ingest import Options
from twinlens.collection.ingest.presence import mount_points
from twinlens.core import system
from twinlens.core.types import TwinlensError

pytestmark = pytest.mark.skipif(system.NAME != "linux", reason="users and mounts of Linux")
PRUNE = Options(workers=0, prune=True)


@pytest.fixture
def home(collection, pictures):
    collection.add(pictures, options=Options(workers=1))  # imports what the ordinary user's child will need
    collection.verify()
    with unprivileged.home() as folder:
        yield folder


def made(home: Path, count: int = 3) -> tuple[Collection, Path]:
    """A collection of pictures in a folder and in one below it."""
    pictures = home / "pictures"
    for n in range(count):
        draw(pictures / f"{n}.png", n)
        draw(pictures / "sub" / f"{n}.png", 100 + n)
    collection = Collection.create(home / "c", MeanColor(), load=MeanColor.load)
    assert counts(collection.add(pictures, options=ALONE)) == {"added": 2 * count}
    return collection, pictures


def places(report) -> dict[str, int]:
    return {protection.place.name: protection.pictures for protection in report.protections}


@pytest.mark.parametrize("mode", [0o000, 0o400, 0o100, 0o600])
def test_a_folder_without_permission_keeps_its_pictures(home, mode):
    def body():
        collection, pictures = made(home)
        (pictures / "sub").chmod(mode)
        report = collection.add(pictures, options=ALONE)
        assert len(collection) == 6 and report.removed == 0
        listed = bool(mode & 0o400)
        assert any("cannot be listed: Permission denied" in line for line in report.problems) is not listed
        assert report.failed == (3 if listed else 0)
        assert collection.verify() == [] and collection.info().failed == 0
        assert collection.add(pictures, options=PRUNE).removed == 0
        (pictures / "sub").chmod(0o700)
        assert counts(collection.add(pictures, options=ALONE)) == {"unchanged": 6}

    unprivileged.run(body)


def test_what_is_missing_from_a_folder_that_cannot_be_listed_leaves_when_asked(home):
    def body():
        collection, pictures = made(home)
        (pictures / "sub" / "0.png").unlink()
        (pictures / "sub").chmod(0o100)
        report = collection.add(pictures, options=ALONE)
        assert report.removed == 0 and places(report) == {"sub": 1}
        assert "--prune" in report.protections[0].line and "Permission denied" in report.protections[0].line
        assert collection.add(pictures, options=PRUNE).removed == 1

    unprivileged.run(body)


def test_a_root_without_permission_is_told(home):
    def body():
        collection, pictures = made(home)
        pictures.chmod(0)
        report = collection.add(pictures, options=ALONE)
        assert len(collection) == 6 and f"{pictures} cannot be listed: Permission denied" in report.problems
        home.chmod(0)
        with pytest.raises(TwinlensError, match="cannot be read: Permission denied"):
            collection.add(pictures, options=ALONE)
        home.chmod(0o700)

    unprivileged.run(body)


def test_an_unreadable_file_is_a_failure_and_one_that_is_known_stays(home):
    def body():
        collection, pictures = made(home)
        draw(pictures / "new.png", 7).chmod(0)
        (pictures / "0.png").chmod(0)
        os.utime(pictures / "0.png", (5, 5))
        report = collection.add(pictures, options=ALONE)
        assert counts(report) == {"unchanged": 5, "failed": 2}
        assert list(report.failures) == ["cannot be read: Permission denied"]
        assert len(collection) == 6 and collection.info().failed == 1

    unprivileged.run(body)


def test_a_drive_that_is_not_mounted_keeps_its_pictures(home):
    def body():
        pictures, drive = home / "pictures", home / "pictures" / "drive"
        drive.mkdir(parents=True)
        draw(pictures / "0.png", 0)
        unprivileged.mount(drive)
        for n in range(3):
            draw(drive / "a" / f"{n}.png", 10 + n)
        with Collection.create(home / "c", MeanColor(), load=MeanColor.load) as collection:
            assert counts(collection.add(pictures, options=ALONE)) == {"added": 4}
            shutil.copytree(drive / "a", home / "backup")
            unprivileged.unmount(drive)
            report = collection.add(pictures, options=ALONE)
            assert report.removed == 0 and len(collection) == 4 and places(report) == {"drive": 3}
            assert "was mounted at the last run, and is not now" in report.protections[0].line
            # A copy elsewhere is a copy: what cannot be reached has not moved.
            assert counts(collection.add(home / "backup", options=ALONE)) == {"added": 3}
            assert places(collection.add(pictures, options=ALONE)) == {"drive": 3}
            assert collection.add(pictures, options=PRUNE).removed == 3 and len(collection) == 4
            assert drive not in collection._store.mount_points()

    unprivileged.run(body, mounts=True)


def test_a_root_on_a_drive_that_is_not_mounted_keeps_its_pictures(home):
    def body():
        drive = home / "drive"
        drive.mkdir()
        unprivileged.mount(drive)
        for n in range(3):
            draw(drive / "a" / f"{n}.png", n)
        with Collection.create(home / "c", MeanColor(), load=MeanColor.load) as collection:
            collection.add([drive, drive / "a"], options=ALONE)
            unprivileged.unmount(drive)
            assert places(collection.add(drive, options=ALONE)) == {"drive": 3}
            with pytest.raises(TwinlensError, match=r"there is no folder .*; 3 pictures from it stay .* --prune"):
                collection.add(drive / "a", options=ALONE)
            with pytest.raises(TwinlensError, match="there is no folder"):
                collection.add(drive / "b", options=ALONE)
            assert places(collection.add(drive / "a" / "0.png", options=ALONE)) == {"drive": 1}
            assert len(collection) == 3
            unprivileged.mount(drive)  # another disk: nothing is on it, but it is one
            assert collection.add(drive, options=ALONE).removed == 3

    unprivileged.run(body, mounts=True)


def test_a_drive_that_a_link_leads_to_keeps_its_pictures(home):
    def body():
        drive, pictures, other = home / "drive", home / "pictures", home / "other"
        for folder in (drive, pictures, other):
            folder.mkdir()
        for n in range(3):
            draw(other / "a" / f"{n}.png", n)
        unprivileged.bind(other, drive)  # of the same file system: its number tells no difference
        assert drive in mount_points()
        (pictures / "link").symlink_to(drive / "a")
        (pictures / "whole").symlink_to(drive)
        draw(pictures / "0.png", 9)
        with Collection.create(home / "c", MeanColor(), load=MeanColor.load) as collection:
            assert collection.add(pictures, options=ALONE).added == 4
            unprivileged.unmount(drive)
            report = collection.add(pictures, options=ALONE)
            assert len(collection) == 4 and sum(places(report).values()) == 3

    unprivileged.run(body, mounts=True)
