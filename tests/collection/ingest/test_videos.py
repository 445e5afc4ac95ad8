"""Videos: each moment is an entry with its place in the file, and follows its video."""

from __future__ import annotations

import importlib
import os

import numpy as np
import pytest

from tests.collection.ingest.test_mutated import MUTATIONS
from tests.mean_color import MeanColor
from tests.media.videos import write_video
from tests.pictures import ALONE, counts, draw, shard
from twinlens.collection import Collection
from twinlens.collection.ingest import Limits, Options, workers
from twinlens.media import moments

TIMES = [4.0, 13.0, 23.0, 32.0, 41.0, 51.0, 60.0]
"""Of the seven moments of a video of 65 s with a key frame every second."""
MUTATED = int(os.environ.get("TWINLENS_MUTATED_VIDEOS", "100"))


def paths(collection) -> list:
    return sorted(hit.sample.image for hit in collection.search(text="x", k=10_000))


def of_video(path) -> list:
    return [moments.path_of(path, seconds) for seconds in TIMES]


@pytest.fixture
def video(tmp_path):
    folder = tmp_path.resolve() / "v"
    folder.mkdir()
    return write_video(folder / "clip.mp4", 65)


@pytest.mark.parametrize("options", [ALONE, Options(workers=2)])
def test_a_video_is_an_entry_for_each_moment(collection, video, options):
    assert counts(collection.add(video.parent, options=options)) == {"added": 7}
    assert paths(collection) == of_video(video)
    (hit,) = collection.search(image=of_video(video)[2], k=1, with_self=True)
    assert hit.sample.image == of_video(video)[2] and hit.metadata["moment"] == 23
    found = collection.search(text="x", k=9, where=f'moment > 40 and folder = "{video.parent}"')
    assert sorted(hit.metadata["moment"] for hit in found) == [41, 51, 60]
    assert collection.check_files().checked == 7 and collection.verify() == []


def test_no_worker_is_forked_while_the_decoder_is_imported(collection, video, monkeypatch):
    """It would wait for the end of the import, which its other threads were to do, for ever."""
    held, imported = [], importlib.import_module

    def noted(name, *more):
        if name == "av":
            held.append(workers.system.starting.locked())
        return imported(name, *more)

    monkeypatch.setattr(importlib, "import_module", noted)
    for n in range(3):
        draw(video.parent / f"{n}.png", n)
    collection.add(video.parent, options=Options(workers=2))
    assert held == [True] and len(paths(collection)) == 10


def test_a_short_video_has_one_moment(collection, tmp_path):
    clip = write_video(tmp_path.resolve() / "a.mp4", 6)
    collection.add(clip, options=ALONE)
    assert paths(collection) == [clip / "00-00-02.000"]


def test_an_unchanged_video_is_not_opened_again(collection, video, monkeypatch):
    collection.add(video.parent, options=ALONE)
    monkeypatch.setattr("twinlens.media.sources.open_file", None)
    report = collection.add(video.parent, options=ALONE)
    assert counts(report) == {"unchanged": 7} and report.found == 7


def test_a_touched_moved_or_copied_video_keeps_its_vectors(collection, video):
    collection.add(video.parent, options=ALONE)
    prepared = collection.model.prepared
    os.utime(video, ns=(1, 10**18))
    assert counts(collection.add(video.parent, options=ALONE)) == {"unchanged": 7}
    moved = video.rename(video.with_name("moved.mp4"))
    assert counts(collection.add(video.parent, options=ALONE)) == {"moved": 7}
    (moved.with_name("copy.mp4")).write_bytes(moved.read_bytes())
    assert counts(collection.add(video.parent, options=ALONE)) == {"added": 7, "unchanged": 7}
    assert collection.model.prepared == prepared
    assert paths(collection) == sorted([*of_video(moved), *of_video(moved.with_name("copy.mp4"))])
    assert all(entry.path.name == group[0].path.name for group in collection.duplicates(0.9999) for entry in group)


