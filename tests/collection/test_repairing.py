"""Repair where nothing opens any more, and of every single fault; `verify` finds each of them."""

from __future__ import annotations

import importlib
import json
import os
import shutil
import sqlite3
import zlib
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.mean_color import MeanColor
from tests.pictures import ALONE, names, paint
from tests.repairs import DAMAGE, NEEDS_MODEL, answers, load, mend, overwrite, page_of, root_page, same, sql, verify
from twinlens.collection import Collection
from twinlens.collection.store import DAMAGED, DATABASE, Matrix, Store
from twinlens.core.types import TwinlensError


@pytest.fixture
def folder(collection):
    """A closed collection."""
    folder = collection.folder
    collection.close()
    return folder


@pytest.mark.parametrize("what", DAMAGE)
def test_every_damage_is_found_and_mended(folder, pictures, what):
    before = answers(folder)
    DAMAGE[what](folder)
    found = verify(folder)
    assert found and not any("Traceback" in line or "\n" in line for line in found)
    repair = mend(folder, composer=MeanColor() if what in NEEDS_MODEL else None)
    assert repair.done, found
    with Collection.open(folder, load=load) as collection:  # what cannot be saved is read again
        collection.add(pictures, options=ALONE)
    assert verify(folder) == []
    assert same(answers(folder)) == same(before)


@pytest.mark.parametrize("what", [name for name in DAMAGE if name not in {"a letter of a caption", "the end"}])
def test_what_the_file_still_has_is_kept_by_the_repair_itself(folder, what):
    before = answers(folder)
    DAMAGE[what](folder)
    mend(folder, composer=MeanColor() if what in NEEDS_MODEL else None)
    with Collection.open(folder, load=load) as collection:
        assert len(collection) == 12 and collection.verify() == []
    changed = [now for was, now in zip(before, answers(folder), strict=True) if was != now]
    assert len(changed) <= ("metadata" in what)


@pytest.mark.parametrize("what", DAMAGE)
def test_a_search_of_what_is_damaged_is_right_or_one_line(folder, what):
    before = answers(folder)
    DAMAGE[what](folder)
    try:
        assert answers(folder) == before
    except TwinlensError as error:
        cure = "model" if "model" in what else "is not a collection" if "application" in what else "twinlens repair"
        assert "\n" not in str(error) and cure in str(error)


def test_a_whole_collection_has_nothing_to_mend(folder):
    before = (folder / DATABASE).read_bytes()
    assert mend(folder).done == () and verify(folder) == []
    assert (folder / DATABASE).read_bytes() == before and not (folder / DAMAGED).exists()


def test_a_file_of_nothing_is_one_line(folder):
    (folder / DATABASE).write_bytes(b"")
    for act in (mend, lambda f: Collection.open(f, load=load)):
        with pytest.raises(TwinlensError) as told:
            act(folder)
        assert "\n" not in str(told.value)
    assert sorted(path.name for path in folder.glob(f"{DATABASE}*")) == [DATABASE]


def test_another_programs_database_is_left_alone(tmp_path):
    with closing(sqlite3.connect(tmp_path / DATABASE)) as connection:
        connection.execute("CREATE TABLE song (name TEXT, seconds INTEGER)")
        connection.execute("INSERT INTO song VALUES ('la', 3)")
        connection.commit()
    before = (tmp_path / DATABASE).read_bytes()
    with pytest.raises(TwinlensError, match="nothing can be read"):
        mend(tmp_path)
    assert (tmp_path / DATABASE).read_bytes() == before
    assert not list(tmp_path.glob(f"{DATABASE}.*"))


def test_a_newer_collection_is_not_repaired(folder):
    sql(folder, "PRAGMA user_version = 99")
    before = (folder / DATABASE).read_bytes()
    with pytest.raises(TwinlensError, match="has version 99"):
        mend(folder)
    assert (folder / DATABASE).read_bytes() == before


