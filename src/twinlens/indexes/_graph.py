"""The links in a graph of faiss: where they lie in its file, and rows that none leads to for a while."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from twinlens.indexes import Rows
from twinlens.indexes import _faiss as parts

Links = NDArray[np.int32]
AT_ONCE = 1 << 22
"""Links that are looked at together."""
BEGIN, PREAMBLE = 64, 4096
"""Links that are looked for in a file, and the numbers in it before those of rows."""


@contextmanager
def hidden(structure: Any, rows: Rows) -> Iterator[Rows]:
    """Take the links to rows out of a graph in memory, and yield the rows that no search meets meanwhile.

    Those of the upper layers, one in as many as a row has links, stay: searches begin there. The graph must be
    writable, and nobody else may search it meanwhile.
    """
    graph, pointer, links = structure.hnsw, parts.faiss().rev_swig_ptr, _links(structure)
    begins = pointer(graph.offsets.data(), graph.offsets.size())
    levels = pointer(graph.levels.data(), graph.levels.size())
    rows = rows[levels[rows] == 1]
    mask = np.zeros(structure.ntotal, dtype=np.bool_)
    mask[rows] = True
    owners = np.unique(np.searchsorted(begins, _places(links, mask), side="right") - 1)
    places = begins[owners].astype(np.int64)[:, None] + np.arange(graph.nb_neighbors(0))
    before = links[places]
    links[places] = _without(before, mask)
    try:
        yield rows
    finally:
        links[places] = before


def close(structure: Any) -> None:
    """Add links that lead nowhere after the last row's, as many as all upper layers have.

    A wrong link can lead a search of an upper layer to a row that is not in it; faiss then reads the links that follow
    this row's own. After those of the last row it must find no other bytes.
    """
    graph = structure.hnsw
    used, above = graph.neighbors.size(), graph.cum_nb_neighbors(graph.max_level + 1) - graph.nb_neighbors(0)
    graph.neighbors.resize(used + above)
    _links(structure)[used:] = -1


def links_within(structure: Any, written: NDArray[np.uint8]) -> tuple[int, int]:
    """Return the first byte of the links in a graph's file and the one after their last; faiss writes their number
    before them, and before that 12 bytes for each row."""
    links = _links(structure)
    begin = np.array(len(links), dtype="<u8").tobytes() + links[:BEGIN].tobytes()
    at = written[: 12 * structure.ntotal + 8 * PREAMBLE].tobytes().find(begin)
    return (0, 0) if at < 0 else (at + 8, at + 8 + links.nbytes)


def _links(structure: Any) -> Links:
    neighbors = structure.hnsw.neighbors
    links: Links = parts.faiss().rev_swig_ptr(neighbors.data(), neighbors.size())
    return links


def _places(links: Links, mask: NDArray[np.bool_]) -> Rows:
    """Return the places of links that lead to rows of a mask; a link of −1 leads nowhere."""
    found = []
    for start in range(0, len(links), AT_ONCE):
        part = links[start : start + AT_ONCE]
        found.append(np.flatnonzero(mask[part] & (part >= 0)) + start)
    return np.concatenate(found)


def _without(lists: Links, mask: NDArray[np.bool_]) -> Links:
    """Return lists of links (L, M) without those to rows of a mask; −1 ends a list."""
    lost = mask[lists] & (lists >= 0)
    order = np.argsort(lost, axis=1, kind="stable")
    kept: Links = np.take_along_axis(np.where(lost, np.int32(-1), lists), order, axis=1)
    return kept
