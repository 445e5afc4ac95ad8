"""Drives of macOS and Windows that are away: nothing on them counts as gone."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from twinlens.collection.ingest import presence
from twinlens.collection.ingest.presence import Presence, mount_points
from twinlens.core import system


@pytest.mark.parametrize("error", [errno.ENOENT, errno.EACCES])
def test_a_drive_that_is_away_hides_its_pictures(monkeypatch, error):
    # On Windows each drive and each share has a root of its own, which is not there while it is away.
    exists = Path.exists
    monkeypatch.setattr(Path, "exists", lambda path: path != Path("/") and exists(path))
    obstacle = Presence((), {}).obstacle(Path("/pictures/a.jpg"), error)
    assert obstacle == (Path("/"), "is a drive that is not there", error == errno.ENOENT)


def test_volumes_of_macos_are_noted_where_something_is_mounted(tmp_path, monkeypatch):
    (tmp_path / "Photos").mkdir()
    (tmp_path / "left behind").mkdir()
    monkeypatch.setattr(Path, "is_mount", lambda path: path.name == "Photos")
    monkeypatch.setattr(presence, "VOLUMES", tmp_path)
    monkeypatch.setattr(system, "NAME", "macos")
    assert mount_points() == {tmp_path / "Photos"}
    monkeypatch.setattr(system, "NAME", "windows")
    assert mount_points() == set()
