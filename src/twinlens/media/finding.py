"""Pictures below folders and in tar shards, by the names of their files; the others are counted by kind."""

from __future__ import annotations

import logging
import math
import os
import stat
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path, PurePath

from twinlens.core.escaping import escaped
from twinlens.core.types import TwinlensError
from twinlens.media import formats, objects, sources
from twinlens.media.durations import duration
from twinlens.media.exclusions import Rules

NO_PICTURES = frozenset(
    {".json", ".jsonl", ".txt", ".csv", ".tsv", ".parquet", ".xmp", ".aae", ".md", ".html", ".htm", ".xml", ".log"}
    | {".py", ".js", ".css", ".c", ".h", ".pdf", ".zip", ".gz", ".mp3", ".wav", ".m4a", ".doc", ".docx", ".ini", ".db"}
)
"""Endings of files whose content is not looked at: it is no picture's."""
LIVE = "moving halves of live photos"
LIVE_SECONDS = 5.0
"""Longest video that is the moving half of a live photo: phones record about 1.5 s on either side of the picture."""
_log = logging.getLogger(__name__)
Tell = Callable[[OSError], None]


def find(
    folder: Path, *, passed: Counter[str] | None = None, tell: Tell | None = None, rules: Rules | None = None
) -> list[Path]:
    """Find every picture below a folder or in a tar shard by its suffix, sorted by path; hidden ones are skipped.

    Linked folders are followed, each real folder once, so that loops end. Shards are looked into; a damaged or
    compressed one is found itself, and fails when it is loaded. `passed` counts pictures of formats that are not read,
    by the ends of their names, and files that are pictures by their content alone. tell: is given the error of each
    subfolder that cannot be read; without it these are logged. rules: what else is passed over. Raises TwinlensError
    when there is no such folder, when it is a file, or when it holds no picture.
    """
    passed, rules = Counter() if passed is None else passed, rules or Rules()
    if sources.is_shard(folder):
        found = list(_in_shard(folder, formats.endings()))
    elif folder.is_dir():
        found = list(_below(walk(folder, tell=tell or _log_unreadable, rules=rules), passed, rules))
    else:
        raise TwinlensError(f"{folder} is not a folder" if folder.exists() else f"there is no folder {folder}")
    return _sorted(folder, found, passed, rules)


def find_among(folder: Path, listed: Iterable[Path], *, passed: Counter[str], rules: Rules) -> list[Path]:
    """Find the pictures among the objects below a folder of a storage, as `find` does; shards are passed over."""
    walked = ((where, rules.filter(where, folders, names)) for where, folders, names in objects.walk(folder, listed))
    return _sorted(folder, list(_below(walked, passed, rules)), passed, rules)


def _sorted(folder: Path, found: Iterable[str], passed: Mapping[str, int], rules: Rules) -> list[Path]:
    if not found:
        others = "".join(f"; {line}" for line in describe(passed, rules.counts))
        raise TwinlensError(
            f"there are no pictures in {sources.shown(folder)}"
            f" (looked for {', '.join(sorted(formats.endings()))}){others}"
        )
    return [Path(path) for path in sorted(found)]


def describe(passed: Mapping[str, int], left_out: Mapping[str, int] | None = None) -> list[str]:
    """Describe the files that `find` has passed over: a line for every cure, and one for those left out on purpose."""
    counts = ", ".join(f"{count:,} {reason}" for reason, count in sorted((left_out or {}).items()) if count)
    return [*formats.cures(passed), *([f"left out {counts}"] if counts else [])]


def walk(folder: Path, *, tell: Tell | None = None, rules: Rules | None = None) -> Iterator[tuple[str, list[str]]]:
    """Yield every folder below one with the names of its files; hidden ones are skipped, linked ones visited once.

    tell: is given the error of each that cannot be read. rules: what else is passed over.
    """
    seen: set[tuple[int, int]] = set()
    rules = rules or Rules()
    for where, folders, names in os.walk(folder, followlinks=True, onerror=tell):
        try:
            status = Path(where).stat()
        except OSError:  # it is gone by now
            folders.clear()
            continue
        if (key := (status.st_dev, status.st_ino)) in seen:
            folders.clear()
            continue
        seen.add(key)
        # Sorted, so that the same of several names of one folder is taken on every run.
        folders.sort()
        yield where, rules.filter(where, folders, names)


def _below(walked: Iterable[tuple[str, list[str]]], passed: Counter[str], rules: Rules) -> Iterator[str]:
    endings = formats.endings()
    for where, names in walked:
        moving = _moving_halves(where, names)
        for name in names:
            if name in moving:
                rules.counts[LIVE] += 1
            else:
                yield from _pictures(where, name, endings, passed)


def _pictures(where: str, name: str, endings: frozenset[str], passed: Counter[str]) -> Iterator[str]:
    if name.startswith("."):
        return
    ending = PurePath(name).suffix.lower()
    if ending in endings:
        yield f"{where}/{name}"
    elif ending == sources.SUFFIX and sources.is_shard(Path(where, name)):
        yield from _in_shard(Path(where, name), endings)
    elif name.lower().endswith(sources.PACKED) and sources.is_packed(Path(where, name)):
        yield f"{where}/{name}"
    elif formats.of_name(name) is not None:
        passed[ending] += 1
    elif ending not in NO_PICTURES and (row := _by_content(f"{where}/{name}")) is not None:
        passed[f"{row.name} named {ending or 'without an ending'}"] += 1


def _in_shard(path: Path, endings: frozenset[str]) -> Iterator[str]:
    shard = sources.read_shard(path)
    if shard.fault is not None:
        yield str(path)
    for name in shard.parts:
        last = PurePath(name).name
        if not last.startswith(".") and PurePath(last).suffix.lower() in endings:
            yield f"{path}/{name}"


def _by_content(path: str) -> formats.Format | None:
    """Return the format of a file by its first bytes; None where it is no picture or cannot be read."""
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):  # noqa: PTH116 - opening a pipe would wait for its writer
            return None
        with open(path, "rb") as file:  # noqa: PTH123 - of every other file, where making paths takes the longest
            return formats.of_content(file.read(formats.HEAD))
    except (OSError, ValueError):
        return None


def _moving_halves(where: str, names: Iterable[str]) -> set[str]:
    """Return the videos of a folder that are as short as a live photo's, and beside which a still has their name."""
    rows = [(name, row) for name in names if (row := formats.of_name(name)) is not None]
    videos = [name for name, row in rows if row.decoder == "video" and not name.startswith(".")]
    stills = {PurePath(name).stem for name, row in rows if row.decoder != "video"} if videos else set()
    paired = (name for name in videos if PurePath(name).stem in stills)
    return {name for name in paired if (duration(f"{where}/{name}") or math.inf) <= LIVE_SECONDS}


def _log_unreadable(error: OSError) -> None:
    _log.warning("passed over %s: %s", escaped(str(error.filename)), error.strerror)
