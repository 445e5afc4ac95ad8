"""The folders of the models that made a collection's vectors, each named by its content digest."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path

MODELS = "model"


def keep_model(collection: Path, digest: str, save: Callable[[Path], None]) -> None:
    """Let `save` write a model into the collection, unless it is there; it appears at once and complete, or not."""
    target = collection / MODELS / digest
    if target.is_dir():
        return
    draft = target.with_name(f"new-{secrets.token_hex(4)}")
    try:
        save(draft)
        for path in draft.rglob("*"):
            if path.is_file():
                _onto_disk(path)
        draft.rename(target)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)  # the room it takes may be what is lacking
        raise


def remove_models(collection: Path, *, exclude: Iterable[str]) -> None:
    """Remove the folders of all models except some, and drafts that a killed writer left."""
    kept = set(exclude)
    for path in (collection / MODELS).glob("*"):
        if path.name not in kept:
            shutil.rmtree(path)


def _onto_disk(path: Path) -> None:
    with path.open("rb+") as file:
        os.fsync(file.fileno())
