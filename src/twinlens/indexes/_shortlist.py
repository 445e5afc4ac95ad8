"""Approximate indexes: a structure names a shortlist of rows, which are compared directly."""

from __future__ import annotations

import hashlib
from abc import abstractmethod
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from types import MappingProxyType
from typing import Any, Self

import numpy as np

from twinlens.indexes import Rows, Vectors
from twinlens.indexes import _file as files
from twinlens.indexes._file import DamagedIndexError, IndexFile
from twinlens.indexes._rows import RowIndex
from twinlens.indexes._scan import Squares, best, nearest, nearest_among, squared_lengths

FEW = 1024
"""Rows of a shortlist up to which all are compared directly in float64; more are estimated first."""
USUAL = 64
"""Answers for which a structure is searched with the effort that was chosen; for more the effort grows with them."""


class ShortlistIndex(RowIndex):
    """An index that compares each query with a shortlist of rows alone.

    effort: how much is searched, in a unit of the subclass, from 1 to `most_effort`; a higher one finds more of the
    nearest rows and takes longer. measured: the recall that was measured for it, by kinds of queries (see `_recall`).
    """

    effort: int
    measured: Mapping[str, float] = MappingProxyType({})

    @property
    def recall(self) -> float | None:
        """Return the least recall that was measured; None where none was."""
        return min(self.measured.values(), default=None)

    def fit(self, vectors: Vectors) -> None:
        """Take the gallery, vectors (N, D), and build the structure; a recall that was measured is forgotten."""
        self.measured = {}
        super().fit(vectors)

    @property
    @abstractmethod
    def most_effort(self) -> int:
        """Return the highest effort that makes a difference; 0 where nothing was built and rows are scanned."""

    @abstractmethod
    def shortlist(self, queries: Vectors, count: int) -> list[Rows]:
        """Return rows to compare with each query (Q, D), each row once, at least `count` where these can be found."""

    def without(self, rows: Rows) -> AbstractContextManager[Rows]:
        """Hide rows from `shortlist` for a while, as new vectors; yield those that are hidden.

        For structures that lead to rows they have more easily than to new ones; from others nothing is hidden.
        """
        return nullcontext(rows[:0])

    @abstractmethod
    def _arrays(self) -> tuple[dict[str, files.Array], files.Late]:
        """Return the arrays of the structure, and the spans of these that are checked late."""

    @abstractmethod
    def _restore(self, file: IndexFile) -> None:
        """Take the structure from a file."""

    @property
    @abstractmethod
    def options(self) -> dict[str, Any]:
        """Return the arguments of the constructor, and the effort."""

    def nearest(self, vectors: Vectors, norms: Vectors, queries: Vectors, k: int) -> tuple[Rows, Squares]:
        """Return rows and squared distances (Q, k), 1 ≤ k ≤ N, of the vectors (N, D) that the structure is of.

        norms: their squared lengths (N,).
        """
        found = np.empty((len(queries), k), dtype=np.int64)
        squares = np.empty((len(queries), k))
        for n, rows in enumerate(self.shortlist(queries, k)):
            found[n], squares[n] = closest(vectors, norms, rows, queries[n], k)
        return found, squares

    def _nearest(self, queries: Vectors, k: int) -> tuple[Rows, Squares]:
        if not self.most_effort:
            return nearest(self.vectors, self.squares, queries, k)
        return self.nearest(self.vectors, self.squares, queries, k)

    def _effort_for(self, count: int) -> int:
        """Return the effort for so many answers: the one that was given, or a multiple of what was calibrated."""
        return min(self.most_effort, -(-self.effort * max(count if self.measured else 0, USUAL) // USUAL))

    # Files -----------------------------------------------------------------------------------------------------------

    def save(
        self, path: Path, *, about: Mapping[str, Any] | None = None, arrays: Mapping[str, files.Array] | None = None
    ) -> None:
        """Write the structure, without the vectors, to a file with checksums. Raises OSError.

        about, arrays: further facts and arrays that the file keeps.
        """
        own, late = self._arrays()
        facts = {
            "index": type(self).__module__.rpartition(".")[2],
            "options": self.options,
            "shape": list(self.vectors.shape),
            "vectors": fingerprint(self.vectors),
            "measured": dict(self.measured),
            **(about or {}),
        }
        files.write(path, {**(arrays or {}), **own}, facts, late=late)

    @classmethod
    def load(cls, path: Path, vectors: Vectors, squares: Vectors | None = None) -> Self:
        """Return an index from its file, mapped into memory, and the vectors (N, D) that it was fitted to.

        squares: their squared lengths (N,), computed where they are not given. Raises DamagedIndexError for a file that
        is damaged or of other vectors, and OSError.
        """
        index = cls.without_vectors(file := IndexFile.open(path))
        if index.vectors.shape != vectors.shape or file.about["vectors"] != fingerprint(vectors):
            raise DamagedIndexError(f"{path} is of other vectors")
        index.vectors, index.is_fitted = vectors, True
        index.squares = squared_lengths(vectors) if squares is None else squares
        return index

    @classmethod
    def without_vectors(cls, file: IndexFile) -> Self:
        """Return an index from a file that was opened, which gives shortlists but does not search.

        Raises DamagedIndexError for a file of another index.
        """
        try:
            if file.about["index"] != cls.__module__.rpartition(".")[2]:
                raise DamagedIndexError(f"{file.path} is of another index")
            options = dict(file.about["options"])
            effort = options.pop("effort")
            index = cls(**options)
            rows, width = file.about["shape"]
            index.vectors = np.broadcast_to(np.float32(0), (rows, width))
            index.effort, index.measured = effort, dict(file.about["measured"])
            index._restore(file)
        except (KeyError, TypeError, ValueError, RuntimeError) as error:
            raise DamagedIndexError(f"{file.path} is no index file of this version") from error
        return index


def closest(vectors: Vectors, norms: Vectors, rows: Rows, query: Vectors, k: int) -> tuple[Rows, Squares]:
    """Return the k nearest rows of a shortlist and their squared distances; of all rows where it has fewer than k."""
    if len(rows) < k:
        found, squares = nearest(vectors, norms, query[None], k)
        return found[0], squares[0]
    if len(rows) <= FEW:
        return best(vectors, rows, query, k)
    found, squares = nearest_among(vectors, norms, query[None], k, np.sort(rows))
    return found[0], squares[0]


FINGERPRINTED = 64
"""Rows, evenly spread, whose bytes are compared to tell galleries apart."""


def fingerprint(vectors: Vectors) -> str:
    """Return a digest of some of the vectors (N, D), their first and last row among them."""
    places = np.unique(np.linspace(0, max(0, len(vectors) - 1), FINGERPRINTED).astype(np.int64))
    some: Vectors = vectors[places[: len(vectors)]]
    return hashlib.blake2b(np.ascontiguousarray(some, dtype="<f4").tobytes(), digest_size=16).hexdigest()
