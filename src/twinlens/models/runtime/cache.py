"""Cache of exported networks in the user's cache folder, by the model's digest, with checksums.

Native code parses a graph, so none is read from a model's or a collection's folder, which people copy and send: the
files of this cache were written by the same user. Everything here can be deleted at any time.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import shutil
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from twinlens.core.machine import cores, default_cache, import_onnxruntime, processor

FORMAT = 7
"""Version of the manifest; manifests of another version are ignored."""
MANIFEST = "manifest.json"
KEPT = 16
"""Number of models in the cache; the least recently used ones are deleted."""


def home() -> Path:
    """Return `twinlens/runtime` in the user's cache folder."""
    return default_cache() / "runtime"


def read(digest: str) -> Mapping[str, Any] | None:
    """Read the manifest of a model on this machine; None when it is missing, damaged or of another machine."""
    path = home() / digest / MANIFEST
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
        usable = manifest["format"] == FORMAT and manifest["digest"] == digest and manifest["machine"] == machine()
    except (OSError, ValueError, TypeError, KeyError):
        return None
    return dict(manifest) if usable else None


def write(digest: str, fill: Callable[[Path], Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """Write a cache entry atomically: `fill` writes files into a folder and returns their manifest.

    Returns the whole manifest, or None if the cache is not writable, which costs only speed.
    """
    target, draft = home() / digest, home() / f"new-{os.urandom(4).hex()}"
    try:
        draft.mkdir(parents=True, mode=0o700)
        try:
            measured = fill(draft)
            paths = sorted(path for path in draft.rglob("*") if path.is_file())
            files = {path.relative_to(draft).as_posix(): [*_stamp(path), checksum(path)] for path in paths}
            manifest = {"format": FORMAT, "digest": digest, "machine": machine(), "files": files, **measured}
            (draft / MANIFEST).write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")
            shutil.rmtree(target, ignore_errors=True)
            draft.rename(target)
        finally:
            shutil.rmtree(draft, ignore_errors=True)
        _forget_old()
    except OSError:
        return None
    return manifest


def file(manifest: Mapping[str, Any], name: str) -> Path | None:
    """Return the path of a cached file if it is intact; its checksum is read only if size or time changed."""
    path = home() / str(manifest["digest"]) / name
    try:
        *stamp, digest = manifest["files"][name]
        return path if _stamp(path) == stamp or checksum(path) == digest else None
    except (OSError, KeyError):
        return None


def forget(manifest: Mapping[str, Any]) -> None:
    """Delete the manifest of a model, so that the model is measured again."""
    (home() / str(manifest["digest"]) / MANIFEST).unlink(missing_ok=True)


def used(manifest: Mapping[str, Any]) -> None:
    """Mark a model as used now, for the eviction of old ones."""
    try:
        os.utime(home() / str(manifest["digest"]))
    except OSError:  # a read-only cache can still be read
        return


def _stamp(path: Path) -> list[int]:
    """Return the size in bytes and the time of change in nanoseconds."""
    status = path.stat()
    return [status.st_size, status.st_mtime_ns]


def checksum(path: Path) -> str:
    """Return the SHA-256 (hex) of a file; processors have instructions for it."""
    with path.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


@cache
def machine() -> str:
    """Describe the machine of measurements: the processor, the usable cores, and ONNX Runtime's version."""
    return f"{platform.machine()}, {processor()}, {cores()} cores, onnxruntime {_onnxruntime()}"


def _onnxruntime() -> str:
    try:
        return str(import_onnxruntime().__version__)  # looking it up in the package metadata takes longer
    except ImportError:
        return "none"


def _forget_old() -> None:
    folders = sorted((path for path in home().iterdir() if path.is_dir()), key=lambda path: -path.stat().st_mtime)
    for folder in folders[KEPT:]:
        shutil.rmtree(folder, ignore_errors=True)
