"""Writing to a collection: a locked connection, and the matrix file kept up to date."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from twinlens.collection.model import Model
from twinlens.collection.store import Generation, Matrix, Store, Vectors, gallery, keep_model, remove_models, writing

PAGE = 1024
"""Vectors that are held in memory at a time while all of them are exchanged."""


@contextmanager
def writer(folder: Path) -> Iterator[Store]:
    """Open a separate connection for writing, so that searches in other threads never see uncommitted changes."""
    with writing(folder):
        store = Store.open(folder)
        try:
            # Models of earlier generations are removed only now: a reader may have been about to load one.
            remove_models(folder, exclude=[generation.digest for generation in store.generations()])
            refresh_matrix(store)
            yield store
        finally:
            store.rollback()
            store.close()


def refresh_matrix(store: Store) -> None:
    """Bring the matrix file up to date; only who holds the lock may. Without room for it only speed is lost."""
    matrix = Matrix(store.folder)
    held = matrix.read()
    now = gallery(store, held)
    if now is not held:
        with suppress(OSError):
            matrix.write(now)


def replace_model(store: Store, serving: Generation, model: Model, convert: Callable[[Vectors], Vectors]) -> Generation:
    """Let another model serve, whose vectors (M, D') `convert` computes from the present ones (M, D).

    One transaction: until it is committed, and if it is interrupted, the old model serves and nothing has changed.
    """
    digest = model.digest
    if digest == serving.digest:
        return serving
    keep_model(store.folder, digest, model.save)
    with store.change():
        new, rows = store.add_generation(digest, model.recipe.name, model.dim), store.rows(serving.number)
        for start in range(0, len(rows), PAGE):
            part = rows[start : start + PAGE]
            for row, vector in zip(part.tolist(), convert(store.vectors(serving, part)), strict=True):
                store.put_vector(row, new, vector)
        store.switch(new)
    store.commit()
    return new
