"""The index files of a collection's cache: one is in use, and any may be removed at any time."""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from twinlens.collection.engines._building import KINDS
from twinlens.collection.engines._cover import IndexedRows
from twinlens.collection.store import DATABASE, State, is_file, share_mode
from twinlens.collection.store.layout import CACHE, listed, unlink
from twinlens.core import variants
from twinlens.indexes._file import DamagedIndexError, IndexFile, read_header

ENDING = ".index"
ABANDONED_SECONDS = 3600.0
"""Age from which on an unfinished file is of a writer that was killed."""
_OWN = re.compile(rf"[0-9a-f]{{16}}{re.escape(ENDING)}")
_DRAFT = re.compile(r"[0-9a-f]{16}\.[0-9]+\.tmp")


class IndexFiles:
    """The index files of a collection. Each has a name of its own, so that none changes while it is mapped."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / CACHE

    def newest(self) -> Path | None:
        """Return the file that was written last."""
        with suppress(OSError):  # another process has just removed one
            return max(self._own(), key=_written, default=None)
        return None

    def about(self) -> dict[str, Any] | None:
        """Return the facts of the newest file without reading its arrays; None where there is none that can be read."""
        path = self.newest()
        with suppress(OSError, DamagedIndexError):
            return None if path is None else dict(read_header(path)[0]["about"])
        return None

    def suits(self, path: Path, kind: str, recall: float) -> bool:
        """Return False for a file that was built for another kind of index or another recall; a damaged one is told by
        `read`."""
        with suppress(OSError, DamagedIndexError):
            return is_for(read_header(path)[0]["about"], kind, recall)
        return True

    def read(self, path: Path, state: State) -> tuple[IndexedRows, IndexFile]:
        """Map a file and check it. Raises DamagedIndexError where it is damaged or of another state, and OSError."""
        file = IndexFile.open(path)
        about, rows = file.about, file.arrays.get("entries")
        if about.get("state") != list(state[:2]) or rows is None or rows.dtype != np.int64:
            raise DamagedIndexError(f"{path} is of other vectors")
        kind = str(about.get("kind"))
        name = str(about["index"]) if kind in KINDS or "kind" not in about else kind
        index = variants.variant_class("indexes", name).without_vectors(file)
        if index.vectors.shape[0] != len(rows) or not index.most_effort:
            raise DamagedIndexError(f"{path} is of other vectors")
        return IndexedRows(index, rows, about), file

    def write(self, indexed: IndexedRows) -> Path:
        """Write an index, and remove the older files. Raises OSError, and leaves nothing half written.

        Of files that are written at once, the last stays; where the clock does not tell which it is, so do others.
        """
        earlier = self._own()  # whatever their times: a clock may have been set back
        path = self.folder / f"{secrets.token_hex(8)}{ENDING}"
        indexed.index.save(path, about=indexed.about, arrays={"entries": indexed.rows})
        share_mode(path, self.folder.parent / DATABASE)
        for other in {*earlier, *self._older(path)}:
            unlink(other)
        self._clear_drafts()
        return path

    def remove(self, path: Path) -> None:
        """Remove a file that is damaged or of no use."""
        unlink(path)

    def _own(self) -> list[Path]:
        """Return all index files; what is foreign stays out."""
        return [path for path in listed(self.folder) if _OWN.fullmatch(path.name) and is_file(path)]

    def _older(self, path: Path) -> list[Path]:
        """Return the files that were written before one; none where another process has just removed one of them."""
        with suppress(OSError):
            written = _written(path)
            return [other for other in self._own() if _written(other) < written]
        return []

    def _clear_drafts(self) -> None:
        """Remove what writers that were killed left half written."""
        for path in listed(self.folder):
            if _DRAFT.fullmatch(path.name) and _is_abandoned(path):
                unlink(path)


def is_for(about: Mapping[str, Any], kind: str, recall: float) -> bool:
    """Return True if the facts of a file are of an index of a kind that was calibrated to a recall."""
    return bool(about.get("kind") == kind and about.get("target") == recall)


def _written(path: Path) -> int:
    """Return when a file was written, in nanoseconds as coarse as the clock of its disk. Raises OSError."""
    return path.stat().st_mtime_ns


def _is_abandoned(path: Path) -> bool:
    try:
        return time.time() - path.lstat().st_mtime > ABANDONED_SECONDS
    except OSError:
        return False
