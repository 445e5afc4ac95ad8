"""Collections of vectors without pictures, and engines over them."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import numpy as np

from twinlens.collection.engines.approximate import ApproximateEngine
from twinlens.collection.engines.local import LocalEngine
from twinlens.collection.store import Entry, Matrix, Store, gallery, writing

KINDS = ("ivf", "hnsw", "cluster_svm")


def fill(folder: Path, vectors: np.ndarray, first: int = 0) -> None:
    with writing(folder), closing(Store.open(folder)) as store:
        serving = store.serving()
        with store.change():
            for n, vector in enumerate(vectors, first):
                row = store.add(Entry(Path(f"/pictures/{n}.jpg"), n.to_bytes(20, "big"), 1000, 1, ""))
                store.put_vector(row, serving, vector)
        store.commit()
        Matrix(folder).write(gallery(store, Matrix(folder).read()))


def synced(store, engine=None, **options):
    engine = engine or ApproximateEngine(**options)
    engine.sync(store)
    return engine


def built(store, kind="ivf", **options):
    engine = synced(store, index=kind, **options)
    assert engine.build() is not None
    return synced(store, engine)


def truth(store, queries, k, rows=None):
    return synced(store, LocalEngine()).search(queries, k, rows=rows)
