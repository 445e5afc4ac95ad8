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
        gallery = collection._searcher.gallery()
        pairs = [(row, vector) for rows, vectors in gallery.parts for row, vector in zip(rows, vectors, strict=True)]
        return {collection.entry(str(row)).path: vector.tobytes() for row, vector in pairs}


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