def test_rows_that_are_only_in_the_log_are_saved(collection, pictures, tmp_path):
    paint(pictures / "late.png", (250, 0, 0))
    collection.add(pictures, options=ALONE)
    copy = tmp_path / "copy"
    shutil.copytree(collection.folder, copy)  # as it lies there while a process has it open
    assert (copy / f"{DATABASE}-wal").stat().st_size > 0
    overwrite(copy, root_page(collection.folder, "state"))
    overwrite(copy, 1, b"\0" * 100)
    repair = mend(copy)
    assert "13 entries" in " ".join(repair.done) or repair.done == ()
    assert len(answers(copy)) == 13 and verify(copy) == []


def test_a_damaged_log_loses_only_what_it_had(collection, pictures, tmp_path):
    collection.close()
    with Collection.open(collection.folder, load=load) as writer:
        paint(pictures / "late.png", (250, 0, 0))
        writer.add(pictures, options=ALONE)
        copy = tmp_path / "copy"
        shutil.copytree(collection.folder, copy)
    log = copy / f"{DATABASE}-wal"
    data = bytearray(log.read_bytes())
    data[len(data) // 2 :] = b"\xa5" * (len(data) - len(data) // 2)
    log.write_bytes(bytes(data))
    overwrite(copy, 1, b"\0" * 100)
    mend(copy)
    assert 12 <= len(answers(copy)) <= 13


def test_every_damaged_file_is_kept(folder):
    for number in range(3):
        sql(folder, "DELETE FROM state")
        damaged = (folder / DATABASE).read_bytes()
        mend(folder)
        assert (folder / (DAMAGED if not number else f"{DAMAGED}-{number + 1}")).read_bytes() == damaged
    assert verify(folder) == []


def test_a_repair_that_was_stopped_before_the_exchange_is_finished(folder, monkeypatch):
    module = importlib.import_module("twinlens.collection.store.salvage")
    sql(folder, "DELETE FROM state")
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(module, "finish_salvage", lambda _: (_ for _ in ()).throw(KeyboardInterrupt))
        mend(folder)
    assert verify(folder) != []
    assert "finished a repair that was stopped" in mend(folder).done[0]
    assert verify(folder) == [] and len(answers(folder)) == 12


def test_numbers_of_pictures_are_not_given_again(collection, pictures):
    (pictures / "red-3.png").unlink()
    collection.add(pictures, options=ALONE)
    collection.forget(str(max(entry.row for entry in collection.entries_with_vectors()[0])))
    last = collection._store.ask("SELECT seq FROM sqlite_sequence WHERE name = 'entry'")[0][0]
    collection.close()
    sql(collection.folder, "DELETE FROM state")
    mend(collection.folder)
    with Collection.open(collection.folder, load=load) as again:
        again.add(paint(pictures.parent / "new" / "n.png", (9, 9, 9)), options=ALONE)
        assert max(entry.row for entry in again.entries_with_vectors()[0]) > last


def test_a_collection_of_an_earlier_version_has_no_checks_and_is_repaired(folder):
    with closing(sqlite3.connect(folder / DATABASE)) as connection:
        for kind, name in (
            ("TRIGGER", "entry_updated"),
            ("TRIGGER", "entry_deleted"),
            ("TABLE", "entry_check"),
            ("TABLE", "mount_point"),
        ):
            connection.execute(f"DROP {kind} {name}")
        connection.commit()
    before = answers(folder)
    assert verify(folder) == []
    sql(folder, "DELETE FROM state")
    mend(folder)
    assert verify(folder) == [] and answers(folder) == before
    with closing(Store.open(folder)) as store:
        assert store.has_additions


def test_an_earlier_version_that_changes_a_row_leaves_no_wrong_check(folder):
    """It knows nothing of checks, and writes as it always did."""
    sql(folder, "UPDATE entry SET metadata = '{\"shade\": 7}' WHERE row = 2", "DELETE FROM entry WHERE row = 3")
    found = verify(folder)
    assert not any("checksum" in line for line in found)


def test_the_matrix_may_hold_anything_and_the_answer_is_right(folder):
    before = answers(folder)
    index = folder / "cache" / "matrix.json"
    said = json.loads(index.read_text())
    odd = [
        "", "[]", "null", "1", '"x"', "{" * 5000, "\0", "{}", '{"matrix": null}', "[" * 100_000,
        json.dumps({**said, "check": None}), json.dumps({**said, "matrix": [1]}), json.dumps({**said, "format": [2]}),
        "9" * 10_000, json.dumps(said) + " " * 2**17, json.dumps(said).encode("utf-16").decode("latin-1"),
    ]  # fmt: skip
    for name, value in [("name", "../../x"), ("name", 5), ("rows", -1), ("rows", 0), ("rows", 2**70), ("rows", True),
                        ("dim", 0), ("dim", 10**9), ("dim", 2.5), ("crc", []), ("crc", [1, 2, 3, 4, 5]),
                        ("crc", [None] * 3), ("state", []), ("state", "abcd"), ("state", [1, 2, 3, [4]])]:  # fmt: skip
        body = {**said["matrix"], name: value}
        check = zlib.crc32(json.dumps(body, sort_keys=True).encode())
        odd.append(json.dumps({**said, "matrix": body, "check": check}))
    for text in odd:
        index.write_text(text, encoding="latin-1")
        assert answers(folder) == before, text[:80]
        assert Matrix(folder).read() is None
    with Collection.open(folder, load=load) as collection:
        assert any("the matrix file" in line for line in collection.verify())
    mend(folder)
    assert verify(folder) == [] and names_of(folder) == [Path(line[2]).stem for line in before]


@pytest.mark.parametrize("name", ["matrix.json", "matrix.json.new"])
@pytest.mark.parametrize("kind", ["folder", "link"])
def test_what_hinders_the_matrix_is_named_and_left(folder, tmp_path, name, kind):
    before, path = answers(folder), folder / "cache" / name
    path.unlink(missing_ok=True)
    path.mkdir() if kind == "folder" else path.symlink_to(tmp_path / "nowhere")
    assert answers(folder) == before
    (line,) = verify(folder)
    assert line == f"the matrix file cannot be written: {path} is no file of a collection; move it away"
    assert mend(folder).done == () and verify(folder) == [line] and os.path.lexists(path)
    path.rename(tmp_path / "away")
    mend(folder)
    assert verify(folder) == [] and answers(folder) == before


def names_of(folder: Path) -> list[str]:
    with Collection.open(folder, load=load) as collection:
        return names(collection.search(text="red", k=20))


def test_a_matrix_that_says_of_itself_that_it_is_whole_is_compared_with_the_database(folder):
    from twinlens.collection.store import Block, Gallery

    held = Matrix(folder).read()
    vectors = held.vectors(held.rows)[::-1].copy()
    Matrix(folder).clear()
    Matrix(folder).write(Gallery(held.state, (Block.of(np.array(held.rows), vectors),)))
    assert Matrix(folder).fault() is None
    assert verify(folder) == ["the matrix file has other vectors than the database"]
    mend(folder)
    assert verify(folder) == []


def test_captions_outlive_their_checksums_and_vectors(folder):
    before = answers(folder)
    for name in ("vector", "entry_check"):
        page_of(name)(folder)
    mend(folder)
    assert same(answers(folder)) == same(before) and verify(folder) == []


@pytest.mark.parametrize("further", [(), ("DELETE FROM state",)], ids=["in place", "by salvage"])
def test_metadata_from_within_a_picture_are_read_again(tmp_path, further):
    exif = Image.Exif()
    exif[272], exif[306] = "Box Brownie", "2019:05:17 12:00:00"  # Model, DateTime
    (tmp_path / "p").mkdir()
    for n in range(3):
        Image.new("RGB", (8, 6), (n, 0, 0)).save(tmp_path / "p" / f"{n}.jpg", exif=exif)
    with Collection.create(tmp_path / "c", MeanColor(), load=load) as collection:
        collection.add(tmp_path / "p", options=ALONE)
        before = answers(collection.folder)
    assert any("Box Brownie" in str(answer) for answer in before)
    sql(tmp_path / "c", "UPDATE entry SET metadata = '{' WHERE row = 2", *further)
    assert any("index" in line for line in mend(tmp_path / "c").done)
    with Collection.open(tmp_path / "c", load=load) as collection:
        assert collection.add(tmp_path / "p", options=ALONE).changed == 1
    assert same(answers(tmp_path / "c")) == same(before) and verify(tmp_path / "c") == []
