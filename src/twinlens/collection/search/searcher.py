"""Exact search over what is committed, with everything that two searches can share kept between them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, TypeAlias

import numpy as np

from twinlens.calibration import Calibration, Channel
from twinlens.collection.search.sampling import calibration
from twinlens.collection.search.scoring import Scored, Scorer
from twinlens.collection.store import Gallery, Matrix, Rows, Store, Vectors, gallery, writing
from twinlens.core.types import TwinlensError
from twinlens.indexes.exact import Exact

TAIL_ROWS = 4096
"""Vectors that a search reads from the store itself before it tries to extend the matrix file."""


DEDUPE_FACTOR = 4
"""With `distinct`, how many times k are looked at first, so that the last answers stand for theirs too."""
Answer: TypeAlias = "tuple[int, float, tuple[int, ...]]"
"""A row, its cosine with the query, and the rows that it stands for."""


class Ranked(NamedTuple):
    """Answers, best first, and of how many entries."""

    answers: list[Answer]
    among: int


class Searcher:
    """Keeps the gallery up to date with the store and ranks it."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._held: Gallery | None = None
        self._indexes: list[Exact] = []
        self._calibration: tuple[Gallery, Calibration] | None = None

    @property
    def holds(self) -> bool:
        """Whether it has read the vectors once."""
        return self._held is not None

    def gallery(self) -> Gallery:
        """The vectors as they are committed now."""
        held = self._held or Matrix(self._store.folder).read()
        now = gallery(self._store, held)
        if len(now) - now.filed > TAIL_ROWS:
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
        asked: Scorer,
        k: int,
        *,
        wanted: Rows | None = None,
        dropped: Sequence[int] = (),
        distinct: float | None = None,
    ) -> Ranked:
        """The k best rows, best first.

        Only `wanted` rows are ranked, the lower row first where cosines are equal; the dropped are left out, and with
        `distinct` all whose pictures have at least this cosine to a better one, which then stands for them.
        """
        indexes = self._indexes
        if wanted is not None:
            indexes = [_fitted(rows, vectors) for rows, vectors in asked.gallery.only(wanted).parts]
        total = sum(len(index.ids) for index in indexes)
        count = (k if distinct is None else DEDUPE_FACTOR * k) + len(dropped)
        while True:
            best = [(row, score) for row, score in asked.nearest(indexes, count) if row not in dropped]
            kept = _grouped(asked, best, distinct)
            if len(kept) >= k or count >= total:
                return Ranked(kept[:k], total)
            count *= 4


def _grouped(asked: Scorer, ranked: Scored, cosine: float | None) -> list[Answer]:
    """Each row with the later ones whose pictures are as near to its own; without a cosine each by itself."""
    if cosine is None:
        return [(row, score, ()) for row, score in ranked]
    vectors = asked.gallery.vectors([row for row, _ in ranked])
    vectors = vectors[:, asked.pictures] if len(vectors) else vectors
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True).clip(1e-12)
    groups: dict[int, list[int]] = {}
    for n, vector in enumerate(vectors):
        near = [first for first in groups if float(vectors[first] @ vector) >= cosine]
        if near:
            groups[near[0]].append(ranked[n][0])
        else:
            groups[n] = []
    return [(*ranked[first], tuple(others)) for first, others in groups.items()]


def _fitted(rows: Rows, vectors: Vectors) -> Exact:
    index = Exact()
    index.fit(vectors, [str(row) for row in rows.tolist()])
    return index
