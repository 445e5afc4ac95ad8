"""The engine in this process with an approximate index beside the matrix file."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from threading import Thread
from typing import Any

import numpy as np

from twinlens.calibration import Channel
from twinlens.collection.engines import _building
from twinlens.collection.engines._cover import Cover, IndexedRows
from twinlens.collection.engines._index_files import IndexFiles
from twinlens.collection.engines._questions import drawn
from twinlens.collection.engines.local import LocalEngine, merged
from twinlens.collection.search.filters import Node
from twinlens.collection.store import Gallery, Rows, State, Store, Vectors
from twinlens.core import system
from twinlens.core.extras import MissingExtraError
from twinlens.core.types import TwinlensError
from twinlens.indexes import Scores
from twinlens.indexes._file import DamagedIndexError, IndexFile

TRAINING = 1000
"""Searches that an index which learns is trained on, of each kind."""


class ApproximateEngine(LocalEngine):
    """Scans a shortlist that an index names, and all entries that the index has not; a filter's rows exactly.

    index: "ivf", "hnsw", "cluster_svm", or "auto". recall: the share of the nearest entries that searches are to find,
    measured on the collection's own vectors. channels: returns those of the model. The index is a file in the
    collection's cache. Where it is missing, outdated or damaged, answers are exact and it is made again: by `build`,
    and after `warm_up` in a thread.
    """

    exact: bool = False

    def __init__(
        self, *, index: str = _building.AUTO, recall: float = 0.99, channels: Callable[[], Sequence[Channel]] = tuple
    ) -> None:
        super().__init__()
        self.kind, self.target, self.channels = index, recall, channels
        self.problem: str | None = None
        self._indexed: IndexedRows | None = None
        self._looked_at: Path | None = None
        self._cover: Cover | None = None
        self._covered: tuple[IndexedRows | None, Gallery | None] = (None, None)
        self._known_channels: Sequence[Channel] | None = None
        self._building: Thread | None = None
        self._declined = 0  # entries for which no index was worth it

    @property
    def recall(self) -> float | None:
        """Return the recall that was measured for the index in use; None while answers are exact."""
        return None if self._cover is None else self._cover.indexed.index.recall

    def sync(self, store: Store) -> State:
        """Map matrix and index the first time; later read only what is new in the store."""
        state = super().sync(store)
        if self._indexed is not None and self._indexed.about["state"] != list(state[:2]):
            self._indexed = None
        if self._indexed is None or (self._cover and self._cover.is_outdated and self._covered[1] is not self._gallery):
            self._adopt(state)
        if self._covered[0] is not self._indexed or self._covered[1] is not self._gallery:
            self._cover = None if self._indexed is None else Cover.of(self._indexed, self._synced)
            self._covered = self._indexed, self._gallery
        if self._known_channels is not None and self.is_wanted:
            self._start_building()
        return state

    @property
    def is_wanted(self) -> bool:
        """Return True if there are entries enough for an index, and none is up to date."""
        rows = max(map(len, self._synced.blocks), default=0)
        is_decided = self._declined and abs(rows - self._declined) < self._declined / 4
        return (
            rows >= _building.least_rows(self.kind)
            and not is_decided
            and (self._cover is None or self._cover.is_outdated)
        )

    def warm_up(self) -> None:
        """Prepare the scan as `LocalEngine` does, and build the index in a thread, now and whenever it is outdated."""
        super().warm_up()
        self._known_channels = self.channels()
        if self._gallery is not None and self.is_wanted:
            self._start_building()

    def build(self) -> IndexedRows | None:
        """Build the index now and file it; None where none is worth it. Raises TwinlensError where that fails."""
        self._known_channels = self._known_channels or self.channels()
        return self._build(self._synced, self._known_channels)

    def search(
        self, queries: Vectors, k: int, *, where: Node | None = None, rows: Rows | None = None
    ) -> tuple[Rows, Scores]:
        """Search by the index; exactly among some rows, and while there is no index."""
        cover = self._cover
        if cover is None or rows is not None:
            return super().search(queries, k, where=where, rows=rows)
        return merged(cover.search(queries, k), len(queries), k)

    def _adopt(self, state: State) -> None:
        """Map the newest file of this setting, unless it is damaged; then it is removed."""
        files = IndexFiles(self.store.folder)
        path = files.newest()
        if path is None or path == self._looked_at:
            return
        self._looked_at = path
        if not files.suits(path, self.kind, self.target):
            return
        try:
            self._indexed, file = files.read(path, state)
        except MissingExtraError as error:
            self.problem = str(error)
        except (DamagedIndexError, OSError) as error:
            self.problem = str(error)
            files.remove(path)
        else:
            self.problem = None
            if not file.is_checked:
                Thread(target=self._check, args=(self._indexed, file), name="index check", daemon=True).start()

    def _check(self, indexed: IndexedRows, file: IndexFile) -> None:
        """Check the rest of a large file; where it is damaged, answers are exact from now on."""
        try:
            file.check_late()
        except DamagedIndexError as error:
            self.problem = str(error)
            IndexFiles(self.store.folder).remove(file.path)
            if self._indexed is indexed:
                self._indexed = self._cover = None

    def _start_building(self) -> None:
        if self._building is None or not self._building.is_alive():
            args = self._synced, self._known_channels or ()
            self._building = Thread(target=self._build_quietly, args=args, name="index", daemon=True)
            self._building.start()

    def _build_quietly(self, gallery: Gallery, channels: Sequence[Channel]) -> None:
        try:
            self._build(gallery, channels)
        except (TwinlensError, MemoryError) as error:
            self.problem = "there is too little memory for an index" if isinstance(error, MemoryError) else str(error)
            self._declined = max(map(len, gallery.blocks))

    def _build(self, gallery: Gallery, channels: Sequence[Channel]) -> IndexedRows | None:
        """Index the largest block of a gallery, and file the index; without room for it only the next start is slow."""
        block = max(gallery.blocks, key=len)
        begun = time.perf_counter()
        with system.computing():
            training = drawn(channels, block.vectors, seed=1, count=TRAINING) if self.kind == "cluster_svm" else {}
            asked = drawn(channels, block.vectors, seed=0)
            index = _building.build(self.kind, block.vectors, self.target, training, asked)
        if index is None or not index.most_effort:
            self._declined, self.problem = (
                len(block),
                f"no index reaches a recall of {self.target:g} faster than a scan",
            )
            return None
        about: dict[str, Any] = {
            "state": list(gallery.state[:2]), "kind": self.kind, "target": self.target,
            "seconds": time.perf_counter() - begun,
        }  # fmt: skip
        indexed = IndexedRows(index, np.array(block.rows), about)
        self._indexed, self.problem, self._declined = indexed, None, 0
        try:
            self._looked_at = IndexFiles(self.store.folder).write(indexed)
        except OSError as error:
            self.problem = f"the index is not kept: {error.strerror}"
        return indexed
