"""Paths of Windows and macOS, by the rules that hold there, on whatever system this runs."""

from __future__ import annotations

from pathlib import Path, PurePosixPath, PureWindowsPath

import pytest

from twinlens.core import paths, system


@pytest.mark.parametrize(
    ("given", "plain"),
    [
        ("C:\\Pictures\\a.jpg", "C:\\Pictures\\a.jpg"),
        ("\\\\?\\C:\\Pictures\\a.jpg", "C:\\Pictures\\a.jpg"),
        ("\\\\.\\d:\\a.jpg", "d:\\a.jpg"),
        ("\\\\?\\UNC\\nas\\photos\\a.jpg", "\\\\nas\\photos\\a.jpg"),
        ("\\\\nas\\photos\\a.jpg", "\\\\nas\\photos\\a.jpg"),
        ("\\\\?\\Volume{0}\\a.jpg", "\\\\?\\Volume{0}\\a.jpg"),  # has no letter to be named by
        ("/home/a.jpg", "/home/a.jpg"),
    ],
)
def test_the_prefix_of_long_paths_is_left_out(given, plain):
    assert paths.plain(given) == plain


@pytest.mark.parametrize(
    ("folder", "inside", "outside"),
    [
        (
            b"C:\\Pictures",
            [b"C:\\Pictures\\a.jpg", b"C:\\Pictures\\x\\b.jpg"],
            [b"C:\\Pictures2\\a.jpg", b"C:\\Pict.jpg"],
        ),
        (b"C:\\", [b"C:\\a.jpg"], [b"D:\\a.jpg"]),
        (b"\\\\nas\\photos", [b"\\\\nas\\photos\\a.jpg"], [b"\\\\nas\\photos2\\a.jpg", b"\\\\nas2\\photos\\a.jpg"]),
        (b"/home/a", [b"/home/a/b.jpg", b"/home/a/\\.jpg"], [b"/home/a\\b.jpg", b"/home/ab.jpg"]),
        (b"/", [b"/a.jpg"], []),
    ],
)
def test_what_lies_below_a_folder_is_told_by_the_bytes_of_its_path(folder, inside, outside):
    low, high = paths.below(folder)
    assert all(low < path < high for path in inside)
    assert not any(low < path < high for path in [folder, *outside])


@pytest.mark.parametrize(
    ("name", "portable"),
    [
        ("0001-a.jpg", "0001-a.jpg"),
        ("a\\..\\b.jpg", "a_.._b.jpg"),
        ("C:\\b.jpg", "C__b.jpg"),
        ("/etc/passwd", "_etc_passwd"),
        ("a.jpg:stream", "a.jpg_stream"),
        ('<a>|"b"?*.jpg', "_a___b___.jpg"),
        ("line\nbreak\x00.jpg", "line_break_.jpg"),
        ("a.jpg.", "a.jpg_"),
        ("a.jpg ", "a.jpg_"),
        ("..", "._"),
        ("", "_"),
        *((name, f"_{name}") for name in ("CON", "nul", "NUL.jpg", "com1.tar.jpg", "LPT9", "aux .png", "CONOUT$")),
        *((name, name) for name in ("CONE.jpg", "COM.jpg", "null.jpg", "ü 日本.jpg", ".hidden")),
    ],
)
def test_a_name_that_every_system_can_have(name, portable):
    assert paths.portable(name) == portable
    assert paths.portable(portable) == portable
    assert PureWindowsPath(portable).name == PurePosixPath(portable).name == portable
    assert not PureWindowsPath(portable).is_reserved()


def test_names_of_copies_change_on_windows_alone(monkeypatch):
    for name, stored in (("linux", "a:b.jpg"), ("macos", "a:b.jpg"), ("windows", "a_b.jpg")):
        monkeypatch.setattr(system, "NAME", name)
        assert paths.storable("a:b.jpg") == stored


def test_a_path_is_spelled_as_its_folders_list_it_where_case_does_not_count(tmp_path, monkeypatch):
    folder = tmp_path.resolve() / "Pictures" / "Été"
    folder.mkdir(parents=True)
    (folder / "A.jpg").touch()
    typed = folder.parent.with_name("pictures") / "ÉTÉ" / "a.JPG"
    for name, found in (("linux", typed), ("macos", folder / "A.jpg"), ("windows", folder / "A.jpg")):
        monkeypatch.setattr(system, "NAME", name)
        assert paths.real(typed) == paths.absolute(typed) == found
    assert paths.real(folder / "gone" / "B.jpg") == folder / "gone" / "B.jpg"
    (folder / "a.jpg").touch()  # a disk that knows case: the exact name wins
    assert paths.real(folder / "a.jpg") == folder / "a.jpg"


def test_paths_of_windows_are_read_on_every_system():
    given = paths.of_any_system(Path("C:\\Users\\me\\pictures\\a.png"))
    assert (given.name, given.parent.name) == ("a.png", "pictures")
    assert paths.of_any_system(Path("/home/me/a\\b.png")).name == "a\\b.png"
    assert paths.of_any_system(Path("\\\\nas\\photos\\b.png")).name == "b.png"
