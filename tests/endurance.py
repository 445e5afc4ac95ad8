"""What must hold of a collection after whatever has happened to its writer."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from twinlens.collection import Collection, Model

Load = Callable[[Path], Model]


def draw(folder: Path, count: int, start: int) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for n in range(start, start + count):
        values = np.random.default_rng(n).integers(0, 255, (4, 4, 3), dtype=np.uint8)
        Image.fromarray(values).save(folder / f"{n:05}.png")


def found(folder: Path, load: Load) -> dict[Path, bytes]:
    """Every picture that can be found, with its vector."""
    with Collection.open(folder, load=load) as collection:
        entries, vectors = collection.entries_with_vectors()
        engine = collection._session.engine
        engine.sync(collection._session.store)
        rows = np.array([entry.row for entry in entries])
        assert np.array_equal(engine.vectors(rows), vectors) and engine.count() == len(rows)
        return {entry.path: vector.tobytes() for entry, vector in zip(entries, vectors, strict=True)}


def check(folder: Path, load: Load, before: set[Path]) -> set[Path]:
    """The collection opens, is whole, answers, and has everything it had."""
    if not Collection.exists(folder):
        assert not before
        return set()
    with Collection.open(folder, load=load) as collection:
        assert collection.verify() == []
        assert len(collection.search(text="red", k=10_000)) == len(collection)
    now = set(found(folder, load))
    assert before <= now
    return now
