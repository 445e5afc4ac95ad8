"""Names of collections: those of their folders."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path


def named(folders: Sequence[Path]) -> Iterator[tuple[str, Path]]:
    """Yield folders by their own names, made unique by -2, -3 and so on."""
    taken = set[str]()
    for folder in folders:
        base = folder.resolve().name or "collection"
        name, count = base, 1
        while name in taken:
            count += 1
            name = f"{base}-{count}"
        taken.add(name)
        yield name, folder
