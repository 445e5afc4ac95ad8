"""Paths that callers pass: text and path objects are taken, everything else is one line with what to pass instead."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from twinlens.core.types import TwinlensError


def as_path(name: str, given: object) -> Path:
    """Return a path from what a caller passes as `name`. Raises TwinlensError for what cannot be one."""
    value = os.fspath(given) if isinstance(given, os.PathLike) else given
    if isinstance(value, bytes | bytearray):
        raise TwinlensError(f"{name} wants a path as text, not bytes; give os.fsdecode(data)")
    if not isinstance(value, str):
        raise TwinlensError(f"{name} wants a path, not {type(value).__name__}; give text or a pathlib.Path")
    if "\0" in value:
        raise TwinlensError(f"{name} wants a path, and {value!r} has a NUL character in it; leave that out")
    if not can_name(value):
        raise TwinlensError(f"{name} wants a path, and {value!r} has half a character in it; leave that out")
    return Path(value)


def can_name(path: str) -> bool:
    """Tell whether a file system can have a path: lone surrogates stand for its bytes, or for nothing."""
    try:
        os.fsencode(path)
    except UnicodeEncodeError:
        return False
    return True


def as_paths(name: str, given: object) -> list[Path]:
    """Return paths from one of them, or several. Raises TwinlensError as `as_path` does."""
    if isinstance(given, str | bytes | bytearray | os.PathLike) or not isinstance(given, Iterable):
        given = [given]
    return [as_path(name, one) for one in given]
