"""Exact nearest neighbours by space partitioning."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from sklearn.neighbors import BallTree, KDTree

from twinlens.core.arguments import as_choice, as_count
from twinlens.indexes import Rows, Vectors
from twinlens.indexes._rows import RowIndex
from twinlens.indexes._scan import Squares, best

_TREES = {"ball": BallTree, "kd": KDTree}


class Tree(RowIndex):
    """Ball tree or k-d tree (scikit-learn), with the answers of `exact` to the last tie.

    Space partitioning is the second exact search of Sarker & Milanova. It wins over a scan where vectors have few
    dimensions; in hundreds of them it visits nearly every leaf.
    """

    def __init__(self, *, partition: Literal["ball", "kd"] = "ball", leaf: int = 40) -> None:
        super().__init__()
        self.partition, self.leaf = as_choice("partition", partition, _TREES), as_count("leaf", leaf)

    def _learn(self, vectors: Vectors) -> None:
        self.tree: Any = _TREES[self.partition](vectors, leaf_size=self.leaf)
        self.longest = float(np.linalg.norm(vectors, axis=1).max())

    def _nearest(self, queries: Vectors, k: int) -> tuple[Rows, Squares]:
        distances = self.tree.query(queries, k=k)[0][:, -1]
        # The tree breaks ties as it likes: all that is as near as the k-th is taken and ordered here. The slack covers
        # the rounding of the tree's own float64 distances and bounds.
        slack = 1e-9 * (self.longest + np.linalg.norm(queries, axis=1))
        within = self.tree.query_radius(queries, distances + slack)
        found = [best(self.vectors, rows, query, k) for rows, query in zip(within, queries, strict=True)]
        return np.stack([rows for rows, _ in found]), np.stack([squares for _, squares in found])
