"""Cells: k-means over a sample of the vectors, and the cell of every row."""

from __future__ import annotations

import warnings

import numpy as np
from numpy.typing import NDArray

from twinlens.core.extras import needed
from twinlens.indexes import Vectors

Labels = NDArray[np.int64]
"""The cell (N,) of each row, numbered from 0 without gaps."""
CAREFUL = 64
"""Cells up to which k-means starts four times from seeds that are drawn far apart."""
PER_CELL = 48
"""Rows of the sample for each cell."""
SAMPLE = 50_000
"""Rows of the sample at least."""
PER_PROTOTYPE = 16
"""Rows for each prototype of a cell."""
ROUNDS = 10
"""Rounds for many cells, after which they hardly move."""
PRODUCTS = 1 << 24
"""Numbers of one product of rows with centres: 64 MiB."""


def cells_for(rows: int) -> int:
    """Return a number of cells for N rows: the power of two next above 2√N."""
    return 1 << int(np.ceil(np.log2(2 * max(1, rows) ** 0.5)))


def cluster(vectors: Vectors, count: int, seed: int) -> tuple[Labels, Vectors]:
    """Return the cells of vectors (N, D) and their centres (C, D), C ≤ count: no more than distinct vectors."""
    with needed():
        from sklearn.cluster import KMeans
        from sklearn.exceptions import ConvergenceWarning
    count = min(count, len(vectors))
    size = max(SAMPLE, PER_CELL * count)
    sample = np.asarray(vectors)
    if len(vectors) > size:
        sample = vectors[np.sort(np.random.default_rng(seed).choice(len(vectors), size, replace=False))]
    if count <= CAREFUL:
        means = KMeans(count, n_init=4, random_state=seed)
    else:
        means = KMeans(count, n_init=1, init="random", max_iter=ROUNDS, random_state=seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # it only says that vectors repeat
        labels = means.fit_predict(sample)
    centres = means.cluster_centers_.astype(np.float32)
    if len(sample) < len(vectors):
        labels = assigned(vectors, centres)
    used, numbers = np.unique(labels, return_inverse=True)
    return numbers.astype(np.int64), centres[used]


def assigned(vectors: Vectors, centres: Vectors) -> Labels:
    """Return the nearest centre (N,) of each row, in blocks of matrix products."""
    weights, bias = nearness(centres)
    labels = np.empty(len(vectors), dtype=np.int64)
    step = max(1, PRODUCTS // len(centres))
    for start in range(0, len(vectors), step):
        part = slice(start, start + step)
        labels[part] = (vectors[part] @ weights + bias).argmax(axis=1)
    return labels


def prototypes(vectors: Vectors, labels: Labels, centres: Vectors, count: int, seed: int) -> Vectors:
    """Return prototypes (C, `count`, D) of each cell: the centres of k-means among some of its rows.

    A cell with fewer rows has them, and its centre.
    """
    rng = np.random.default_rng(seed)
    found = np.repeat(centres[:, None], count, axis=1)
    if count == 1:
        return found
    order = np.argsort(labels, kind="stable")
    for cell, rows in enumerate(np.split(order, np.cumsum(np.bincount(labels))[:-1])):
        members = vectors[np.sort(rng.permutation(rows)[: PER_PROTOTYPE * count])]
        if len(members) <= count:
            found[cell, : len(members)] = members
            continue
        means = members[rng.choice(len(members), count, replace=False)]
        for _ in range(ROUNDS):
            nearest = assigned(members, means)
            sums = np.zeros_like(means)
            np.add.at(sums, nearest, members)
            sizes = np.bincount(nearest, minlength=count)[:, None]
            means = np.where(sizes > 0, sums / np.maximum(sizes, 1), means)
        found[cell] = means
    return found


def nearness(centres: Vectors) -> tuple[Vectors, Vectors]:
    """Return weights (D, C) and bias (C,) whose values x·w + b order centres by their distance, the nearest highest."""
    return 2 * centres.T, -np.einsum("cd,cd->c", centres, centres)
