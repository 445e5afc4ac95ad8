"""Exact search over what is committed, with everything that two searches can share kept between them."""

from __future__ import annotations

from collections.abc import Sequence

from twinlens.calibration import Calibration, Channel
from twinlens.collection.sampling import calibration
from twinlens.indexes.exact import Exact
from twinlens.store import Gallery, Matrix, Rows, Store, Vectors, gallery, writing
from twinlens.types import TwinlensError

FOLD = 4096
"""Vectors that a search reads from the store itself before it tries to extend the matrix file."""


class Searcher:
    """Keeps the gallery up to date with the store and ranks it."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._held: Gallery | None = None
        self._indexes: list[Exact] = []
        self._calibration: tuple[Gallery, Calibration] | None = None

    def gallery(self) -> Gallery:
        """The vectors as they are committed now."""
        held = self._held or Matrix(self._store.folder).read()
        now = gallery(self._store, held)
        if len(now) - now.filed > FOLD:
            now = self._filed(now)
        if self._held is not now:
            fitted = {id(part[0]): index for part, index in zip(self._parts(), self._indexes, strict=True)}
            self._indexes = [fitted.get(id(rows)) or _fitted(rows, vectors) for rows, vectors in now.parts]
            self._held = now
        return now

    def calibration(self, now: Gallery, channels: Sequence[Channel]) -> Calibration:
        """What scores in a gallery are measured by, drawn once for each state of it."""
        if self._calibration is None or self._calibration[0] is not now:
            self._calibration = now, calibration(now, channels)
        return self._calibration[1]

    def _parts(self) -> Sequence[tuple[Rows, Vectors]]:
        return self._held.parts if self._held is not None else ()

    def _filed(self, now: Gallery) -> Gallery:
        """The gallery from an up-to-date matrix file; as it is while another process writes, or where none can be."""
        try:
            with writing(self._store.folder):
                Matrix(self._store.folder).write(now)
        except (TwinlensError, OSError):  # only speed is lost
            return now
        return gallery(self._store, Matrix(self._store.folder).read())

    def ranked(
        self,
        now: Gallery,
        vector: Vectors,
        k: int,
        *,
        wanted: Rows | None = None,
        dropped: Sequence[int] = (),
        distinct: float | None = None,
    ) -> list[tuple[int, float]]:
        """The k best rows for a unit vector (1, D) with their cosines, best first.

        Only `wanted` rows are ranked, the lower row first where cosines are equal; the dropped are left out, and with
        `distinct` all that have at least this cosine to a better one.
        """
        indexes = self._indexes
        if wanted is not None:
            indexes = [_fitted(rows, vectors) for rows, vectors in now.only(wanted).parts]
        total, count = sum(len(index.ids) for index in indexes), k + len(dropped)
        while True:
            best = [(row, score) for row, score in _nearest(indexes, vector, count) if row not in dropped]
            kept = best if distinct is None else self._without_duplicates(now, best, distinct)
            if len(kept) >= k or count >= total:
                return kept[:k]
            count *= 4

    def _without_duplicates(
        self, now: Gallery, ranked: list[tuple[int, float]], cosine: float
    ) -> list[tuple[int, float]]:
        vectors, kept = now.vectors([row for row, _ in ranked]), list[int]()
        for n, vector in enumerate(vectors):
            if not kept or float((vectors[kept] @ vector).max()) < cosine:
                kept.append(n)
        return [ranked[n] for n in kept]


def _fitted(rows: Rows, vectors: Vectors) -> Exact:
    index = Exact()
    index.fit(vectors, [str(row) for row in rows.tolist()])
    return index


def _nearest(indexes: Sequence[Exact], vector: Vectors, count: int) -> list[tuple[int, float]]:
    found = []
    for index in indexes:
        (ids,), (scores,) = index.search(vector, count)
        found += [(int(entry), float(score)) for entry, score in zip(ids, scores, strict=True)]
    return sorted(found, key=lambda pair: (-pair[1], pair[0]))[:count]
