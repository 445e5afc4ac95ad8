"""Names and times of moments of videos."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from tests.media.videos import color_at, write_video
from twinlens.media import content, finding, formats, images, moments, sources
from twinlens.media.captions import inside


def times(path) -> tuple[float, ...]:
    with path.open("rb") as file:
        return formats.times(file, path.name)


@pytest.mark.parametrize(
    ("seconds", "name", "shown"),
    [
        (0, "00-00-00.000", "0:00"),
        (83.5, "00-01-23.500", "1:23"),
        (59.9996, "00-01-00.000", "1:00"),
        (7261.25, "02-01-01.250", "2:01:01"),
        (10**9, "99-59-59.999", "99:59:59"),
    ],
)
def test_a_moment_has_a_name_that_leads_back_to_it(seconds, name, shown):
    path = moments.path_of(Path("/v/clip.MP4"), seconds)
    assert path == Path("/v/clip.MP4") / name
    video, at = moments.split(path)
    assert video == Path("/v/clip.MP4") and moments.path_of(video, at) == path
    assert moments.label(path) == f"clip.MP4, at {shown}" and moments.file_of(path) == video


@pytest.mark.parametrize(
    "path", ["/v/clip.mp4", "/v/clip.jpg/00-00-01.000", "/v/clip.mp4/00-60-01.000", "/v/clip.mp4/0-0-1.000", "/v/1.000"]
)
def test_other_paths_are_no_moments(path):
    assert moments.split(path) is None and moments.file_of(Path(path)) == Path(path)
    assert moments.label(Path(path)) == Path(path).name


@pytest.mark.parametrize(("seconds", "count"), [(3, 1), (9, 1), (12, 2), (65, 7), (300, 24)])
def test_a_video_has_a_moment_for_every_ten_seconds_and_at_most_two_dozen(tmp_path, seconds, count):
    found = times(write_video(tmp_path / "a.mp4", seconds))
    assert len(found) == count and list(found) == sorted(set(found))
    parts = [seconds / 3] if count == 1 else [(n + 0.5) * seconds / count for n in range(count)]
    assert all(0 <= part - at <= 1 for part, at in zip(parts, found, strict=True))


@pytest.mark.parametrize(
    ("name", "codec"),
    [("a.mp4", "mpeg4"), ("a.mkv", "mpeg4"), ("a.avi", "mpeg4"), ("a.mov", "mpeg4"), ("a.mts", "mpeg2video")],
)
def test_each_moment_is_the_frame_of_its_time(tmp_path, name, codec):
    video = write_video(tmp_path / name, 25, codec=codec)
    found = times(video)
    assert len(found) == 3
    for seconds in found:
        path = moments.path_of(video, seconds)
        seen, expected = images.load(path).getpixel((30, 20)), color_at(int(seconds + 0.001))
        assert max(abs(one - other) for one, other in zip(seen, expected, strict=True)) < 12
        size, carried = inside(path)
        assert size == (64, 48) and carried.metadata["moment"] == seconds
    assert finding.find(tmp_path) == [video]


def test_a_moment_is_identified_by_its_video_and_its_time(tmp_path):
    video = write_video(tmp_path / "a.mp4", 25)
    first, second, _ = (moments.path_of(video, seconds) for seconds in times(video))
    assert sources.content_hash(first) != sources.content_hash(second) != sources.content_hash(video)
    assert content.key(first) != content.key(second)
    assert sources.status(first) == sources.status(video) and sources.exists(first)
    video.unlink()
    assert not sources.exists(first)
    with pytest.raises(images.BadPicture, match="cannot be read"):
        images.load(first)


def test_a_moment_of_a_time_without_a_key_frame_is_told(tmp_path):
    video = write_video(tmp_path / "a.mp4", 12)
    with pytest.raises(images.BadPicture, match="no key frame at 0:07"):
        images.load(moments.path_of(video, 7.5))


def test_a_picture_has_no_moments():
    assert formats.times(io.BytesIO(b"\x89PNG\r\n\x1a\n"), "a.mp4") == ()
