"""Checksums of a folder's files, kept beside them, so that a damaged file is found before it is used."""

from __future__ import annotations

import json
import os
import stat
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from twinlens.core.types import TwinlensError

CHECKSUMS = "checksums.json"
"""Name → size in bytes and CRC-32 of every other file in the folder and below it."""
LEFT_OUT = "provenance.json"
"""The file of a model that no vector depends on."""
SMALL = 2**24
"""Bytes up to which a file is read for its check unless everything is; a model's weights have a digest of their own."""


def write(folder: Path) -> None:
    """Note size and CRC-32 of every file. Raises OSError."""
    noted = {
        path.relative_to(folder).as_posix(): [path.stat().st_size, _crc(path)]
        for path in files(folder)
        if path.name != CHECKSUMS
    }
    text = json.dumps({"files": noted, "check": zlib.crc32(_canonical(noted))}, indent=2)
    (folder / CHECKSUMS).write_text(text + "\n", encoding="ascii")


def files(folder: Path) -> Iterator[Path]:
    """Yield the regular files of a folder and below it, sorted; hidden ones and links are passed over."""
    for path in sorted(folder.iterdir()):
        mode = path.lstat().st_mode
        if stat.S_ISDIR(mode):
            yield from files(path)
        elif stat.S_ISREG(mode) and not path.name.startswith("."):
            yield path


def fault(folder: Path, *, whole: bool = False) -> str | None:
    """Describe the first damage in a line; None if there is none, or there are no checksums.

    whole: read everything; else of large files the size alone.
    """
    noted = _noted(folder)
    if noted is None:
        return f"{folder / CHECKSUMS} is damaged"
    for name, (size, crc) in noted.items():
        if name == LEFT_OUT and not whole:
            continue
        path = folder / name
        try:
            if not stat.S_ISREG(path.lstat().st_mode):
                return f"{path} is no file"
            if path.stat().st_size != size or ((whole or size <= SMALL) and _crc(path) != crc):
                return f"{path} is damaged"
        except OSError as error:
            return f"{path} cannot be read: {error.strerror}"
    return None


def check(folder: Path) -> None:
    """Raise TwinlensError for a model folder that is damaged, as `fault` finds without reading large files."""
    if damage := fault(folder):
        raise TwinlensError(f"{damage}; copy the whole model folder again")


def is_missing(folder: Path) -> bool:
    """Return True if there are no checksums, so that damage of the files cannot be seen."""
    return not os.path.lexists(folder / CHECKSUMS)


def is_damaged(folder: Path) -> bool:
    """Return True if the checksums themselves are damaged, so that nothing follows from them."""
    return _noted(folder) is None


def _noted(folder: Path) -> dict[str, tuple[int, int]] | None:
    """Read the checksums: none where there is no such file, None where it is damaged."""
    path = folder / CHECKSUMS
    try:
        status = path.lstat()
    except OSError:
        return {}
    try:
        if not stat.S_ISREG(status.st_mode) or status.st_size > SMALL:
            return None
        content = json.loads(path.read_bytes())
        if content["check"] != zlib.crc32(_canonical(content["files"])):
            return None
        return {str(name): (int(size), int(crc)) for name, (size, crc) in content["files"].items()}
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None


def _canonical(noted: Any) -> bytes:
    return json.dumps(noted, sort_keys=True).encode()


def _crc(path: Path) -> int:
    crc = 0
    with path.open("rb") as file:
        while data := file.read(2**20):
            crc = zlib.crc32(data, crc)
    return crc
