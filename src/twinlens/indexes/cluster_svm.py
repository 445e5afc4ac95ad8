"""The paper's second retrieval: k-means, and an SVM that predicts in which cluster to search."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from sklearn.cluster import KMeans
from sklearn.exceptions import ConvergenceWarning
from sklearn.svm import SVC

from twinlens.core.types import TwinlensError
from twinlens.indexes import Rows, Vectors
from twinlens.indexes._rows import RowIndex
from twinlens.indexes._scan import Squares, nearest

_KERNELS = ("linear", "rbf", "poly", "sigmoid")


class ClusterSvm(RowIndex):
    """Sarker & Milanova, section III.C: k-means (15 clusters), a support vector machine that predicts the cluster of a
    vector, then the nearest neighbours inside.

    The `probes` clusters with the highest decision values are searched, and further ones until k answers are found;
    with all of them probed the answers are those of `exact`. `penalty` is the machine's C. It is trained on at most
    `training_rows` vectors, drawn by `seed`, since its training time grows with their square.
    """

    def __init__(
        self,
        *,
        clusters: int = 15,
        probes: int = 1,
        kernel: Literal["linear", "rbf", "poly", "sigmoid"] = "rbf",
        penalty: float = 1.0,
        training_rows: int = 20_000,
        seed: int = 0,
    ) -> None:
        super().__init__()
        if min(clusters, probes, training_rows) < 1 or penalty <= 0:
            raise TwinlensError("clusters, probes and training_rows must be at least 1, and penalty above 0")
        if kernel not in _KERNELS:
            raise TwinlensError(f"kernel must be one of {', '.join(_KERNELS)}, not {kernel!r}")
        self.clusters, self.probes, self.kernel, self.penalty = clusters, probes, kernel, penalty
        self.training_rows, self.seed = training_rows, seed
        self.labels: NDArray[np.intp] = np.empty(0, dtype=np.intp)
        self.machine: Any = None

    def decide(self, queries: Vectors) -> NDArray[np.float64]:
        """Return the machine's decision values (Q, clusters): the highest is the cluster that it predicts."""
        if self.machine is None:
            return np.zeros((len(queries), int(self.labels.max(initial=0)) + 1))
        values: NDArray[np.float64] = self.machine.decision_function(queries)
        return np.stack([-values, values], axis=1) if values.ndim == 1 else values

    def _learn(self, vectors: Vectors) -> None:
        self.labels = self._cluster(vectors)
        rows = self._training_rows(len(vectors))
        self.machine = None
        if self.labels.max() > 0:
            self.machine = SVC(C=self.penalty, kernel=self.kernel, decision_function_shape="ovr")
            self.machine.fit(vectors[rows], self.labels[rows])

    def _cluster(self, vectors: Vectors) -> NDArray[np.intp]:
        """Return the cluster of each row, numbered from 0 without gaps; no more than there are distinct vectors."""
        means = KMeans(min(self.clusters, len(vectors)), n_init=4, random_state=self.seed)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # it only says that vectors repeat
            labels = means.fit_predict(vectors)
        numbers: NDArray[np.intp] = np.unique(labels, return_inverse=True)[1]
        return numbers

    def _training_rows(self, count: int) -> Rows:
        """Draw the first row of every cluster, so that the machine knows them all, and others at random."""
        first = np.unique(self.labels, return_index=True)[1]
        others = np.random.default_rng(self.seed).permutation(np.delete(np.arange(count), first))
        return np.concatenate([first, others])[: max(self.training_rows, len(first))]

    def _nearest(self, queries: Vectors, k: int) -> tuple[Rows, Squares]:
        found = np.empty((len(queries), k), dtype=np.int64)
        squares = np.empty((len(queries), k))
        for members, group in self._groups(queries, k):
            near, squares[group] = nearest(self.vectors[members], self.squares[members], queries[group], k)
            found[group] = members[near]
        return found, squares

    def _groups(self, queries: Vectors, k: int) -> Iterator[tuple[Rows, Rows]]:
        """Yield gallery rows, ascending, with the queries to search them for; every query belongs to one group."""
        order = np.argsort(-self.decide(queries), axis=1, kind="stable")
        sizes = np.cumsum(np.bincount(self.labels)[order], axis=1)
        needed = np.maximum(self.probes, (sizes < k).sum(axis=1) + 1)
        probed = np.zeros(order.shape, dtype=np.bool_)
        np.put_along_axis(probed, order, np.arange(order.shape[1]) < needed[:, None], axis=1)
        sets, belongs = np.unique(probed, axis=0, return_inverse=True)
        for n, clusters in enumerate(sets):
            yield np.flatnonzero(clusters[self.labels]), np.flatnonzero(belongs.ravel() == n)
