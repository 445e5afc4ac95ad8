"""Pictures below folders, with the captions and metadata that lie beside them."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from twinlens.core.types import TwinlensError
from twinlens.media import images, sources
from twinlens.media.captions import Caption, Captions


@dataclass(frozen=True)
class Scan:
    """Pictures by folder or shard, or on their own, sorted, none twice; `len` counts them.

    passed: end of a name → how many pictures have it that were passed over, since their format is not read.
    """

    folders: tuple[tuple[Captions, tuple[Path, ...]], ...]
    roots: tuple[Path, ...]
    passed: Mapping[str, int] = field(default_factory=dict)

    def __len__(self) -> int:
        return sum(len(files) for _, files in self.folders)

    def pictures(self) -> Iterator[tuple[Path, Caption | None]]:
        """Yield every picture with its caption and metadata from outside its file."""
        for captions, files in self.folders:
            for path in files:
                yield path, captions.of(path)

    @property
    def problems(self) -> list[str]:
        """Return a line for every caption that could not be read so far."""
        return [line for captions, _ in self.folders for line in captions.problems]


def scan(paths: Sequence[Path], tables: Sequence[Path] = ()) -> Scan:
    """Find the pictures in folders (all below them) and tar shards, and among single files.

    Raises TwinlensError: no such folder or file, a folder without pictures, a table of captions that cannot be read.
    """
    given = sorted(
        {Path(os.path.realpath(path.expanduser())) for path in paths}
    )  # resolve() raises for links in a loop
    roots = [path for path in given if not path.is_file() or sources.is_shard(path)]
    outer = [path for path in roots if not any(path.is_relative_to(other) for other in roots if other != path)]
    single = [path for path in given if path not in roots and not any(path.is_relative_to(root) for root in outer)]
    if not outer and not single:
        raise TwinlensError("name at least one folder with pictures")
    passed = Counter[str]()
    folders = [(Captions(root, tables, roots=outer), tuple(images.find(root, passed=passed))) for root in outer]
    files = [(Captions(path.parent, tables), (path,)) for path in single]
    return Scan((*folders, *files), tuple(outer), passed)
