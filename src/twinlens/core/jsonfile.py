"""JSON files: written whole, with numbers that JSON lacks as null."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from pathlib import Path

from twinlens.core.atomic import whole_file
from twinlens.core.types import TwinlensError


def dumps(value: object, *, indent: int | None = None) -> str:
    """Return a value as JSON text: mappings, sequences and paths too; NaN and infinities become null."""
    return json.dumps(_plain(value), indent=indent, allow_nan=False)


def check(path: Path) -> None:
    """Raise TwinlensError for a file that `write` cannot make, as far as that is known before the work is done."""
    if path.is_dir():
        raise TwinlensError(f"cannot write the JSON to {path}: it is a folder")
    above = next(folder for folder in path.absolute().parents if folder.exists())
    if not above.is_dir():
        raise TwinlensError(f"cannot write the JSON to {path}: {above} is a file")
    if not path.exists() and not os.access(above, os.W_OK):
        raise TwinlensError(f"cannot write the JSON to {path}: you may not write in {above}")


def write(value: object, path: Path) -> Path:
    """Write a value as a JSON file, and return its path. Raises TwinlensError when it cannot be written."""
    text = dumps(value, indent=2) + "\n"
    try:
        if path.exists() and not path.is_file():  # a pipe or a terminal
            path.write_text(text, encoding="utf-8")
        else:
            with whole_file(path) as beside:
                beside.write_text(text, encoding="utf-8")
    except OSError as error:
        raise TwinlensError(f"cannot write the JSON to {path}: {error.strerror}") from error
    return path


def _plain(value: object) -> object:
    match value:
        case Mapping():
            return {str(key): _plain(item) for key, item in value.items()}
        case list() | tuple():
            return [_plain(item) for item in value]
        case Path():
            return str(value)
        case float() if not math.isfinite(value):
            return None
        case _:
            return value
