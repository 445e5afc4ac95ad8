"""A model that loads while what else a search needs is imported; for a process that asks one thing and ends."""

from __future__ import annotations

from contextlib import closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from twinlens.collection.store import Store
from twinlens.core.types import TwinlensError

if TYPE_CHECKING:
    from twinlens.collection.model import Load


def preloaded(folder: Path, load: Load, *, image: bool, text: bool) -> Load:
    """Begin to load the networks of a collection's model for queries with these sides; return a `load` that knows it.

    What is wrong with the collection or its model is left to whoever opens it, and tells.
    """
    with suppress(TwinlensError, OSError), closing(Store.open(folder)) as store:
        if (serving := store.serving()) is not None:
            found = store.found_model(serving.digest)
            model: Any = load(found)
            if hasattr(model, "preload"):  # exports have it: importing torch in a thread gains nothing
                model.preload(image=image, text=text)
            return lambda path: model if path == found else load(path)
    return load
