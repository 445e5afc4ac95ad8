"""Atomic writing of files: a file appears complete or not at all."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from twinlens.core import system


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Yield a draft path that replaces `path` on success; a kill or an error leaves the old file.

    The parent folder is made if it is missing. Several processes may write the same file at once. The file has the
    permissions of any new file, also where a writer, as that of safetensors, lets nobody else read.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(f".{os.getpid()}.tmp")
    try:
        draft.touch()
        mode = stat.S_IMODE(draft.stat().st_mode)
        yield draft
        draft.chmod(mode)
        system.replace(draft, path)
    finally:
        with contextlib.suppress(OSError):
            draft.unlink()
