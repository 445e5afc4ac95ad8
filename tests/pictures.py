"""Pictures and questions that tests of collections share."""

from __future__ import annotations

import io
import json
import os
import tarfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from PIL import Image

from twinlens.collection import Collection
from twinlens.collection.ingest import Options

ALONE = Options(workers=0, batch_size=4)
"""Everything in this process."""


def draw(path: Path, seed: int) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.random.default_rng(seed).integers(0, 255, (6, 8, 3), dtype=np.uint8)).save(path)
    return path


def png(seed: int) -> bytes:
    """The bytes of a small picture."""
    buffer = io.BytesIO()
    Image.fromarray(np.random.default_rng(seed).integers(0, 255, (6, 8, 3), dtype=np.uint8)).save(buffer, "PNG")
    return buffer.getvalue()


def shard(path: Path, files: Mapping[str, bytes | str], **how) -> Path:
    """A tar with these files in this order, as WebDataset's writer makes one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w", **how) as tar:
        for name, content in files.items():
            data = content.encode() if isinstance(content, str) else content
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return path


def counts(report) -> dict[str, int]:
    names = ("added", "changed", "moved", "unchanged", "removed", "failed", "skipped")
    return {name: getattr(report, name) for name in names if getattr(report, name)}


def vectors(collection: Collection) -> dict[Path, bytes]:
    """The stored vectors by path."""
    store = collection._store
    rows = store.ask(
        "SELECT path, data FROM vector JOIN entry USING (row) WHERE generation = ?", collection.generation.number
    )
    return {Path(os.fsdecode(path)): data for path, data in rows}


def paint(path: Path, color: tuple[int, int, int]) -> Path:
    """A picture of one colour."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (8, 6), color).save(path)
    return path


def names(hits) -> list[str]:
    """The hits by the names of their files."""
    return [hit.sample.image.stem for hit in hits]


def answer(run, *arguments: object) -> dict:
    """What a command line prints as JSON."""
    code, out, err = run(*arguments, "--json")
    assert code == 0, err
    return json.loads(out)
