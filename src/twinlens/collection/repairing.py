"""Repair of a collection, also of one that cannot be opened any more."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from twinlens.collection.model import Load, Model
from twinlens.collection.store import (
    DATABASE,
    DamageError,
    Entry,
    Generation,
    Matrix,
    Store,
    gallery,
    keep_model,
    lacks_checksums,
    mend_lock,
    model_folders,
    remove_drafts,
    remove_models,
    writing,
)
from twinlens.collection.store.check import damaged_vectors, entry_faults, matrix_fault, structure_faults
from twinlens.collection.store.salvage import RE_READ, finish_salvage, salvage
from twinlens.collection.writer import adopt
from twinlens.core import checksums
from twinlens.core.counting import counted
from twinlens.core.types import Sample, TwinlensError
from twinlens.media import sources
from twinlens.models.runtime import tuned

if TYPE_CHECKING:
    from twinlens.collection.ingest import Options, Report

SAME_COSINE = 0.99
"""From which on a picture's vector is that which a model makes of it, on another machine too."""
TRIED = 20
"""Pictures that are looked for to find out whether a model made the vectors."""


def _nothing() -> Report:
    from twinlens.collection.ingest import Report

    return Report()


@dataclass(frozen=True)
class Repair:
    """The steps of a repair, a line each, and the run that embedded lost vectors again."""

    done: tuple[str, ...] = ()
    embedded: Report = field(default_factory=_nothing)


def repair(folder: Path, load: Load, model: Model | None, options: Options) -> Repair:
    """Repair a collection in place; see `Collection.mend`."""
    if not os.path.lexists(folder / DATABASE):
        raise TwinlensError(f"there is no collection in {folder}; make one with: twinlens index DIR")
    lock = mend_lock(folder)
    done = [f"emptied the lock: {lock}"] if lock else []
    with writing(folder):
        remove_drafts(folder)
        done += _rescued(folder)
        with closing(Store.open(folder)) as store:
            store.upgrade()
            if store.serving() is None and (known := model or _only_model(store, load)):
                adopt(store, known)
            serving = store.serving()
            if serving is None:
                return Repair((*done, "it has no model: index its pictures again"))
            done += _mended_rows(store)
            done += _mended_model(store, serving, load, model)
            done += _mended_matrix(store)
            steps, embedded = _embedded(store, load, options)
    return Repair((*done, *steps), embedded)


def _rescued(folder: Path) -> list[str]:
    """Save the readable part of a damaged database; describe what was done."""
    kept = finish_salvage(folder)
    done = [f"finished a repair that was stopped; the damaged database is kept as {kept}"] if kept else []
    try:
        with closing(Store.open(folder)) as store:
            is_whole = not structure_faults(store)
    except DamageError:
        is_whole = False
    return done if is_whole else [*done, *salvage(folder).lines()]


def _mended_rows(store: Store) -> Iterator[str]:
    """Drop damaged vectors; empty damaged metadata; turn entries that are damaged otherwise into failures."""
    for row, fault, is_metadata in list(entry_faults(store)):
        with store.change():
            if is_metadata:
                store.reset_metadata(row)
            else:
                store.fail(row, RE_READ)
        yield f"row {row} {fault}: index its folder again"
    for row, generation in list(damaged_vectors(store)):
        with store.change():
            store.drop_vector(row, generation)
        yield f"dropped the damaged vector of row {row}"
    store.commit()


def _mended_matrix(store: Store) -> Iterator[str]:
    fault = matrix_fault(store)
    _write_matrix(store)
    matrix = Matrix(store.folder)
    if fault and matrix.fault() is None:
        yield f"{'removed' if matrix.read() is None else 'rebuilt'} the matrix file, which {fault}"


def _write_matrix(store: Store) -> None:
    matrix = Matrix(store.folder)
    matrix.clear()
    with suppress(OSError):  # without room for it only speed is lost
        matrix.write(gallery(store, None))


