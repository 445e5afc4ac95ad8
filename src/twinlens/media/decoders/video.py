"""Videos: the key frame after a third of their time, which is past titles and fades, and when they were taken."""

from __future__ import annotations

import importlib
from datetime import datetime
from typing import Any, BinaryIO

from PIL import ExifTags, Image

PART = 3
"""The frame is that after one part in so many of the time."""


def open_picture(file: BinaryIO) -> Image.Image:
    """Return a key frame of a video. Raises OSError where it is damaged or has none."""
    av: Any = importlib.import_module("av")
    file.seek(0)
    try:
        with av.open(file) as container:
            frame = _frame(container, av)
            image: Image.Image = frame.to_image()
            turn = int(getattr(frame, "rotation", 0) or 0) % 360
            exif = _tags(dict(container.metadata))
    except (av.error.FFmpegError, StopIteration, IndexError) as error:
        raise OSError(" ".join(str(error).split()) or "it has no picture") from error
    if turn:
        image = image.rotate(turn, expand=True)
    image.info["exif"] = exif.tobytes()
    return image


def _frame(container: Any, av: Any) -> Any:
    stream = container.streams.video[0]
    stream.codec_context.skip_frame = "NONKEY"
    stream.codec_context.thread_count = 1
    if container.duration:
        try:
            container.seek(container.duration // PART)
            return next(container.decode(stream))
        except (av.error.FFmpegError, StopIteration):  # a file that cannot be sought in: from its beginning
            container.seek(0)
    return next(container.decode(stream))


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
