"""Maintenance of a collection: counts, verification and repair."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from twinlens.collection.model import Load, Model
from twinlens.collection.store import (
    DAMAGED,
    Generation,
    Matrix,
    Store,
    damaged_vectors,
    faults,
    gallery,
    keep_model,
    remove_models,
    salvage,
)
from twinlens.core.types import TwinlensError
from twinlens.models.runtime import tuned

if TYPE_CHECKING:
    from twinlens.collection.ingest import Options, Report


def _nothing() -> Report:
    from twinlens.collection.ingest import Report

    return Report()


@dataclass(frozen=True)
class Info:
    """Contents of a collection. pictures, failed, lacking: how many are found, cannot be read, lack a vector.

    failures: reason, how many, one of them. building: the model whose vectors are being made beside the serving one's.
    size: bytes of its folder.
    """

    folder: Path
    pictures: int
    failed: int
    lacking: int
    model: Generation
    building: Generation | None
    failures: tuple[tuple[str, int, Path], ...]
    size: int


@dataclass(frozen=True)
class Repair:
    """The steps of a repair, a line each, and the run that embedded lost vectors again."""

    done: tuple[str, ...] = ()
    embedded: Report = field(default_factory=_nothing)


def adopt(store: Store, composer: Model) -> Generation:
    """Copy a model into the collection, and return its generation."""
    digest = composer.digest
    keep_model(store.folder, digest, composer.save)
    with store.change():
        generation = store.add_generation(digest, composer.recipe.name, composer.dim)
    store.commit()
    return generation


def info(store: Store, serving: Generation) -> Info:
    """Return counts, models and failures of a collection."""
    with store.snapshot():
        pictures, lacking, failed = store.counts(serving.number)
        building = next((generation for generation in store.generations() if generation != serving), None)
        failures = tuple(store.failures())
    size = sum(path.stat().st_size for path in store.folder.rglob("*") if path.is_file())
    return Info(store.folder, pictures, failed, lacking, serving, building, failures, size)


def verify(store: Store, serving: Generation, load: Load) -> list[str]:
    """Return a line for every fault; reads all vectors and the whole matrix file, and loads the model."""
    found = faults(store)
    if found:  # what a broken file says of its vectors means nothing
        return found
    found += [f"the vector of row {row} is damaged" for row, _ in damaged_vectors(store)]
    lacking = store.counts(serving.number)[1]
    if lacking:
        found.append(f"{lacking} pictures lack their vector (their files were gone when it was to be made)")
    if fault := Matrix(store.folder).fault():
        found.append(f"the matrix file {fault}")
    return [*found, *_model_faults(store, serving, load)]


def repair(store: Store, serving: Generation, composer: Model, options: Options) -> Repair:
    """Drop damaged vectors, embed the missing ones again from the files, and rebuild the matrix file."""
    done = []
    for row, generation in list(damaged_vectors(store)):
        with store.change():
            store.drop_vector(row, generation)
        done.append(f"dropped the damaged vector of row {row}")
    store.commit()
    from twinlens.collection.ingest import reembed

    matrix = Matrix(store.folder)
    if fault := matrix.fault():
        done.append(f"rebuilt the matrix file, which {fault}")
    matrix.clear()
    lacking = store.counts(serving.number)[1]
    embedded = reembed(store, serving, lambda: tuned(composer, lacking), options)
    if embedded.added:
        done.append(f"embedded {embedded.added} pictures again")
    matrix.write(gallery(store, None))
    return Repair(tuple(done), embedded)


def rescue(folder: Path) -> tuple[str, ...]:
    """Save what can be read of a damaged database, if it is damaged; says what was done. Needs the write lock."""
    store = Store.open(folder)
    found = faults(store)
    store.close()
    if not found:
        return ()
    count = salvage(folder)
    return (f"saved {count} entries from the damaged database, which is kept as {DAMAGED}",)


def restore_model(store: Store, serving: Generation, composer: Model) -> None:
    """Write the model folder again. Raises TwinlensError for a model that did not make the collection's vectors."""
    if composer.digest != serving.digest:
        raise TwinlensError("that model did not make this collection's vectors; twinlens index --model changes to it")
    remove_models(store.folder, exclude=())
    keep_model(store.folder, serving.digest, composer.save)


def _model_faults(store: Store, serving: Generation, load: Load) -> list[str]:
    try:
        digest = load(store.model_folder(serving.digest)).digest
    except TwinlensError as error:
        return [str(error)]
    return [] if digest == serving.digest else ["the model in the collection is not the one that made its vectors"]
