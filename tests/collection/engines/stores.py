"""Collections of random unit vectors without pictures, for what needs many rows."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tests.mean_color import MeanColor
from twinlens.collection import Collection
from twinlens.collection.store import Entry, Store


def fill(store: Store, count: int, *, seed: int = 0) -> None:
    """Add entries with random unit vectors; every seventh has the vector of the one before."""
    generation, rng = store.serving(), np.random.default_rng(seed)
    vectors = rng.standard_normal((count, generation.dim)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    vectors[1::7] = vectors[::7][: len(vectors[1::7])]
    with store.change():
        for n, vector in enumerate(vectors):
            name = f"{seed}-{n}"
            row = store.add(Entry(Path(f"/none/{name}.png"), name.encode(), n, n, metadata={"year": 2000 + n % 20}))
            store.put_vector(row, generation, vector)
    store.commit()


def make(folder: Path, count: int) -> Collection:
    """Make a collection of so many entries."""
    collection = Collection.create(folder, MeanColor(), load=MeanColor.load)
    fill(collection._store, count)
    return collection


def remove(store: Store, every: int) -> None:
    """Remove one entry in so many."""
    with store.change():
        for row in store.rows(store.serving().number)[::every].tolist():
            store.remove_path(store.get(row).path)
    store.commit()
