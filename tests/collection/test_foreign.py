"""What is not the collection's own is never followed and never removed."""

from __future__ import annotations

import os
import shutil
import stat
import sys
from pathlib import Path

import pytest

from tests import toy
from tests.mean_color import MeanColor
from tests.pictures import ALONE, counts, names, paint
from twinlens.collection import Collection
from twinlens.collection.store import DATABASE, check_new
from twinlens.core.types import TwinlensError
from twinlens.models.composer import Composer

LITTER = (".DS_Store", "Thumbs.db", "desktop.ini", "@eaDir")


def everything(folder: Path) -> dict[str, bytes | str]:
    """Names below a folder with what files hold, links lead to, and folders are."""
    found = {}
    for path in folder.rglob("*"):
        name = path.relative_to(folder).as_posix()
        found[name] = str(path.readlink()) if path.is_symlink() else "/" if path.is_dir() else path.read_bytes()
    return found


def make(folder: Path) -> Collection:
    return Collection.create(folder, MeanColor(), load=MeanColor.load)


# Where a collection may be made --------------------------------------------------------------------------------------

FOREIGN = {
    "a file": lambda f: (f / "letter.txt").write_text("mine"),
    "a picture": lambda f: paint(f / "a.png", (1, 2, 3)),
    "a hidden file": lambda f: (f / ".gitignore").write_text("*"),
    "models": lambda f: ((f / "model").mkdir(), (f / "model" / "mine.safetensors").write_bytes(b"weights")),
    "a digest": lambda f: (f / "model" / ("ab" * 16)).mkdir(parents=True),
    "a cache": lambda f: ((f / "cache").mkdir(), (f / "cache" / "page.html").write_text("mine")),
    "an empty cache": lambda f: (f / "cache").mkdir(),
    "a lock": lambda f: (f / "writer.lock").write_text("another program's"),
    "a linked lock": lambda f: (f / "writer.lock").symlink_to(f.parent / "elsewhere"),
    "a linked model": lambda f: (f / "model").symlink_to(f.parent),
    "a linked draft": lambda f: (f / f"{DATABASE}.0123abcd").symlink_to(f.parent),
    "a salvage": lambda f: ((f / "salvage").mkdir(), (f / "salvage" / "x").write_text("mine")),
}


@pytest.mark.parametrize("what", FOREIGN)
def test_a_folder_of_others_is_refused_and_stays_as_it_was(tmp_path, what):
    folder = tmp_path / "mine"
    folder.mkdir()
    FOREIGN[what](folder)
    before = everything(tmp_path)
    with pytest.raises(
        TwinlensError, match=r"is no collection, and holds .*; name a new or empty one with --collection"
    ):
        make(folder)
    assert everything(tmp_path) == before


def test_a_file_or_a_foreign_database_is_refused(tmp_path):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(TwinlensError, match=r"cannot make a collection in .*file: Not a directory"):
        make(tmp_path / "file")
    (tmp_path / "c").mkdir()
    (tmp_path / "c" / DATABASE).write_bytes(b"SQLite format 3\0" + b"x" * 4080)
    with pytest.raises(TwinlensError, match="database"):
        make(tmp_path / "c")
    assert [path.name for path in (tmp_path / "c").iterdir()] == [DATABASE]


@pytest.mark.parametrize("mixed", [False, True])
def test_a_new_or_an_empty_folder_is_taken_with_the_litter_of_file_managers(tmp_path, mixed):
    folder = tmp_path / "c"
    if mixed:
        folder.mkdir()
        for name in LITTER[:3]:
            (folder / name).write_bytes(b"litter")
        (folder / LITTER[3]).mkdir()
        (folder / "._DS_Store").write_bytes(b"")
    with make(folder) as collection:
        assert collection.verify() == []
    assert not mixed or all((folder / name).exists() for name in LITTER)


