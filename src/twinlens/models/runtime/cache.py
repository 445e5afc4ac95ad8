"""Where exported networks are kept: in the user's cache folder, by the model's digest, checksummed.

A graph is parsed by native code, so none is read from a model's or a collection's folder, which people copy and send;
what lies here this user's own runs have written. Everything here can be deleted at any time.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import secrets
import shutil
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from twinlens.core.cache import default_cache
from twinlens.core.machine import cores, processor

FORMAT = 6
MANIFEST = "manifest.json"
KEPT = 16
"""Models whose exports are kept; the ones that were not used for the longest time go."""


def home() -> Path:
    """`twinlens/runtime` in the user's cache folder."""
    return default_cache() / "runtime"


def read(digest: str) -> Mapping[str, Any] | None:
    """What was found out about a model on this machine; None where that is nothing, or in doubt."""
    path = home() / digest / MANIFEST
    try:
        said = json.loads(path.read_text(encoding="utf-8"))
        usable = said["format"] == FORMAT and said["digest"] == digest and said["machine"] == machine()
    except (OSError, ValueError, TypeError, KeyError):
        return None
    return dict(said) if usable else None


def write(digest: str, fill: Callable[[Path], Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """Let `fill` write files into a folder and tell what they are; it appears at once and complete.

    None where nothing can be written: only speed is lost.
    """
    target, draft = home() / digest, home() / f"new-{secrets.token_hex(4)}"
    try:
        draft.mkdir(parents=True, mode=0o700)
        try:
            told = fill(draft)
            files = {path.name: [*_stamp(path), checksum(path)] for path in sorted(draft.iterdir())}
            said = {"format": FORMAT, "digest": digest, "machine": machine(), "files": files, **told}
            (draft / MANIFEST).write_text(json.dumps(said, indent=2) + "\n", encoding="utf-8")
            shutil.rmtree(target, ignore_errors=True)
            draft.rename(target)
        finally:
            shutil.rmtree(draft, ignore_errors=True)
        _forget_old()
    except OSError:
        return None
    return said


def file(said: Mapping[str, Any], name: str) -> Path | None:
    """A file that `write` kept, if it is as it was written; read in full only where its size or time is another."""
    path = home() / str(said["digest"]) / name
    try:
        *stamp, digest = said["files"][name]
        return path if _stamp(path) == stamp or checksum(path) == digest else None
    except (OSError, KeyError):
        return None


def forget(said: Mapping[str, Any]) -> None:
    """Let what is known of a model be found out again."""
    (home() / str(said["digest"]) / MANIFEST).unlink(missing_ok=True)


def used(said: Mapping[str, Any]) -> None:
    """Note that a model is still used."""
    try:
        os.utime(home() / str(said["digest"]))
    except OSError:  # a cache that cannot be written to is still a cache
        return


def _stamp(path: Path) -> list[int]:
    """Size in bytes, and when it changed in nanoseconds."""
    status = path.stat()
    return [status.st_size, status.st_mtime_ns]


def checksum(path: Path) -> str:
    """SHA-256 of a file, which processors have instructions for."""
    with path.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


@cache
def machine() -> str:
    """What measurements hold for: the processor, how many cores we may use, and the versions that run the networks."""
    return f"{platform.machine()}, {processor()}, {cores()} cores, onnxruntime {_onnxruntime()}"


def _onnxruntime() -> str:
    try:
        import onnxruntime  # what finds versions without importing takes longer
    except ImportError:
        return "none"
    return str(onnxruntime.__version__)


def _forget_old() -> None:
    folders = sorted((path for path in home().iterdir() if path.is_dir()), key=lambda path: -path.stat().st_mtime)
    for folder in folders[KEPT:]:
        shutil.rmtree(folder, ignore_errors=True)
