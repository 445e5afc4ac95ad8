"""Leak-free groups: entries that share anything that could give an answer away stand on one side of a split."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components


def connect(keys: Mapping[str, Iterable[Hashable]]) -> dict[str, str]:
    """Group entries that share a key, directly or through others: the connected components of entries and keys.

    `keys` maps an entry's id to its keys (a scene, a sentence …; tag them, such as ("scene", …), when kinds could
    clash). The result maps every id to its group, named after the group's first id; an entry without keys is alone.
    """
    columns: dict[Hashable, int] = {}
    links = [(row, columns.setdefault(key, len(columns))) for row, of in enumerate(keys.values()) for key in of]
    nodes = len(keys) + len(columns)
    rows, cols = np.array(links, dtype=np.int64).reshape(-1, 2).T
    graph = coo_array((np.ones(len(links), dtype=bool), (rows, cols + len(keys))), shape=(nodes, nodes))
    _, components = connected_components(graph, directed=False)
    names: dict[int, str] = {}
    return {entry: names.setdefault(int(component), entry) for entry, component in zip(keys, components, strict=False)}
