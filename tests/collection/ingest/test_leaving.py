"""Pictures that are gone leave the collection; where it may be a mistake they stay until the user says so."""

from __future__ import annotations

import os
import shutil

import pytest

from tests.pictures import ALONE, counts, draw, png, shard
from twinlens.collection.ingest import Options
from twinlens.collection.ingest.leaving import MANY
from twinlens.core.types import TwinlensError

PRUNE = Options(workers=0, prune=True)


def many(folder, count, seed=1000):
    return [draw(folder / f"{n:03}.png", seed + n) for n in range(count)]


# Many at once --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("total", "gone", "stay"),
    [
        (MANY + 10, MANY + 1, True),
        (MANY, MANY, False),
        (MANY + 1, MANY + 1, True),
        (2 * (MANY + 1), MANY + 1, False),  # half is not more than half
        (2 * (MANY + 1) - 1, MANY + 1, True),
    ],
)
def test_more_than_half_of_a_root_stays_until_it_is_said(collection, tmp_path, total, gone, stay):
    root = tmp_path.resolve() / "root"
    paths = many(root, total)
    collection.add(root, options=ALONE)
    for path in paths[:gone]:
        path.unlink()
    report = collection.add(root, options=ALONE)
    assert report.removed == (0 if stay else gone) and len(collection) == total - report.removed
    assert [(p.place, p.pictures) for p in report.protections] == ([(root, gone)] if stay else [])
    if stay:
        (line,) = [protection.line for protection in report.protections]
        assert f"{gone} pictures below {root} cannot be found, and stay" in line and "--prune" in line
        assert collection.add(root, options=PRUNE).removed == gone
    assert collection.verify() == []


def test_each_root_is_counted_alone_and_what_is_new_does_not_count(collection, tmp_path):
    first, second = tmp_path.resolve() / "1", tmp_path.resolve() / "2"
    paths = many(first, 30)
    many(second, 100, seed=2000)
    collection.add([first, second], options=ALONE)
    for path in paths[:25]:
        path.unlink()
    for n in range(60):
        draw(first / f"new-{n}.png", 5000 + n)
    (second / "000.png").unlink()
    report = collection.add([first, second], options=ALONE)
    assert (report.removed, report.added) == (1, 60)
    assert [(p.place, p.pictures) for p in report.protections] == [(first, 25)]


def test_pictures_that_move_within_a_root_do_not_leave_it(collection, tmp_path):
    root = tmp_path.resolve() / "root"
    many(root / "old", 30)
    collection.add(root, options=ALONE)
    (root / "old").rename(root / "new")
    assert counts(collection.add(root, options=ALONE)) == {"moved": 30}


# Roots that are empty, or gone ---------------------------------------------------------------------------------------


def test_an_emptied_root_lets_its_pictures_go(collection, pictures):
    collection.add(pictures, options=ALONE)
    for path in pictures.rglob("*.png"):
        path.unlink()
    assert counts(collection.add(pictures, options=ALONE)) == {"removed": 6}
    assert len(collection) == 0
    with pytest.raises(TwinlensError, match="there are no pictures in"):
        collection.add(pictures, options=ALONE)


def test_an_emptied_root_of_many_waits_to_be_told(collection, tmp_path):
    root = tmp_path.resolve() / "root"
    paths = many(root, 25)
    collection.add(root, options=ALONE)
    for path in paths:
        path.unlink()
    assert collection.add(root, options=ALONE).protections[0].pictures == 25
    assert collection.add(root, options=PRUNE).removed == 25


@pytest.mark.parametrize("into", ["nothing", "a file", "a dead link"])
def test_a_removed_root_leaves_when_asked(collection, pictures, tmp_path, into):
    collection.add([pictures, draw(tmp_path / "other.png", 77)], options=ALONE)
    shutil.rmtree(pictures)
    match into:
        case "a file":
            pictures.write_text("a folder no more")
        case "a dead link":
            pictures.symlink_to(tmp_path / "nowhere")
    if into == "nothing":
        with pytest.raises(TwinlensError, match=r"there is no folder .*; 6 pictures from it stay .* --prune") as told:
            collection.add(pictures, options=ALONE)
        assert "\n" not in str(told.value)
        assert counts(collection.add(pictures, options=PRUNE)) == {"removed": 6}
    else:
        with pytest.raises(TwinlensError):
            collection.add(pictures / "sub", options=ALONE)
        assert collection.forget(pictures) == 6
    assert len(collection) == 1


