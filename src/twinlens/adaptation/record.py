"""A collection's record of its held-out parts and of the attempts to adopt a fusion: one small JSON file in its folder.

Who deletes the file counts anew, and the level that the attempts share no longer holds over all of them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, Self

from twinlens.adaptation.bounds import level_of
from twinlens.adaptation.held_out import HeldOut
from twinlens.adaptation.parts import ids_of
from twinlens.collection.store import ATTEMPTS, DATABASE, share_mode, writing
from twinlens.collection.store.contents import runs
from twinlens.core import jsonfile
from twinlens.core.types import TwinlensError

VERSION = 1


class Attempt(NamedTuple):
    """An attempt's number, from 1 on, and its level; is_repeat: the same fusion was measured on the same queries."""

    number: int
    level: float
    is_repeat: bool


@dataclass(frozen=True)
class Record:
    """Held-out parts by the kind of example and of groups, and attempts in their order, each with its key."""

    parts: Mapping[str, HeldOut] = field(default_factory=dict)
    attempts: tuple[Mapping[str, Any], ...] = ()

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Read the record of a collection; an empty one where there is none. Raises TwinlensError for a damaged one."""
        path = folder / ATTEMPTS
        try:
            text = path.read_text(encoding="utf-8")
        except FileNotFoundError:
            return cls()
        except (OSError, UnicodeDecodeError) as error:
            raise TwinlensError(_damaged(path, error)) from error
        try:
            return cls._parse(json.loads(text))
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise TwinlensError(_damaged(path, error)) from error

    def write(self, folder: Path) -> None:
        """Write the record whole. Raises TwinlensError where that fails."""
        path = folder / ATTEMPTS
        parts = {kind: _part_to_json(part) for kind, part in self.parts.items()}
        jsonfile.write({"version": VERSION, "parts": parts, "attempts": self.attempts}, path)
        share_mode(path, folder / DATABASE)

    @classmethod
    def _parse(cls, found: Mapping[str, Any]) -> Self:
        if found["version"] != VERSION:
            raise ValueError(f"version {found['version']} in place of {VERSION}")
        parts = {
            str(kind): HeldOut(float(part["threshold"]), ids_of(part["held"]), ids_of(part["trained"]))
            for kind, part in found["parts"].items()
        }
        return cls(parts, tuple({**attempt, "key": str(attempt["key"])} for attempt in found["attempts"]))


def keep_part(folder: Path, kind: str, part: HeldOut) -> None:
    """Record a held-out part. Raises TwinlensError where another process is writing to the collection."""
    with writing(folder):
        record = Record.read(folder)
        if record.parts.get(kind) != part:
            Record({**record.parts, kind: part}, record.attempts).write(folder)


def charge(folder: Path, key: str, about: Mapping[str, Any]) -> Attempt:
    """Record an attempt before it is measured, once for each key; return its number and level.

    A kill afterwards leaves it charged. Raises TwinlensError where another process is writing to the collection.
    """
    with writing(folder):
        record = Record.read(folder)
        keys = [attempt["key"] for attempt in record.attempts]
        is_repeat = key in keys
        number = (keys.index(key) if is_repeat else len(keys)) + 1
        if not is_repeat:
            Record(record.parts, (*record.attempts, {"key": key, **about})).write(folder)
    return Attempt(number, level_of(number), is_repeat)


def _part_to_json(part: HeldOut) -> dict[str, Any]:
    sides = {name: runs(sorted(map(int, ids))) for name, ids in (("held", part.held), ("trained", part.trained))}
    return {"threshold": part.threshold, **sides}


def _damaged(path: Path, error: Exception) -> str:
    return (
        f"cannot read the record of attempts {path} ({error}): put it back from a copy of the collection;"
        " without one delete it, and attempts count from 1 again"
    )
