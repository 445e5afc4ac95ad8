"""Paths of moments of a video: `clip.mp4/00-01-23.500` is the picture at 1 minute 23.5 seconds of `clip.mp4`.

Hours, minutes, seconds and thousandths have a fixed width, so that paths sort by time; hyphens are legal in names on
every system. A real file of such a name in a folder called `clip.mp4` is no moment.
"""

from __future__ import annotations

import hashlib
import os
import re
from pathlib import Path

from twinlens.media import kept

ENDINGS = (".mp4", ".mov", ".m4v", ".mkv", ".webm", ".avi", ".3gp", ".mts")
LAST = 100 * 3600 - 0.001
"""The last second that a name has digits for."""
_PATH = re.compile(
    rf"(.+(?:{'|'.join(map(re.escape, ENDINGS))}))[{re.escape('/' + os.sep)}](\d\d)-([0-5]\d)-([0-5]\d\.\d\d\d)",
    re.ASCII | re.IGNORECASE | re.DOTALL,
)


def is_video(path: Path) -> bool:
    """Return True if a path is a video's, by the ending of its name."""
    return path.suffix.lower() in ENDINGS


def path_of(video: Path, seconds: float) -> Path:
    """Return the path of a moment of a video, to the thousandth of a second."""
    thousandths = round(min(max(seconds, 0.0), LAST) * 1000)
    minutes, rest = divmod(thousandths, 60_000)
    return video / f"{minutes // 60:02}-{minutes % 60:02}-{rest // 1000:02}.{rest % 1000:03}"


def split(path: Path | str) -> tuple[Path, float] | None:
    """Split a moment's path into the video's and the seconds; None for other paths."""
    text = str(path)
    found = _PATH.fullmatch(text) if text[-3:].isdecimal() else None
    if found is None or os.path.lexists(text):
        return None
    return Path(found[1]), round(int(found[2]) * 3600 + int(found[3]) * 60 + float(found[4]), 3)


def file_of(path: Path) -> Path:
    """Return the path of the file that holds a picture: the video's for a moment, for others their own."""
    within = split(path)
    return path if within is None else within[0]


def shown(path: Path) -> str:
    """Return a picture's path as people read it, with the time of a moment: "/videos/clip.mp4, at 1:23"."""
    within = split(path)
    return str(path) if within is None else f"{within[0]}, at {clock(within[1])}"


def label(path: Path) -> str:
    """Return the last part of `shown`: a file's name, with the time of a moment; of an item its id."""
    return (kept.id_of(path) if "~" in path.name else None) or Path(shown(path)).name


def clock(seconds: float) -> str:
    """Return a time as players show it: 1:23, or 2:01:23 with hours."""
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{rest:02}" if minutes >= 60 else f"{minutes}:{rest:02}"


def content_hash(video: bytes, path: Path) -> bytes:
    """Return the content hash of a moment, 20 bytes, from that of its video and the time."""
    return hashlib.blake2b(video + path.name.encode(), digest_size=20).digest()
