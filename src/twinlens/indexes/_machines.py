"""Support vector machines that rank cells for a query: trained here, and evaluated with NumPy alone."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from twinlens.core.extras import needed
from twinlens.indexes import Vectors
from twinlens.indexes._cells import Labels, nearness

BATCH = 256
STEPS, STEPS_WITH_PAIRS = 40, 400
"""Batches: entries alone hardly change what their prototypes know."""
RATE = 0.05
"""The first step of Adam, which falls to 0."""
NEIGHBOUR = 8
"""Cells between whose values for a query, the first and this one's, the margin is set at first."""
MARGINS = 3.0
"""Margins between these at the start."""
DECAY = 1e-3
"""Weight of the squared distance from the start, divided by the penalty."""
HELD_OUT = 5
"""One query in so many is not trained on, and decides whether training is used."""
CHECKED = (1, 2, 4, 8)
"""Probes at which held-out queries count the targets that are found."""


class Machine(ABC):
    """Ranks C cells for queries."""

    @abstractmethod
    def decide(self, queries: Vectors) -> NDArray[np.float64]:
        """Return decision values (Q, C): the highest is of the cell that is predicted."""

    @abstractmethod
    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return the arrays that the constructor takes, by name."""


@dataclass(frozen=True)
class LinearMachine(Machine):
    """Weights (D, C·m) and bias (C·m,) of m prototypes for each cell: one matrix product ranks all cells.

    The value of a cell is the highest of its prototypes' (Aiolli & Sperduti, JMLR 2005). cells (1,): C.
    """

    weights: Vectors
    bias: Vectors
    cells: NDArray[np.int64]

    @classmethod
    def of(cls, prototypes: Vectors) -> LinearMachine:
        """Rank cells by the distance of their nearest prototype (C, m, D)."""
        weights, bias = nearness(prototypes.reshape(-1, prototypes.shape[2]))
        return cls(np.ascontiguousarray(weights), bias, np.array([len(prototypes)], dtype=np.int64))

    def decide(self, queries: Vectors) -> NDArray[np.float64]:
        """Return the highest q·w + b of every cell."""
        values = queries @ self.weights + self.bias
        return np.asarray(values.reshape(len(queries), int(self.cells[0]), -1).max(axis=2), dtype=np.float64)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return weights, bias and the number of cells."""
        return dict(vars(self))