def test_what_a_killed_creation_leaves_is_completed(tmp_path):
    folder = tmp_path / "c"
    (folder / "model" / "new-0123abcd" / "encoder-0").mkdir(parents=True)
    (folder / "model" / "new-0123abcd" / "recipe.toml").write_text("half")
    (folder / "writer.lock").touch()
    (folder / "writer.lock-journal").touch()
    (folder / "writer.pid").write_text("99")
    for ending in ("", "-wal", "-shm", "-journal"):
        (folder / f"{DATABASE}.0123abcd{ending}").write_bytes(b"half")
    with make(folder) as collection:
        collection.add(paint(tmp_path.resolve() / "a.png", (1, 2, 3)), options=ALONE)
        assert collection.verify() == []
    assert sorted(path.name for path in folder.iterdir()) == ["cache", DATABASE, "model", "writer.lock", "writer.pid"]
    assert [path.name for path in (folder / "model").iterdir()] == [MeanColor().digest]


def test_a_collection_that_shares_its_folder_from_earlier_goes_on(collection, pictures):
    (collection.folder / "letter.txt").write_text("mine")
    check_new(collection.folder)
    paint(pictures / "new.png", (3, 2, 1))
    assert counts(collection.add(pictures, options=ALONE))["added"] == 1
    assert (collection.folder / "letter.txt").read_text() == "mine"


# What is removed -----------------------------------------------------------------------------------------------------

MINE = {
    "model/notes.txt": b"mine",
    "model/deadbeef/notes.txt": b"mine",
    "model/mine/model.safetensors": b"mine",
    "model/new-1/x": b"mine",
    "cache/page.html": b"mine",
    "cache/vectors-1.f32": b"mine",
    "cache/deeper/vectors-0123456789abcdef.f32": b"mine",
    "salvage/collection.sqlite": b"mine",
    f"{DATABASE}.bak": b"mine",
    f"{DATABASE}.0123abcde": b"mine",
    "writer.lock.bak": b"mine",
    "@eaDir/x": b"mine",
    "model/@eaDir/x": b"mine",
    "cache/.DS_Store": b"mine",
    "model/.DS_Store": b"mine",
    ".DS_Store": b"mine",
    "Thumbs.db": b"mine",
    "cache/Thumbs.db": b"mine",
    "model/desktop.ini": b"mine",
}


def test_nothing_foreign_is_removed_by_any_command(collection, pictures):
    shutil.copy(pictures / "red-0.png", collection.folder / "red.png")
    for name, data in MINE.items():
        (collection.folder / name).parent.mkdir(parents=True, exist_ok=True)
        (collection.folder / name).write_bytes(data)
    (collection.folder / "model" / MeanColor().digest / "notes.txt").write_bytes(b"mine")
    (collection.folder / "model" / MeanColor().digest / ".DS_Store").write_bytes(b"mine")
    (collection.folder / "model" / "cafecafe").symlink_to(pictures)
    (collection.folder / "cache" / "rows-0123456789abcdef.i64").symlink_to(pictures / "red-0.png")
    before = everything(pictures)
    for turn in (1, 2):
        paint(pictures / f"new-{turn}.png", (turn, 2, 3))
        before = everything(pictures)
        collection.add(pictures, options=ALONE)
        collection.change_model(MeanColor(turn=turn), options=ALONE)
    collection.repair(options=ALONE)
    collection.forget(pictures / "red-1.png")
    assert collection.verify() == [] and collection.info().size > 0
    assert everything(pictures) == before
    for name, data in MINE.items():
        assert (collection.folder / name).read_bytes() == data
    gone = collection.folder / "model" / MeanColor().digest
    assert sorted(path.name for path in gone.iterdir()) == [".DS_Store", "notes.txt"]
    assert (collection.folder / "model" / "cafecafe").is_symlink()
    assert (collection.folder / "cache" / "rows-0123456789abcdef.i64").is_symlink()


def add(folder: Path, pictures: Path) -> None:
    with Collection.open(folder, load=MeanColor.load) as collection:
        collection.add(pictures, options=ALONE)


