"""Writing to a collection: its creation, a locked connection, and the matrix file kept up to date."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from twinlens.collection.model import Model
from twinlens.collection.store import (
    DATABASE,
    MODELS,
    Generation,
    Matrix,
    Store,
    Vectors,
    check_new,
    follow,
    gallery,
    is_moved,
    keep_model,
    mark,
    release_new,
    remove_database,
    remove_drafts,
    remove_models,
    tidy,
    writing,
)
from twinlens.core import paths
from twinlens.core.types import TwinlensError
from twinlens.media import kept, sources

PAGE = 1024
"""Vectors that are held in memory at a time while all of them are exchanged."""


def create(folder: Path, model: Model) -> tuple[Store, Generation]:
    """Make a collection in a new or empty folder for the vectors of a model; on an error nothing stays.

    What a kill leaves is completed. Raises TwinlensError where there is a collection already, or something else.
    """
    is_new = not os.path.lexists(folder)
    check_new(folder)
    if os.path.lexists(folder / DATABASE):
        Store.open(folder).close()  # nothing is written beside the database of another program
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise TwinlensError(f"cannot make the folder {folder}: {error.strerror}") from error
    try:
        with writing(folder):
            return _created(folder, model)
    except BaseException:
        if is_new:
            with suppress(OSError):  # there may be a collection by now
                folder.rmdir()
        raise


def _created(folder: Path, model: Model) -> tuple[Store, Generation]:
    remove_drafts(folder)
    was_there, store = os.path.lexists(folder / DATABASE), None
    try:
        # A database without a model is what a kill between the two leaves behind.
        store = Store.open(folder) if was_there else Store.create(folder)
        store.upgrade()
        return store, _first(store, model)
    except BaseException:
        if store is not None:
            store.close()
        if not was_there:
            _remove_new(folder)
        raise


def _first(store: Store, model: Model) -> Generation:
    if store.serving() is not None:
        raise TwinlensError(f"there is a collection in {store.folder} already; open it, or choose another folder")
    return adopt(store, model)


def _remove_new(folder: Path) -> None:
    """Remove the files of a failed creation; only who holds the lock may."""
    remove_models(folder, exclude=())
    with suppress(OSError):
        (folder / MODELS).rmdir()
    remove_database(folder / DATABASE)
    release_new(folder)


def adopt(store: Store, model: Model) -> Generation:
    """Copy a model into the collection, and return its generation."""
    digest = model.digest
    keep_model(store.folder, digest, model.save, source=getattr(model, "folder", None))
    with store.change():
        generation = store.add_generation(digest, model.recipe.name, model.dim)
    store.commit()
    return generation


@contextmanager
def writer(folder: Path) -> Iterator[Store]:
    """Open a separate connection for writing, so that searches in other threads never see uncommitted changes."""
    from twinlens.collection.store.salvage import finish_salvage  # a search imports this file, and writes nothing

    with writing(folder):
        finish_salvage(folder)
        remove_drafts(folder)
        store = Store.open(folder)
        try:
            store.upgrade()
            if is_moved(store):
                follow(store)  # before pictures are removed that have no entry
            tidy(store)
            # Models of earlier generations are removed only now: a reader may have been about to load one.
            remove_models(folder, exclude=[generation.digest for generation in store.generations()])
            refresh_matrix(store)
            yield store
        finally:
            store.rollback()
            with suppress(TwinlensError):  # the next writer does it
                tidy(store)
            store.close()


def follow_moved(store: Store) -> None:
    """Give items their pictures' paths in this folder where the collection was moved, if it can be written.

    The next writer does it where another one writes now.
    """
    if is_moved(store):
        with suppress(TwinlensError), writer(store.folder):
            pass


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
    keep_model(store.folder, digest, model.save, source=getattr(model, "folder", None))
    with store.change():
        new, rows = store.add_generation(digest, model.recipe.name, model.dim), store.rows(serving.number)
        for start in range(0, len(rows), PAGE):
            part = rows[start : start + PAGE]
            for row, vector in zip(part.tolist(), convert(store.vectors(serving, part)), strict=True):
                store.put_vector(row, new, vector)
        store.switch(new)
    store.commit()
    return new


def forget(store: Store, what: Sequence[Path | str]) -> int:
    """Remove the entries of pictures, of all below folders, and of ids; return how many.

    Pictures are not touched, but for those that are kept for items. Raises TwinlensError, and removes nothing, for what
    the collection does not have.
    """
    for given in what:
        if not isinstance(given, str | os.PathLike):
            raise TwinlensError(f"forget wants paths, and ids as text, not {type(given).__name__}")
    return remove(store, {path for given in what for path in _entries_of(store, given)})


def remove(store: Store, paths: Collection[Path]) -> int:
    """Remove the entries of pictures in one transaction; return how many."""
    if any(kept.id_of(path) is not None for path in paths):
        mark(store)
    with store.change():
        for path in paths:
            store.remove_path(path)
    store.commit()
    return len(paths)


def _entries_of(store: Store, given: Path | str) -> set[Path]:
    """Return the paths of the entries that a path or an id names; a path may lead over links."""
    try:
        path = sources.located(Path(given).expanduser())
        places = {paths.absolute(path), paths.real(path)} if str(given) else set()
    except (OSError, RuntimeError, ValueError):
        places = set()
    found = {place for place in places if store.at(place)}
    found |= {Path(os.fsdecode(name)) for place in places for name in store.paths(place)}
    if not found and (entry := store.find(str(given))):
        return {entry.path}
    if not found:
        raise TwinlensError(
            f"the collection {store.folder} has no picture at {given}; twinlens search shows paths and ids"
        )
    return found
