"""The paper's second retrieval: k-means, and an SVM that predicts in which cluster to search."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from twinlens.core.arguments import as_choice, as_count, as_number
from twinlens.core.types import TwinlensError
from twinlens.indexes import Rows, Vectors, _machines
from twinlens.indexes._cells import Labels, cells_for, cluster, prototypes
from twinlens.indexes._file import Array, IndexFile, Late
from twinlens.indexes._machines import LinearMachine, Machine, RbfMachine
from twinlens.indexes._rows import as_matrix, check_finite
from twinlens.indexes._scan import Squares, nearest_among, squared_lengths
from twinlens.indexes._shortlist import ShortlistIndex

MOST_RBF = 256
"""Clusters up to which a machine with the radial kernel is trained, which has one for every pair."""
_MACHINES: dict[str, type[LinearMachine] | type[RbfMachine]] = {"linear": LinearMachine, "rbf": RbfMachine}


class ClusterSvm(ShortlistIndex):
    """Sarker & Milanova, section III.C: k-means (15 clusters), a support vector machine that predicts the cluster of a
    vector, then the nearest neighbours inside.

    The clusters with the highest decision values are searched, `probes` of them, and further ones until k answers are
    found; with all of them probed the answers are those of `exact`. clusters, probes: "auto" takes the power of two
    next above 2√N, and one in 32 of these. kernel: "linear" ranks thousands of clusters by one matrix product, with so
    many `prototypes` for each. penalty: the machine's C. It is trained on at most `training_rows` vectors, drawn by
    `seed`. Fitting needs scikit-learn, a search NumPy alone.
    """

    def __init__(
        self,
        *,
        clusters: int | Literal["auto"] = 15,
        probes: int | Literal["auto"] = 1,
        kernel: Literal["linear", "rbf"] = "rbf",
        prototypes: int = 4,
        penalty: float = 1.0,
        training_rows: int = 20_000,
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.kernel, self.penalty = as_choice("kernel", kernel, _MACHINES), as_number("penalty", penalty)
        if self.penalty <= 0:
            raise TwinlensError(f"penalty must be above 0, not {penalty}")
        self.clusters: int | Literal["auto"] = "auto" if clusters == "auto" else as_count("clusters", clusters)
        if kernel == "rbf" and (self.clusters == "auto" or self.clusters > MOST_RBF):
            raise TwinlensError(f'the kernel "rbf" is for up to {MOST_RBF} clusters; give kernel="linear"')
        self.probes: int | Literal["auto"] = "auto" if probes == "auto" else as_count("probes", probes)
        self.prototypes = as_count("prototypes", prototypes)
        self.training_rows, self.seed = as_count("training_rows", training_rows), as_count("seed", seed, least=0)
        self.effort = 1 if self.probes == "auto" else self.probes
        self.labels: Labels = np.empty(0, dtype=np.int64)
        self.machine: Machine | None = None
        self._pairs: tuple[Vectors, Rows] | None = None

    @property
    def options(self) -> dict[str, Any]:
        """Return the arguments of the constructor, and the effort."""
        names = ("clusters", "probes", "kernel", "prototypes", "penalty", "training_rows", "seed", "effort")
        return {name: getattr(self, name) for name in names}

    @property
    def most_effort(self) -> int:
        """Return the number of clusters."""
        return len(self._sizes) if len(self.labels) else 0

    def fit(self, vectors: Vectors, *, queries: Vectors | None = None, targets: Rows | None = None) -> None:
        """Take the gallery, vectors (N, D), and train the machine; see `Index.fit`.

        queries (P, D), targets (P,): composed queries, and for each the row that it should find. The linear machine
        learns from them in which cluster the target lies, which may be another than that of the query.
        """
        self._pairs = None
        if queries is not None:
            self._pairs = self._checked_pairs(queries, targets, np.shape(vectors))
        elif targets is not None:
            raise TwinlensError("targets are those of queries, which are missing")
        super().fit(vectors)

    def decide(self, queries: Vectors) -> NDArray[np.float64]:
        """Return the machine's decision values (Q, clusters): the highest is the cluster that it predicts."""
        return np.zeros((len(queries), self.most_effort)) if self.machine is None else self.machine.decide(queries)

    def shortlist(self, queries: Vectors, count: int) -> list[Rows]:
        """Return all rows of the clusters that are probed, ascending."""
        lists: list[Rows] = [np.empty(0, dtype=np.int64)] * len(queries)
        for members, group in self._groups(queries, count):
            for n in group.tolist():
                lists[n] = members
        return lists

    def _checked_pairs(self, queries: Vectors, targets: Rows | None, shape: tuple[int, ...]) -> tuple[Vectors, Rows]:
        given, pairs = np.asarray([] if targets is None else targets), as_matrix(queries)
        if given.size and given.dtype.kind not in "iu":
            raise TwinlensError(f"targets are rows, whole numbers, not of the type {given.dtype}")
        rows = given.astype(np.int64)
        if self.kernel != "linear":
            raise TwinlensError('pairs of queries and targets are for kernel="linear"')
        if len(rows) != len(pairs) or len(shape) != 2 or pairs.shape[1] != shape[1]:
            raise TwinlensError(f"queries {pairs.shape} want a target each, and the width of vectors {tuple(shape)}")
        if len(rows) and not 0 <= rows.min() <= rows.max() < shape[0]:
            raise TwinlensError(f"targets are rows of the vectors, 0 to {shape[0] - 1}")
        check_finite(squared_lengths(pairs))  # one NaN would spoil all weights
        return pairs, rows

    def _learn(self, vectors: Vectors) -> None:
        count = cells_for(len(vectors)) if self.clusters == "auto" else self.clusters
        labels, centres = cluster(vectors, count, self.seed)
        self._set_labels(labels)
        if self.probes == "auto":
            self.effort = max(1, len(centres) // 32)
        self.machine = self._trained(vectors, labels, centres) if len(centres) > 1 else None

    def _trained(self, vectors: Vectors, labels: Labels, centres: Vectors) -> Machine:
        rows = self._training_rows(len(vectors))
        inputs, cells, steps = vectors[rows], labels[rows], _machines.STEPS
        if self.kernel == "rbf":
            return _machines.rbf(inputs, cells, self.penalty)
        if self._pairs is not None:  # as many entries beside them, so that these are found too
            inputs = np.concatenate([self._pairs[0], inputs[: len(self._pairs[0])]])
            cells = np.concatenate([labels[self._pairs[1]], cells[: len(self._pairs[0])]])
            steps = _machines.STEPS_WITH_PAIRS
        starts = prototypes(vectors, labels, centres, self.prototypes, self.seed)
        return _machines.linear(inputs, cells, starts, penalty=self.penalty, steps=steps, seed=self.seed)

    def _set_labels(self, labels: Labels) -> None:
        self.labels = labels
        self._sizes = np.bincount(labels)
        self._order = np.argsort(labels, kind="stable")
        self._ends = np.concatenate([[0], np.cumsum(self._sizes)])

    def _training_rows(self, count: int) -> Rows:
        """Draw the first row of every cluster, so that the machine knows them all, and others at random."""
        first = np.unique(self.labels, return_index=True)[1]
        others = np.random.default_rng(self.seed).permutation(np.delete(np.arange(count), first))
        return np.concatenate([first, others])[: max(self.training_rows, len(first))]

    def _nearest(self, queries: Vectors, k: int) -> tuple[Rows, Squares]:
        found = np.empty((len(queries), k), dtype=np.int64)
        squares = np.empty((len(queries), k))
        for members, group in self._groups(queries, k):
            found[group], squares[group] = nearest_among(self.vectors, self.squares, queries[group], k, members)
        return found, squares

    def _groups(self, queries: Vectors, k: int) -> Iterator[tuple[Rows, Rows]]:
        """Yield gallery rows, ascending, with the queries to search them for; every query belongs to one group."""
        order = np.argsort(-self.decide(queries), axis=1, kind="stable")
        sizes = np.cumsum(self._sizes[order], axis=1)
        needed = np.maximum(self._effort_for(k), (sizes < k).sum(axis=1) + 1)
        probed = np.zeros(order.shape, dtype=np.bool_)
        np.put_along_axis(probed, order, np.arange(order.shape[1]) < needed[:, None], axis=1)
        groups = dict[bytes, list[int]]()
        for n, cells in enumerate(probed):
            groups.setdefault(cells.tobytes(), []).append(n)
        for group in groups.values():
            parts = [self._order[self._ends[c] : self._ends[c + 1]] for c in np.flatnonzero(probed[group[0]]).tolist()]
            yield np.sort(np.concatenate(parts)), np.array(group, dtype=np.int64)

    def _arrays(self) -> tuple[dict[str, Array], Late]:
        machine = {} if self.machine is None else self.machine.arrays()
        return {"labels": self.labels, **machine}, None

    def _restore(self, file: IndexFile) -> None:
        machine = _MACHINES[self.kernel]
        labels = file.arrays["labels"]
        if len(labels) != len(self.vectors) or (len(labels) and labels.min() < 0):
            raise ValueError("of other vectors")
        if len(labels):
            self._set_labels(labels)
        names = [field.name for field in fields(machine)]
        self.machine = machine(*(file.arrays[name] for name in names)) if names[0] in file.arrays else None