def test_a_single_file_that_is_gone_leaves(collection, pictures):
    collection.add(pictures / "0.png", options=ALONE)
    collection.add(pictures / "2.png", options=ALONE)
    (pictures / "0.png").unlink()
    assert counts(collection.add(pictures / "0.png", options=ALONE)) == {"removed": 1}
    assert len(collection) == 1
    with pytest.raises(TwinlensError, match="there is no folder"):
        collection.add(pictures / "0.png", options=ALONE)


def test_a_shard_and_its_members_leave(collection, tmp_path):
    path = shard(tmp_path.resolve() / "s" / "a.tar", {"0.png": png(0), "1.png": png(1)})
    collection.add(path.parent, options=ALONE)
    shard(path, {"0.png": png(0)})
    assert counts(collection.add(path.parent, options=ALONE))["removed"] == 1
    path.unlink()
    assert counts(collection.add(path.parent, options=ALONE)) == {"removed": 1}


# Links ---------------------------------------------------------------------------------------------------------------


def test_below_a_dead_link_nothing_is_gone(collection, pictures, tmp_path):
    away = tmp_path.resolve() / "away"
    for n in range(3):
        draw(away / f"{n}.png", 50 + n)
    (pictures / "link").symlink_to(away)
    assert collection.add(pictures, options=ALONE).added == 9
    away.rename(tmp_path / "elsewhere")
    report = collection.add(pictures, options=ALONE)
    assert (report.removed, len(collection)) == (0, 9)
    (protection,) = report.protections
    assert (protection.place, protection.pictures) == (pictures / "link", 3) and "leads nowhere" in protection.line
    (tmp_path / "elsewhere").rename(away)
    assert counts(collection.add(pictures, options=ALONE)) == {"unchanged": 9}
    (pictures / "link").unlink()
    assert counts(collection.add(pictures, options=ALONE)) == {"removed": 3, "unchanged": 6}


def test_below_a_dead_link_pictures_leave_when_asked(collection, pictures, tmp_path):
    draw(tmp_path / "away" / "a.png", 50)
    (pictures / "link").symlink_to(tmp_path / "away")
    collection.add(pictures, options=ALONE)
    shutil.rmtree(tmp_path / "away")
    assert collection.add(pictures, options=PRUNE).removed == 1


def test_a_link_to_a_picture_that_is_dead_is_a_failure_and_stays(collection, pictures, tmp_path):
    (pictures / "link.png").symlink_to(draw(tmp_path / "away.png", 50))
    collection.add(pictures, options=ALONE)
    (tmp_path / "away.png").unlink()
    report = collection.add(pictures, options=ALONE)
    assert counts(report) == {"unchanged": 6, "failed": 1} and len(collection) == 7
    assert collection.info().failed == 0


# Failures ------------------------------------------------------------------------------------------------------------


def test_failures_of_a_root_that_moved_leave_info(collection, pictures):
    (pictures / "bad.png").write_text("no picture")
    collection.add(pictures, options=ALONE)
    new = pictures.rename(pictures.parent / "moved")
    report = collection.add(new, options=ALONE)
    assert counts(report) == {"moved": 6, "failed": 1}
    ((reason, count, example),) = collection.info().failures
    assert count == 1 and example == new / "bad.png" and "no picture" in reason


def test_a_failure_that_is_out_of_reach_stays(collection, pictures, tmp_path):
    (tmp_path / "away").mkdir()
    (tmp_path / "away" / "bad.png").write_text("no picture")
    (pictures / "link").symlink_to(tmp_path / "away")
    collection.add(pictures, options=ALONE)
    shutil.rmtree(tmp_path / "away")
    collection.add(pictures, options=ALONE)
    assert collection.info().failed == 1


# Forgetting ----------------------------------------------------------------------------------------------------------


def test_folders_files_and_ids_are_forgotten_and_their_files_stay(collection, pictures):
    collection.add(pictures, options=ALONE)
    before = sorted(pictures.rglob("*"))
    entry = collection._store.at(pictures / "0.png")
    assert collection.forget(str(entry.row)) == 1
    assert collection.forget(pictures / "2.png", pictures / "sub") == 4
    assert len(collection) == 1 and sorted(pictures.rglob("*")) == before
    assert [hit.sample.image for hit in collection.search(image=pictures / "0.png")] == [pictures / "4.png"]
    assert collection.verify() == []
    assert collection.add(pictures, options=ALONE).added == 5


