"""The folders of the models that made a collection's vectors, each named by its content digest."""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Callable, Iterable
from pathlib import Path

from twinlens.collection.store.layout import (
    DATABASE,
    MODELS,
    is_folder,
    is_model_draft,
    listed,
    remove_tree,
    share_mode,
)
from twinlens.collection.store.rows import is_digest
from twinlens.core import checksums
from twinlens.core.types import TwinlensError

_OWN = re.compile(r"recipe\.toml|model\.safetensors|provenance\.json|checksums\.json|encoder-\d+|LICENSE.*|NOTICE.*")
"""Names within a model's folder: a contract that models are saved by."""


def keep_model(collection: Path, digest: str, save: Callable[[Path], None]) -> None:
    """Let `save` write a model into the collection, unless it is there; it appears at once and complete, or not.

    Raises TwinlensError where the disk has no room, and where something foreign has its name.
    """
    target = collection / MODELS / digest
    if is_folder(target):
        return
    if os.path.lexists(target):
        raise TwinlensError(f"{target} is no folder of a model; move it away")
    draft = target.with_name(f"new-{secrets.token_hex(4)}")
    try:
        draft.parent.mkdir(exist_ok=True)
        save(draft)
        checksums.write(draft)
        for path in checksums.files(draft):
            share_mode(path, collection / DATABASE)  # the writer of safetensors lets nobody else read
            _onto_disk(path)
        draft.rename(target)
    except BaseException as error:
        remove_tree(draft)  # the room it takes may be what is lacking
        if isinstance(error, OSError):
            raise TwinlensError(f"cannot write the model into {collection}: {error.strerror or error}") from error
        raise


def remove_models(collection: Path, *, exclude: Iterable[str]) -> None:
    """Remove the folders of all models except some, and drafts that a killed writer left; nothing that is not ours."""
    kept = set(exclude)
    for path in listed(collection / MODELS):
        if is_model_draft(path):
            remove_tree(path)
        elif path.name not in kept and is_digest(path.name) and is_folder(path):
            remove_tree(path, lambda name: _OWN.fullmatch(name) is not None)


def model_folders(collection: Path) -> list[Path]:
    """Return the folders of all models in the collection."""
    return [path for path in listed(collection / MODELS) if is_digest(path.name) and is_folder(path)]


def model_fault(folder: Path) -> str | None:
    """Describe damage of a model's folder, all of which is read; None if there is none."""
    if not is_folder(folder):
        return f"the model folder {folder} is missing"
    return checksums.fault(folder, whole=True)


def _onto_disk(path: Path) -> None:
    with path.open("rb+") as file:
        os.fsync(file.fileno())
