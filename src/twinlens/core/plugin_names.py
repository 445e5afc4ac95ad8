"""Names of plug-ins: the full name of a file is `mine.py@SHA-256`; that of an entry point is its own."""

from __future__ import annotations

import re

_FULL = re.compile(r"(?P<file>[^/\\]+\.py)@(?P<checksum>[0-9a-f]{64})")


def checksum_of(name: str) -> str | None:
    """Return the checksum in the full name of a file; None for other names."""
    full = _FULL.fullmatch(name)
    return full and full["checksum"]


def short(name: str) -> str:
    """Return a name without the checksum, as messages and tables show it."""
    full = _FULL.fullmatch(name)
    return full["file"] if full else name