# Links and other kinds -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["model", "cache", "writer.pid", "writer.lock", DATABASE, f"{DATABASE}-wal"])
@pytest.mark.parametrize("kind", ["link", "dangling", "folder or file", "pipe"])
def test_a_foreign_thing_under_one_of_our_names_is_refused(collection, pictures, tmp_path, name, kind):
    collection.close()
    elsewhere, path = tmp_path / "elsewhere", collection.folder / name
    if path.exists():
        path.rename(elsewhere)
    elif kind == "link":
        elsewhere.write_bytes(b"mine")
    is_folder = name in ("model", "cache")
    match kind:
        case "link":
            path.symlink_to(elsewhere)
        case "dangling":
            path.symlink_to(tmp_path / "nowhere")
        case "pipe":
            os.mkfifo(path)
        case _:
            path.write_bytes(b"mine") if is_folder else path.mkdir()
    outside = everything(elsewhere) if elsewhere.is_dir() else elsewhere.read_bytes() if elsewhere.exists() else None
    paint(pictures / "new.png", (1, 2, 3))
    with pytest.raises(TwinlensError, match=f"{name} is a .*; move it away") as told:
        add(collection.folder, pictures)
    assert "\n" not in str(told.value)
    with pytest.raises(TwinlensError, match=f"{name} is a .*; move it away"):
        Collection.mend(collection.folder, load=MeanColor.load, options=ALONE)
    now = everything(elsewhere) if elsewhere.is_dir() else elsewhere.read_bytes() if elsewhere.exists() else None
    assert now == outside and not (tmp_path / "nowhere").exists()


@pytest.mark.parametrize("name", ["matrix.json", "matrix.json.new", "vectors"])
def test_a_link_within_the_cache_is_not_written_through(collection, pictures, tmp_path, name):
    target = tmp_path / "mine"
    target.write_bytes(b"mine")
    cache = collection.folder / "cache"
    path = next(cache.glob("vectors-*")) if name == "vectors" else cache / name
    path.unlink(missing_ok=True)
    path.symlink_to(target)
    paint(pictures / "new.png", (1, 2, 3))
    collection.add(pictures, options=ALONE)
    assert target.read_bytes() == b"mine" and path.is_symlink()
    with Collection.open(collection.folder, load=MeanColor.load) as again:
        assert len(again.search(text="red", k=20)) == 13


def test_a_folder_that_is_a_link_itself_holds_a_collection(tmp_path, pictures):
    (tmp_path / "big-disk").mkdir()
    (tmp_path / "c").symlink_to(tmp_path / "big-disk")
    with make(tmp_path / "c") as collection:
        collection.add(pictures, options=ALONE)
        assert collection.verify() == []
    assert (tmp_path / "big-disk" / DATABASE).is_file()


# Permissions ---------------------------------------------------------------------------------------------------------


def modes(folder: Path) -> set[int]:
    return {stat.S_IMODE(path.stat().st_mode) for path in folder.rglob("*") if path.is_file()}


@pytest.mark.skipif(sys.platform == "win32", reason="permissions of POSIX")
@pytest.mark.parametrize("umask", [0o022, 0o002, 0o077])
def test_new_files_have_the_permissions_that_the_user_wants(tmp_path, umask):
    picture = toy.draw(("red", "green", "blue"))
    picture.save(tmp_path / "a.png")
    composer = Composer.build(toy.recipe())
    composer.fit(toy.edits().queries)
    composer.eval()
    before = os.umask(umask)
    try:
        with Collection.create(tmp_path / "c", composer) as collection:
            collection.add(tmp_path / "a.png", options=ALONE)
            assert (tmp_path / "c" / "model" / composer.digest / "model.safetensors").is_file()
            assert modes(tmp_path / "c") == {0o666 & ~umask}
    finally:
        os.umask(before)


@pytest.mark.skipif(sys.platform == "win32", reason="permissions of POSIX")
def test_later_files_have_the_permissions_of_their_neighbours(collection, pictures):
    for path in collection.folder.rglob("*"):
        path.chmod(0o770 if path.is_dir() else 0o660)
    paint(pictures / "new.png", (1, 2, 3))
    collection.add(pictures, options=ALONE)
    collection.change_model(MeanColor(turn=2), options=ALONE)
    assert modes(collection.folder) == {0o660}
    collection.repair(options=ALONE)
    assert modes(collection.folder) == {0o660}


def test_names_are_found_again(collection, pictures):
    assert sorted(names(collection.search(text="red", k=4))) == [f"red-{n}" for n in range(4)]
