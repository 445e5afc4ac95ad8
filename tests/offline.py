"""The export of the recipe `offline`, the slowest of all to make: one for all processes of a run."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from filelock import FileLock

from twinlens.core.machine import default_cache
from twinlens.models import serving

FILE = "told.json"


def put_in_cache(shared: Path) -> tuple[str, list[str]]:
    """Copy the export from a folder of all processes to the cache of this one; the first makes it there.

    The digest of the model, and the lines that were told as it was made.
    """
    shared.mkdir(exist_ok=True)
    with FileLock(shared / "lock"):
        if not (shared / FILE).is_file():
            with pytest.MonkeyPatch.context() as patch:
                patch.setenv("XDG_CACHE_HOME", str(shared))
                lines: list[str] = []
                made = serving.ready(report=lines.append)
            (shared / FILE).write_text(json.dumps([made.digest, lines]), encoding="utf-8")
    copy_exports(shared / "twinlens", default_cache())
    digest, lines = json.loads((shared / FILE).read_text(encoding="utf-8"))
    return digest, lines


def copy_exports(one: Path, other: Path) -> None:
    """Copy the exports of one cache to another; there are none where a graphics card runs torch."""
    if (one / serving.EXPORTS).is_dir():
        shutil.copytree(one / serving.EXPORTS, other / serving.EXPORTS, dirs_exist_ok=True)