def _embedded(store: Store, load: Load, options: Options) -> tuple[list[str], Report]:
    """Embed the pictures that lack their vector, from files that are still as the collection knows them."""
    from twinlens.collection.ingest import Report, reembed

    serving = store.serving()
    lacking = store.counts(serving.number)[1] if serving else 0
    if serving is None or not lacking:
        return [], Report()
    try:
        embedded = reembed(store, serving, lambda: tuned(load(store.found_model(serving.digest)), lacking), options)
    except TwinlensError as error:
        return [f"could not embed {counted(lacking, 'picture')} again: {error}"], Report()
    _write_matrix(store)
    return [f"embedded {counted(embedded.added, 'picture')} again"] if embedded.added else [], embedded


# The model -----------------------------------------------------------------------------------------------------------


def _mended_model(store: Store, serving: Generation, load: Load, model: Model | None) -> Iterator[str]:
    """Put the model back, or find out which of those in the folder made the vectors where that is lost."""
    folder = store.model_folder(serving.digest)
    if model is not None:
        _restore(store, serving, model)
        yield f"put the model {model.digest} back"
    elif lacks_checksums(folder) and _is_itself(folder, load):
        checksums.write(folder)
        yield f"wrote the checksums of the model {serving.digest} again"
    elif not os.path.lexists(folder):
        for other in model_folders(store.folder):
            found = _loaded(other, load)
            if found is not None and _made_vectors(store, serving, found):
                _rename(store, serving, found)
                yield f"found the model that made the vectors: {found.digest}"
                return


def _restore(store: Store, serving: Generation, model: Model) -> None:
    """Write the model folder again. Raises TwinlensError for a model that did not make the collection's vectors."""
    if model.digest != serving.digest:
        if store.model_folder(serving.digest).exists() or not _made_vectors(store, serving, model):
            raise TwinlensError(
                "that model did not make this collection's vectors; twinlens index --model changes to it"
            )
        _rename(store, serving, model)
    remove_models(store.folder, exclude=())
    keep_model(store.folder, model.digest, model.save)


def _only_model(store: Store, load: Load) -> Model | None:
    """Load the one model that a collection has in its folder; None where there are none or several."""
    folders = model_folders(store.folder)
    return _loaded(folders[0], load) if len(folders) == 1 else None


def _rename(store: Store, serving: Generation, model: Model) -> None:
    with store.change():
        store.rename_generation(serving.number, model.digest, model.recipe.name)
    store.commit()


def _loaded(folder: Path, load: Load) -> Model | None:
    """Load a model if its folder is whole and has the name of its content."""
    try:
        model = load(folder)
        is_whole = model.digest == folder.name
    except TwinlensError:
        return None
    return model if is_whole else None


def _is_itself(folder: Path, load: Load) -> bool:
    """Return True if a model loads, and has the name of its content, once its damaged checksums are out of the way."""
    path = folder / checksums.CHECKSUMS
    damaged = None if checksums.is_missing(folder) else path.read_bytes()
    path.unlink(missing_ok=True)
    if _loaded(folder, load) is not None:
        return True
    if damaged is not None:
        path.write_bytes(damaged)
    return False


def _made_vectors(store: Store, serving: Generation, model: Model) -> bool:
    """Return True if a model makes the vector that is stored for a picture; False where no picture is left to tell."""
    if model.dim != serving.dim:
        return False
    for _, entry in zip(range(TRIED), store.good(), strict=False):
        _, vectors = store.vectors_there(serving, np.array([entry.row], dtype=np.int64))
        if not len(vectors) or not _is_current(entry):
            continue
        try:
            (made,) = model.embed([Sample(str(entry.row), entry.path, entry.caption)])
        except TwinlensError:  # it cannot be read now
            continue
        lengths = float(np.linalg.norm(made) * np.linalg.norm(vectors[0]))
        return float(made @ vectors[0]) >= SAME_COSINE * max(lengths, 1e-12)
    return False


def _is_current(entry: Entry) -> bool:
    try:
        return sources.status(entry.path) == (entry.size, entry.mtime_ns)
    except OSError:
        return False