def test_damage_and_change_are_told_of_every_moment(collection, video):
    collection.add(video.parent, options=ALONE)
    data, status = bytearray(video.read_bytes()), video.stat()
    data[-1] ^= 1
    video.write_bytes(data)
    os.utime(video, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert collection.check_files().changed == of_video(video)


def test_another_model_embeds_the_moments_again(collection, video):
    collection.add(video.parent, options=ALONE)
    collection.change_model(MeanColor(turn=1), options=ALONE)
    assert paths(collection) == of_video(video) and collection.verify() == []


def test_a_changed_video_replaces_all_its_moments(collection, video):
    collection.add(video.parent, options=ALONE)
    write_video(video, 6, start=100)
    assert counts(collection.add(video.parent, options=ALONE)) == {"added": 1, "removed": 7}
    assert paths(collection) == [video / "00-00-02.000"]


def test_an_interrupted_run_leaves_the_moments_of_before(collection, video, monkeypatch):
    collection.add(video.parent, options=ALONE)
    write_video(video, 66, start=100)
    prepare, asked = MeanColor.prepare, []

    def interrupted(self, sample):
        asked.append(sample)
        if len(asked) == 5:
            raise KeyboardInterrupt
        return prepare(self, sample)

    with monkeypatch.context() as now:
        now.setattr(MeanColor, "prepare", interrupted)
        report = collection.add(video.parent, options=Options(workers=0, batch_size=2))
    assert report.stopped and report.added == report.changed == report.removed == 0
    assert collection.info().pictures == 7 and collection.verify() == []
    report = collection.add(video.parent, options=ALONE)
    assert report.added + report.changed == 7 == collection.info().pictures


def test_a_video_that_breaks_is_a_failure_and_heals(collection, video):
    data = video.read_bytes()
    collection.add(video.parent, options=ALONE)
    video.write_bytes(b"\0" * 500)
    report = collection.add(video.parent, options=ALONE)
    assert [path for found in report.failures.values() for path in found] == [video] and len(collection) == 0
    assert collection.add(video.parent, options=ALONE).skipped == 1
    video.write_bytes(data)
    assert counts(collection.add(video.parent, options=ALONE)) == {"added": 7}
    assert collection.info().failed == 0


@pytest.mark.parametrize("whole_folder", [True, False])
def test_a_video_that_is_gone_loses_all_its_moments(collection, video, whole_folder):
    draw(video.parent / "a.png", 1)
    collection.add(video.parent, options=ALONE)
    video.unlink()
    assert counts(collection.add(video.parent if whole_folder else video, options=ALONE))["removed"] == 7
    assert paths(collection) == [video.parent / "a.png"]


def test_an_excluded_or_forgotten_video_leaves_with_all_its_moments(collection, video):
    draw(video.parent / "a.png", 1)
    collection.add(video.parent, options=ALONE)
    assert collection.forget(video) == 7
    collection.add(video.parent, options=ALONE)
    assert counts(collection.add(video.parent, exclude=["*.mp4"], options=ALONE)) == {"removed": 7, "unchanged": 1}


def test_a_video_in_a_shard(collection, video, tmp_path):
    tar = shard(tmp_path.resolve() / "s.tar", {"clip.mp4": video.read_bytes(), "clip.txt": "a boat"})
    assert counts(collection.add(tar, options=ALONE)) == {"added": 7}
    assert paths(collection) == of_video(tar / "clip.mp4")
    assert {hit.sample.text for hit in collection.search(text="boat")} == {"a boat"}
    assert counts(collection.add(tar, options=ALONE)) == {"unchanged": 7}


def test_a_caption_beside_a_video_is_that_of_all_its_moments(collection, video):
    collection.add(video.parent, options=ALONE)
    video.with_suffix(".txt").write_text("a boat")
    assert counts(collection.add(video.parent, options=ALONE)) == {"changed": 7}
    assert {hit.sample.text for hit in collection.search(text="boat")} == {"a boat"}


def test_a_video_of_an_earlier_version_is_read_again_once(collection, video, monkeypatch):
    with monkeypatch.context() as earlier:
        earlier.setattr("twinlens.media.formats.times", lambda *_: ())
        collection.add(video.parent, options=ALONE)
    assert paths(collection) == [video]
    assert counts(collection.add(video.parent, options=ALONE)) == {"added": 7, "removed": 1}
    assert counts(collection.add(video.parent, options=ALONE)) == {"unchanged": 7}


def test_a_picture_with_the_name_of_a_video_is_a_picture(collection, tmp_path):
    named = tmp_path.resolve() / "a.mp4"
    named.write_bytes(draw(tmp_path.resolve() / "a.png", 1).read_bytes())
    collection.add(named, options=ALONE)
    assert paths(collection) == [named]
    assert counts(collection.add(named, options=ALONE)) == {"unchanged": 1}


def test_a_folder_with_the_name_of_a_video_holds_no_moments(collection, tmp_path):
    folder = tmp_path.resolve() / "a.mp4"
    draw(folder / "b.png", 1)
    (folder / "00-00-01.000").touch()
    assert moments.split(folder / "00-00-01.000") is None
    assert counts(collection.add(folder, options=ALONE)) == {"added": 1}


def test_the_query_s_own_video_is_left_out(collection, video):
    draw(video.parent / "a.png", 1)
    collection.add(video.parent, options=ALONE)
    assert [hit.sample.image.name for hit in collection.search(image=video)] == ["a.png"]


def test_mutated_videos_cost_a_line_each(tmp_path, video):
    rng, folder = np.random.default_rng(0), tmp_path.resolve() / "mutated"
    folder.mkdir()
    seeds = [write_video(folder / f"good{ending}", 12) for ending in (".mp4", ".mkv", ".avi")]
    for n in range(MUTATED):
        data = bytearray(seeds[n % len(seeds)].read_bytes())
        MUTATIONS[n % len(MUTATIONS)](data, rng)
        (folder / f"{n:04}{seeds[n % len(seeds)].suffix}").write_bytes(data)
    with Collection.create(tmp_path / "c", MeanColor(), load=MeanColor.load) as collection:
        report = collection.add(folder, options=Options(workers=2, limits=Limits(seconds=10, memory=2**29)))
        failed = {moments.file_of(path) for found in report.failures.values() for path in found}
        found = {moments.file_of(path) for path in paths(collection)}
        assert len(found | failed) == MUTATED + len(seeds)
        assert set(seeds) <= found - failed
        assert not any("\n" in reason or str(folder) in reason for reason in report.failures)
        assert report.found == report.added + report.failed
        assert collection.add(folder, options=ALONE).unchanged == report.added
