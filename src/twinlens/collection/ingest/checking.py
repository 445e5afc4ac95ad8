"""Comparison of the pictures themselves with what a collection knows of them."""

from __future__ import annotations

import errno
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache, partial
from pathlib import Path

from twinlens.collection.ingest.decoding import ahead
from twinlens.collection.ingest.presence import Presence, absence
from twinlens.collection.maintenance import FileCheck
from twinlens.collection.store import Entry, Store
from twinlens.core.progress import bar
from twinlens.media import moments, sources


def check_files(store: Store, *, progress: bool = False) -> FileCheck:
    """Read every picture of the collection, and compare its content with what was indexed."""
    presence = Presence(store.mount_points(), {})
    of_video = lru_cache(maxsize=8)(sources.content_hash)  # a video is read once for all its moments
    found, total = FileCheck(), store.ask("SELECT count(*) FROM entry WHERE failure IS NULL")[0][0]
    with bar("reading", total, unit="pictures", progress=progress) as advance, ThreadPoolExecutor(2) as threads:
        for entry, outcome in ahead(threads, partial(_compared, of_video), store.good(), depth=32):
            match outcome:
                case int(error):
                    found.missing(entry.path, presence.obstacle(entry.path, error))
                case "newer":
                    found.newer += 1
                case "same" | "changed":
                    found.checked += 1
                    found.changed += [entry.path] if outcome == "changed" else []
                case reason:
                    found.unreadable[entry.path] = reason
            advance(1)
    return found


def _compared(of_video: Callable[[Path], bytes], entry: Entry) -> str | int:
    """Return same, changed, newer, the reason why a file cannot be read, or the number of the error without one."""
    try:
        if sources.status(entry.path) != (entry.size, entry.mtime_ns):
            return "newer"
        return "same" if _digest(of_video, entry.path) == entry.hash else "changed"
    except (FileNotFoundError, NotADirectoryError):
        return absence(entry.path) or errno.ENOENT
    except (OSError, ValueError) as error:
        return getattr(error, "strerror", None) or str(error)


def _digest(of_video: Callable[[Path], bytes], path: Path) -> bytes:
    within = moments.split(path)
    return sources.content_hash(path) if within is None else moments.content_hash(of_video(within[0]), path)
