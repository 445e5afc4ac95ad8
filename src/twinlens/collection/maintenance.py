"""Maintenance of a collection: counts, and verification of its own files and of the pictures."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from twinlens.collection.model import Load
from twinlens.collection.store import Generation, Matrix, Store, check_kinds, lock_fault, model_fault
from twinlens.collection.store.check import damaged_vectors, entry_faults, matrix_fault, structure_faults
from twinlens.core.counting import counted
from twinlens.core.plugins import ConsentError
from twinlens.core.types import TwinlensError

if TYPE_CHECKING:
    from twinlens.collection.ingest.presence import Obstacle


@dataclass(frozen=True)
class Info:
    """Contents of a collection. pictures, failed, lacking: how many are found, cannot be read, lack a vector.

    failures: reason, how many, one of them. building: the model whose vectors are being made beside the serving one's.
    size: bytes of its folder. index: the setting of its index, the state, and the measured recall.
    """

    folder: Path
    pictures: int
    failed: int
    lacking: int
    model: Generation
    building: Generation | None
    failures: tuple[tuple[str, int, Path], ...]
    size: int
    index: Mapping[str, Any] = field(default_factory=dict)


@dataclass
class FileCheck:
    """The pictures themselves beside what the collection knows of them, of which `checked` were read.

    changed: have their size and time, but other content: damage, or a program that sets times back. gone: are not
    there. unreadable: path → reason. newer: have another size or time, which the next index takes.
    """

    checked: int = 0
    newer: int = 0
    changed: list[Path] = field(default_factory=list)
    gone: list[Path] = field(default_factory=list)
    unreadable: dict[Path, str] = field(default_factory=dict)

    def missing(self, path: Path, obstacle: Obstacle | None) -> None:
        """Note a picture that cannot be found: it is gone, unless something may hide it."""
        if obstacle is None:
            self.gone.append(path)
        else:
            self.unreadable[path] = f"{obstacle.place} {obstacle.reason}"

    @property
    def lines(self) -> list[str]:
        """Return a line with the cure for every picture that is not as it was."""
        restore = "restore it from a copy; or touch it, and index it again as it is"
        return [
            *(f"{path} has other content than when it was indexed, at the same size and time: {restore}"
              for path in self.changed),
            *(f"{path} is gone: index its folder again, or let it go with: twinlens forget" for path in self.gone),
            *(f"{path} cannot be read: {reason}" for path, reason in self.unreadable.items()),
        ]  # fmt: skip


def info(store: Store, serving: Generation) -> Info:
    """Return counts, models and failures of a collection."""
    from twinlens.collection import index_setting  # whoever searches needs none of it

    with store.snapshot():
        pictures, lacking, failed = store.counts(serving.number)
        building = next((generation for generation in store.generations() if generation != serving), None)
        failures = tuple(store.failures())
        index = index_setting.describe(store.folder, store.state(), pictures)
    return Info(store.folder, pictures, failed, lacking, serving, building, failures, _size(store.folder), index)


def verify(store: Store, serving: Generation, load: Load) -> list[str]:
    """Return a line for every fault of the files; reads all vectors and the whole matrix file, and loads the model."""
    from twinlens.collection import index_setting

    found = structure_faults(store)
    if found:  # what a broken file says of its rows means nothing
        return found
    found += [f"the entry of row {row} {fault}" for row, fault, _ in entry_faults(store)]
    damaged = [f"the vector of row {row} is damaged" for row, _ in damaged_vectors(store)]
    found += damaged
    lacking = store.counts(serving.number)[1]
    if lacking:
        lack = counted(lacking, "picture lacks its vector", "pictures lack their vector")
        found.append(f"{lack}; it is made where the file is still as it was indexed")
    try:
        check_kinds(store.folder)
        fault = Matrix(store.folder).fault() if damaged or lacking else matrix_fault(store)
        if fault:
            found.append(f"the matrix file {fault}")
    except TwinlensError as error:
        found.append(str(error))
    found += filter(None, [lock_fault(store.folder), index_setting.fault(store.folder)])
    return [*found, *_model_faults(store, serving, load)]


def _model_faults(store: Store, serving: Generation, load: Load) -> list[str]:
    folder = store.model_folder(serving.digest)
    cure = "put a copy of the model back with: twinlens repair --model DIR"
    if fault := model_fault(folder):
        return [f"{fault}; {cure}"]
    try:
        digest = load(folder).digest
    except ConsentError:  # is no fault of the files
        raise
    except TwinlensError as error:
        return [str(error)]
    if digest == serving.digest:
        return []
    return [f"the model in the collection is not the one that made its vectors; {cure}"]


def _size(folder: Path) -> int:
    """Return the bytes of all files in a folder; those that go while it counts, and targets of links, are left out."""
    total = 0
    for where, _, names in os.walk(folder):
        for name in names:
            try:
                total += Path(where, name).lstat().st_size
            except OSError:
                continue
    return total
