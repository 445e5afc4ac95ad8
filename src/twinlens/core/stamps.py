"""Memory of what files contain, in the user's own cache, until their size, times or number on the disk are others."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeAlias

from twinlens.core.atomic import whole_file
from twinlens.core.machine import default_cache

KEPT = 64
"""Folders that are remembered."""
SETTLED_NS = 2 * 10**9
"""Nanoseconds after which a second change of a file is sure to have another time."""
Stamps: TypeAlias = "Mapping[str, list[int]]"
"""State on the disk of files by their name."""


def stamp(path: Path) -> list[int]:
    """Describe a file's state on its disk; whoever changes it cannot set the time of that (ctime) back."""
    status = path.stat()
    return [status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino, status.st_dev]


class Memory:
    """Records about folders in one JSON file of the user's cache; without it only speed is lost."""

    def __init__(self, name: str) -> None:
        self.name = name

    def get(self, place: str, stamps: Stamps) -> dict[str, Any] | None:
        """Return what is remembered of a folder whose files have these stamps."""
        known = self._read().get(place)
        return known if isinstance(known, dict) and known.get("stamps") == stamps else None

    def put(self, place: str, stamps: Stamps, record: Mapping[str, Any]) -> None:
        """Remember a record, unless a file changed a moment ago, and may change again at the same time."""
        if not stamps or max(max(one[1:3]) for one in stamps.values()) >= time.time_ns() - SETTLED_NS:
            return
        known = {name: value for name, value in self._read().items() if name != place}
        known = dict([*known.items(), (place, {"stamps": stamps, **record})][-KEPT:])
        with suppress(OSError), whole_file(default_cache() / self.name) as beside:
            beside.write_text(json.dumps(known), encoding="utf-8")

    def _read(self) -> dict[str, Any]:
        """Read the records by folder; none where the file is missing or damaged."""
        try:
            known = json.loads((default_cache() / self.name).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return known if isinstance(known, dict) else {}