@dataclass(frozen=True)
class RbfMachine(Machine):
    """Support vectors (S, D) of kernel exp(−γ‖x − y‖²): one machine for each pair of cells, which vote.

    coefficients (C − 1, S), intercepts (C (C − 1) / 2,), sizes (C,) of the cells' support vectors, gamma (1,): as
    LIBSVM orders them (Chang & Lin, 2011). Votes are joined to one value for each cell as scikit-learn does.
    """

    supports: Vectors
    coefficients: NDArray[np.float64]
    intercepts: NDArray[np.float64]
    sizes: NDArray[np.int64]
    gamma: NDArray[np.float64]

    def decide(self, queries: Vectors) -> NDArray[np.float64]:
        """Return the votes of the pairs for every cell, and below one vote their confidence."""
        kernel = self._kernel(queries)
        cells = len(self.sizes)
        ends = np.cumsum([0, *self.sizes.tolist()])
        parts = [kernel[:, ends[n] : ends[n + 1]] for n in range(cells)]
        weights = [self.coefficients[:, ends[n] : ends[n + 1]] for n in range(cells)]
        votes, sums = np.zeros((2, len(queries), cells))
        pair = 0
        for i in range(cells):
            for j in range(i + 1, cells):
                value = parts[i] @ weights[i][j - 1] + parts[j] @ weights[j][i] + self.intercepts[pair]
                sums[:, i] += value
                sums[:, j] -= value
                votes[:, i] += value >= 0
                votes[:, j] += value < 0
                pair += 1
        return np.asarray(votes + sums / (3 * (np.abs(sums) + 1)))

    def _kernel(self, queries: Vectors) -> NDArray[np.float64]:
        x, y = queries.astype(np.float64), self.supports.astype(np.float64)
        squares = np.square(x).sum(axis=1)[:, None] + np.square(y).sum(axis=1) - 2 * x @ y.T
        kernel: NDArray[np.float64] = np.exp(-float(self.gamma[0]) * np.maximum(squares, 0))
        return kernel

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return all arrays."""
        return dict(vars(self))


def rbf(vectors: Vectors, labels: Labels, penalty: float) -> RbfMachine:
    """Train a machine with the radial kernel on vectors (n, D) and their cells, of which there are two at least."""
    with needed():
        from sklearn.svm import SVC
    svc = SVC(C=penalty, kernel="rbf").fit(vectors, labels)
    coefficients, intercepts = svc.dual_coef_, svc.intercept_
    if len(svc.n_support_) == 2:  # scikit-learn turns the sign of two cells around
        coefficients, intercepts = -coefficients, -intercepts
    return RbfMachine(
        svc.support_vectors_.astype(np.float32),
        np.ascontiguousarray(coefficients, dtype=np.float64),
        np.asarray(intercepts, dtype=np.float64),
        svc.n_support_.astype(np.int64),
        np.array([svc._gamma], dtype=np.float64),
    )


def linear(
    queries: Vectors, labels: Labels, prototypes: Vectors, *, penalty: float, steps: int, seed: int
) -> LinearMachine:
    """Train a linear machine on queries (n, D) and the cells where their targets lie.

    The loss is the squared hinge of every other cell beside the right one (Weston & Watkins, 1999), from weights that
    order cells by their nearest prototype (C, m, D): where training finds no more of the held-out targets, these stay.
    """
    start = LinearMachine.of(prototypes)
    order = np.random.default_rng(seed).permutation(len(queries))
    held_out, rest = order[::HELD_OUT], np.delete(order, np.s_[::HELD_OUT])
    if len(rest) < BATCH or len(prototypes) < 2:
        return start
    trained = _descended(start, queries[rest], labels[rest], DECAY / penalty, steps, seed)
    before, after = (_found(machine, queries[held_out], labels[held_out]) for machine in (start, trained))
    return trained if after > before else start


def _found(machine: LinearMachine, queries: Vectors, labels: Labels) -> float:
    """Return the share of targets in the first cells, the mean over `CHECKED`."""
    values = machine.decide(queries)
    places = (values > values[np.arange(len(queries)), labels][:, None]).sum(axis=1)
    return float(np.mean([places < probes for probes in CHECKED]))


def _descended(
    start: LinearMachine, queries: Vectors, labels: Labels, decay: float, steps: int, seed: int
) -> LinearMachine:
    """Minimise the loss by Adam (Kingma & Ba, 2015), with a step that falls to 0."""
    rng, cells = np.random.default_rng(seed), int(start.cells[0])
    length = max(float(np.sqrt(np.square(queries).sum(axis=1).mean())), 1e-12)
    inputs = np.hstack([queries / length, np.ones((len(queries), 1))]).astype(np.float32)
    first = np.vstack([start.weights * length, start.bias[None]]).astype(np.float32)
    first *= _scale(start.decide(queries[: 8 * BATCH]))
    weights, mean, square = first.copy(), np.zeros_like(first), np.zeros_like(first)
    for done in range(1, steps + 1):
        rows = rng.integers(0, len(queries), BATCH)
        slope = inputs[rows].T @ _slopes(inputs[rows] @ weights, cells, labels[rows]) / BATCH
        slope += decay * (weights - first)
        mean += 0.1 * (slope - mean)
        square += 0.001 * (slope**2 - square)
        rate = RATE * (1 - (done - 1) / steps)
        weights -= rate * (mean / (1 - 0.9**done)) / (np.sqrt(square / (1 - 0.999**done)) + 1e-8)
    return LinearMachine(np.ascontiguousarray(weights[:-1] / length), weights[-1].copy(), start.cells)


def _scale(values: NDArray[np.float64]) -> float:
    """Return the factor that puts `MARGINS` between the values of the first cell and of a further one."""
    ordered = -np.sort(-values, axis=1)
    apart = float(np.median(ordered[:, 0] - ordered[:, min(NEIGHBOUR, values.shape[1] - 1)]))
    return MARGINS / max(apart, 1e-12)


def _slopes(every: Vectors, cells: int, labels: Labels) -> Vectors:
    """Return the derivatives (n, C·m) of the loss by the values of prototypes, of which a cell's highest counts.

    They are divided by the root of the number of cells in the way.
    """
    each, every = np.arange(len(labels)), every.reshape(len(labels), cells, -1)
    highest = every.argmax(axis=2)[..., None]
    values = np.take_along_axis(every, highest, axis=2)[..., 0]
    hinges = np.maximum(0, 1 + values - values[each, labels][:, None])
    hinges[each, labels] = 0
    hinges /= np.sqrt(np.maximum(1, np.count_nonzero(hinges, axis=1)))[:, None]
    hinges[each, labels] = -hinges.sum(axis=1)
    slopes = np.zeros_like(every)
    np.put_along_axis(slopes, highest, hinges[..., None], axis=2)
    return slopes.reshape(len(labels), -1)
