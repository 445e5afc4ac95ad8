"""Entries with paths of Windows: their folders in conditions, their URI, and items of a collection from there."""

from __future__ import annotations

import os
import sqlite3
from pathlib import PurePosixPath, PureWindowsPath

import pytest

from twinlens.collection.search import filters
from twinlens.collection.search.nodes import Below
from twinlens.collection.store.database import uri
from twinlens.collection.store.rows import SCHEMA, is_path

PATHS = {
    "C:\\Pics\\a.jpg": "C:\\Pics",
    "C:\\Pics\\sub\\b.jpg": "C:\\Pics\\sub",
    "C:\\Pics2\\c.jpg": "C:\\Pics2",
    "d:\\e.jpg": "d:",
    "\\\\nas\\photos\\f.jpg": "\\\\nas\\photos",
    "/home/me/g\\h.jpg": "/home/me",
    "/i.jpg": "",
}


@pytest.fixture
def found():
    sql = sqlite3.connect(":memory:")
    for statement in SCHEMA:
        sql.execute(statement)
    for path in PATHS:
        sql.execute("INSERT INTO entry VALUES (NULL, ?, x'00', 1, 1, '', 0, '{}', NULL, 1, 1)", (os.fsencode(path),))

    def found(node):
        condition, parameters = filters.to_sql(node)
        return [path.decode() for (path,) in sql.execute(f"SELECT path FROM entry WHERE {condition}", parameters)]

    yield found
    sql.close()


@pytest.mark.parametrize(
    ("folder", "below"),
    [
        ("C:\\Pics", ["C:\\Pics\\a.jpg", "C:\\Pics\\sub\\b.jpg"]),
        ("C:\\", ["C:\\Pics\\a.jpg", "C:\\Pics\\sub\\b.jpg", "C:\\Pics2\\c.jpg"]),
        ("\\\\nas\\photos", ["\\\\nas\\photos\\f.jpg"]),
        ("/home", ["/home/me/g\\h.jpg"]),
    ],
)
def test_a_folder_has_what_lies_below_it(found, folder, below):
    assert sorted(found(Below(os.fsencode(folder)))) == sorted(below)


def test_the_field_folder_is_that_of_each_systems_path(found):
    for path, folder in PATHS.items():
        assert found(filters.parse(f'folder = "{folder}" and path = "{path}"'.replace("\\", "\\\\"))) == [path]


@pytest.mark.parametrize(
    ("path", "written"),
    [
        (PureWindowsPath("C:\\my pictures\\c.sqlite"), "file:///C:/my%20pictures/c.sqlite"),
        (PureWindowsPath("\\\\nas\\photos\\c.sqlite"), "file:////nas/photos/c.sqlite"),
        (PurePosixPath("/a?b/c.sqlite"), "file:///a%3Fb/c.sqlite"),
    ],
)
def test_a_database_is_named_as_sqlite_takes_it(path, written):
    # SQLite refuses any host in a URI but localhost.
    assert uri(path) == written


def test_paths_of_every_system_are_absolute():
    assert all(is_path(path.encode()) for path in PATHS)
    assert not any(map(is_path, [b"C:relative", b"a\\b", b"\\a", b""]))
