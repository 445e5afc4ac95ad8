"""The overview of a collection: the methods that tell what it holds, each of which imports what a search needs not."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from twinlens.collection.model import Load, Model
from twinlens.collection.store import Entry, Generation, Store, Vectors
from twinlens.core import system
from twinlens.core.arguments import as_text
from twinlens.core.types import NEAR_DUPLICATE

if TYPE_CHECKING:
    from twinlens.collection.facets import Facets
    from twinlens.collection.listing import Listing
    from twinlens.collection.maintenance import FileCheck, Info
    from twinlens.collection.store.contents import Contents, Runs


class Overview(ABC):
    """The methods of `Collection` that tell what it holds, and the state that they share with the others."""

    folder: Path
    _store: Store
    _load: Load

    @property
    @abstractmethod
    def generation(self) -> Generation:
        """Return the serving generation."""

    @property
    @abstractmethod
    def model(self) -> Model:
        """Return the serving model."""

    @abstractmethod
    def snapshot(self) -> AbstractContextManager[None]:
        """Read everything inside from one state."""

    def info(self) -> Info:
        """Return counts, failures with their reasons, and the serving model."""
        from twinlens.collection import maintenance

        return maintenance.info(self._store, self.generation)

    def listing(self) -> Listing:
        """Return counts of the files by kind, of where their captions are from, and of the fields they have."""
        from twinlens.collection.listing import listing

        return listing(self._store)

    def verify(self) -> list[str]:
        """Return a line for every fault of the collection's own files; none if it is whole."""
        from twinlens.collection import maintenance

        return maintenance.verify(self._store, self.generation, self._load)

    def check_files(self, *, progress: bool = False) -> FileCheck:
        """Read all pictures again, and compare them with what was indexed."""
        from twinlens.collection.ingest.checking import check_files

        return check_files(self._store, progress=progress)

    def contents(self, *, within: Runs | None = None) -> Contents:
        """Return a digest of the pictures that can be found now, of all rows or of those within some runs."""
        from twinlens.collection.store.contents import contents

        return contents(self._store, self.generation, within=within)

    def entries_with_vectors(self) -> tuple[list[Entry], Vectors]:
        """Return all entries with a vector, by row, and their vectors (N, D), of one state."""
        with self.snapshot():
            entries = self._store.found(self.generation.number)
            rows = np.array([entry.row for entry in entries], dtype=np.int64)
            return entries, self._store.vectors(self.generation, rows)

    def batches_with_vectors(self, size: int = 1024) -> Iterator[tuple[list[Entry], Vectors]]:
        """Yield the same in batches: up to `size` entries, and their vectors (B, D), all of one state."""
        with self.snapshot():
            generation = self.generation
            rows = self._store.rows(generation.number)
            for start in range(0, len(rows), size):
                part = rows[start : start + size]
                yield list(self._store.entries(part.tolist()).values()), self._store.vectors(generation, part)

    def duplicates(self, at: float = NEAR_DUPLICATE) -> list[list[Entry]]:
        """Return groups of entries whose pictures look the same, connected by a cosine of `at`; the largest first."""
        from twinlens.collection.duplicates import duplicate_groups
        from twinlens.collection.search.query import blank_of

        with self.snapshot(), system.computing():
            model = self.model
            return duplicate_groups(self._store, self.generation, model.channels, at, blank=blank_of(model))

    def entry(self, entry_id: str) -> Entry:
        """Return all that is known of a picture, by the id that a hit has. Raises TwinlensError when there is none."""
        return self._store.entry(as_text("entry, which takes the id of a hit,", entry_id))

    def fields(self) -> list[str]:
        """Return the names of fields that conditions can use."""
        from twinlens.collection.search.fields import known_fields

        return known_fields(self._store)

    def facets(self) -> Facets:
        """Return the fields with their commonest values and histograms, and the folders; reads all metadata."""
        from twinlens.collection.facets import facets

        return facets(self._store)