def test_what_overlaps_is_forgotten_once(collection, pictures):
    collection.add(pictures, options=ALONE)
    row = collection._store.at(pictures / "0.png").row
    assert collection.forget(pictures, pictures / "0.png", str(row), pictures / "sub") == 6


def test_what_is_not_there_any_more_can_be_forgotten(collection, pictures, monkeypatch):
    collection.add(pictures, options=ALONE)
    shutil.rmtree(pictures)
    monkeypatch.chdir(pictures.parent)
    assert collection.forget("pictures/sub") == 3
    assert collection.forget(pictures) == 3


def test_a_folder_is_forgotten_by_the_link_it_was_found_by_and_by_its_own_name(collection, pictures, tmp_path):
    for n in range(2):
        draw(tmp_path.resolve() / "away" / f"{n}.png", 50 + n)
    (pictures / "link").symlink_to(tmp_path / "away")
    (tmp_path / "short").symlink_to(pictures)
    collection.add(tmp_path / "short", options=ALONE)
    assert collection.forget(pictures / "link") == 2
    assert collection.forget(tmp_path / "short" / "sub") == 3


@pytest.mark.parametrize("what", ["none.png", "12345", "99999999999999999999999", "a\0b", "~nobody-of-this-name/x", ""])
def test_what_the_collection_does_not_have_is_one_line_and_removes_nothing(collection, pictures, what):
    collection.add(pictures, options=ALONE)
    with pytest.raises(TwinlensError, match="has no picture") as told:
        collection.forget(pictures / "0.png", what)
    assert "\n" not in str(told.value) and len(collection) == 6


def test_a_file_with_the_name_of_a_number_comes_before_an_id(collection, pictures, monkeypatch):
    collection.add(pictures, options=ALONE)
    row = collection._store.at(pictures / "0.png").row
    draw(pictures / "named" / f"{row}.png", 99).rename(pictures / "named" / "x.png")
    (pictures / "named").rename(pictures / str(row))
    collection.add(pictures, options=ALONE)
    monkeypatch.chdir(pictures)
    assert collection.forget(str(row)) == 1
    assert collection._store.at(pictures / "0.png") is not None


# Times ---------------------------------------------------------------------------------------------------------------


def test_a_clock_that_was_set_back_hides_no_change(collection, pictures, monkeypatch):
    collection.add(pictures, options=ALONE)
    draw(pictures / "0.png", 60)
    os.utime(pictures / "0.png", ns=(10**18, 10**18))  # long before it was indexed
    draw(pictures / "new.png", 61)
    os.utime(pictures / "new.png", (0, 0))
    os.utime(pictures / "2.png", (-10, -10))
    monkeypatch.setattr("time.time", lambda: 5.0)
    monkeypatch.setattr("time.time_ns", lambda: 5_000_000_000)
    report = collection.add(pictures, options=ALONE)
    assert counts(report) == {"added": 1, "changed": 1, "unchanged": 5}
    assert counts(collection.add(pictures, options=ALONE)) == {"unchanged": 7}
    assert collection.verify() == []


def test_content_that_changed_under_its_size_and_time_is_found_by_reading_it(collection, pictures):
    collection.add(pictures, options=ALONE)
    path, status = pictures / "0.png", (pictures / "0.png").stat()
    data = bytearray(path.read_bytes())
    data[-20] ^= 1
    path.write_bytes(bytes(data))
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    (pictures / "2.png").unlink()
    os.utime(pictures / "4.png", (5, 5))
    assert collection.verify() == []
    files = collection.check_files()
    assert (files.changed, files.gone, files.newer, files.checked) == ([path], [pictures / "2.png"], 1, 4)
    assert [line.split(" ")[0] for line in files.lines] == [str(path), str(pictures / "2.png")]
    assert not any("twinlens repair" in line for line in files.lines)
    os.utime(path)
    report = collection.add(pictures, options=ALONE)
    assert report.changed + report.failed == 1 and report.removed == 1
    assert collection.check_files().lines == []
