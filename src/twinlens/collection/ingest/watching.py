"""Watching folders: polled, and indexed once a change has come to rest (a debounce).

Looking, not notifications of the system: these do not come from network drives, and are lost when there are many.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from twinlens.core.types import TwinlensError
from twinlens.media import exclusions, finding

QUIET_SECONDS = 30.0
"""Seconds after which a folder that never stops changing is indexed."""
LOOK_SHARE = 10
"""Looking may take one part in so many of the time."""


def fingerprint(paths: Iterable[Path], *, exclude: Path | None = None) -> bytes:
    """Return a digest that changes when a file below the paths comes, goes, or changes its size or time.

    exclude: a folder whose files do not count, the collection itself, which may lie among the pictures.
    """
    digest, skipped = hashlib.blake2b(digest_size=16), str(exclude)
    for root in paths:
        for where, names in finding.walk(root) if root.is_dir() else [(str(root.parent), [root.name])]:
            if where == skipped or where.startswith(skipped + os.sep):
                continue
            for name in sorted(name for name in names if not name.startswith(".") or name == exclusions.IGNORE_FILE):
                digest.update(_said(f"{where}{os.sep}{name}"))
    return digest.digest()


def watch(
    look: Callable[[], bytes],
    act: Callable[[], None],
    tell: Callable[[str], None],
    *,
    every: float,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Call `act` at once, and again whenever the result of `look` has changed and stayed so for `every` seconds.

    Ends only with what is raised, such as KeyboardInterrupt. A TwinlensError of `act` (a drive that is gone, another
    process that writes) is told, once while it is the same, and tried again.
    """
    done, before, reported, since = None, None, "", time.monotonic()
    while True:
        started = time.monotonic()
        now = look()
        spent = time.monotonic() - started
        if now == done:
            since = started
        elif now == before or before is None or started - since > QUIET_SECONDS:
            try:
                act()
                done, reported, since = now, "", started
            except TwinlensError as error:
                spent = time.monotonic() - started
                if str(error) != reported:
                    reported = str(error)
                    tell(reported)
        before = now
        sleep(max(every, LOOK_SHARE * spent))


def _said(path: str) -> bytes:
    try:
        status = os.stat(path)  # noqa: PTH116 - of every file, every few seconds: making paths takes the longest
    except OSError:  # it has just gone, or is a link that leads nowhere
        return os.fsencode(path) + b"\0"
    return b"%s\0%d %d\0" % (os.fsencode(path), status.st_size, status.st_mtime_ns)
