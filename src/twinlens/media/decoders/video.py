"""Videos: key frames by their times, and when they were taken."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any, BinaryIO

from PIL import ExifTags, Image

from twinlens.media import moments

PART = 3
"""The only frame of a short video is that after one part in so many of its time, past titles and fades."""
SHORT, EVERY, MOST = 10.0, 10.0, 24
"""Seconds of a video with one moment; seconds for each further one; the most that a video has."""
EXACT = 0.001
"""Seconds that the name of a moment may be off its frame's time."""
BEFORE = (0.0, 3.0, 60.0)
"""Seconds to seek before a frame, one after the other: where an index is coarse, one lands too late."""


def open_picture(file: BinaryIO, name: str) -> Image.Image:
    """Return the key frame of a moment, for other names the one after a third of the time.

    Raises OSError where the video is damaged or has no such frame.
    """
    within = moments.split(name)
    with _opened(file) as video:
        frame = video.after(video.seconds / PART) if within is None else video.at(within[1])
        image: Image.Image = frame.to_image()
        turn = int(getattr(frame, "rotation", 0) or 0) % 360
        exif = _tags(dict(video.container.metadata))
    if turn:
        image = image.rotate(turn, expand=True)
    image.info["exif"] = exif.tobytes()
    return image


def times(file: BinaryIO) -> tuple[float, ...]:
    """Return the times in seconds of a video's moments, ascending; the same for equal files.

    They are those of the key frames at or before the middles of equal parts: one part for every `EVERY` seconds, one
    more, and at most `MOST`. Raises OSError where the video is damaged or has no frame.
    """
    with _opened(file) as video:
        count = 1 if video.seconds < SHORT else min(MOST, 1 + int(video.seconds // EVERY))
        parts = [1 / PART] if count == 1 else [(n + 0.5) / count for n in range(count)]
        return tuple(sorted({round(video.time(video.after(part * video.seconds)), 3) for part in parts}))


@contextmanager
def _opened(file: BinaryIO) -> Iterator[_Video]:
    av: Any = importlib.import_module("av")
    file.seek(0)
    try:
        with av.open(file) as container:
            yield _Video(container, av.error.FFmpegError)
    except (av.error.FFmpegError, StopIteration, IndexError, OverflowError) as error:
        # FFmpeg's own message names the file, as no other reason does.
        reason = getattr(error, "strerror", None) or str(error)
        raise OSError(" ".join(reason.split()) or "it has no picture") from error


class _Video:
    """An open container and its first stream of pictures. Times are in seconds from its start."""

    def __init__(self, container: Any, damage: type[Exception]) -> None:
        self.container, self.damage = container, damage
        self.stream = container.streams.video[0]
        self.stream.codec_context.skip_frame = "NONKEY"
        self.stream.codec_context.thread_count = 1
        self.start = (container.start_time or 0) / 1e6
        self.seconds = min(max((container.duration or 0) / 1e6, 0.0), moments.LAST)

    def time(self, frame: Any) -> float:
        """Return the time of a frame, 0 where it has none."""
        return min(max((frame.time or 0.0) - self.start, 0.0), moments.LAST)

    def after(self, seconds: float) -> Any:
        """Return the key frame at or before a time; of a file that cannot be sought in, the first."""
        if self.seconds:
            try:
                return next(self._frames(seconds))
            except (self.damage, StopIteration):
                pass
        return next(self._frames(None))

    def at(self, seconds: float) -> Any:
        """Return the key frame of a time. Raises OSError where there is none."""
        for before in (*BEFORE, None):
            try:
                for frame in self._frames(None if before is None else seconds + EXACT - before):
                    time = self.time(frame)
                    if abs(time - seconds) <= EXACT:
                        return frame
                    if time > seconds:
                        break
            except (self.damage, StopIteration):
                continue
        raise OSError(f"it has no key frame at {moments.clock(seconds)}")

    def _frames(self, seconds: float | None) -> Iterator[Any]:
        """Yield the key frames from the one at or before a time on, or from the first."""
        at = self.start if seconds is None else max(seconds, 0.0) + self.start
        self.container.seek(int(at * 1e6) if seconds is not None else 0)
        yield from self.container.decode(self.stream)


def _tags(metadata: dict[str, str]) -> Image.Exif:
    """Return the time of a container as EXIF: in local time where Apple's tag has it, else in UTC."""
    exif = Image.Exif()
    try:
        taken = datetime.fromisoformat(
            metadata.get("com.apple.quicktime.creationdate") or metadata.get("creation_time", "")
        )
    except ValueError:
        return exif
    inner = exif.get_ifd(ExifTags.IFD.Exif)
    inner[ExifTags.Base.DateTimeOriginal] = f"{taken:%Y:%m:%d %H:%M:%S}"
    zone = f"{taken:%z}"
    if zone:
        inner[ExifTags.Base.OffsetTimeOriginal] = f"{zone[:3]}:{zone[3:5]}"
    return exif
