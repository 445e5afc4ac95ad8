"""Collections that are damaged on purpose, table by table, and what is asked of them after."""

from __future__ import annotations

import os
import shutil
import sqlite3
import zlib
from contextlib import closing
from pathlib import Path

import numpy as np

from tests.mean_color import MeanColor
from tests.pictures import ALONE
from twinlens.collection import Collection
from twinlens.collection.store import DATABASE
from twinlens.collection.store.pages import LEAF
from twinlens.core import checksums
from twinlens.core.types import TwinlensError

PAGE = 32768


def load(folder: Path) -> MeanColor:
    """Load a model, or say in one line why not."""
    if fault := checksums.fault(folder):
        raise TwinlensError(fault)
    try:
        return MeanColor.load(folder)
    except (OSError, ValueError, TypeError) as error:
        raise TwinlensError(f"{folder} does not load") from error


def mend(folder: Path, **how):
    return Collection.mend(folder, load=load, options=ALONE, **how)


def verify(folder: Path) -> list[str]:
    """The faults, as the command line tells them."""
    try:
        with Collection.open(folder, load=load) as collection:
            return collection.verify()
    except TwinlensError as error:
        assert "\n" not in str(error)
        return [str(error)]


def answers(folder: Path) -> list[tuple]:
    with Collection.open(folder, load=load) as collection:
        return [
            (h.sample.id, h.score, h.sample.image, h.caption, dict(h.metadata))
            for h in collection.search(text="red", k=20)
        ]


def same(found: list[tuple]) -> list[str]:
    """Answers but for their ids, and for the order of those whose scores are equal."""
    return sorted(map(str, (line[1:] for line in found)))


def sql(folder: Path, *statements: str) -> None:
    with closing(sqlite3.connect(folder / DATABASE)) as connection:
        for statement in statements:
            connection.execute(statement)
        connection.commit()


def row_bytes(folder: Path) -> dict[Path, bytes]:
    """Picture → the bytes of its row in the database, and a few on both sides where its header and last values are."""
    whole, found = (folder / DATABASE).read_bytes(), dict[Path, bytes]()
    with closing(sqlite3.connect(folder / DATABASE)) as connection:
        for path, digest, *texts in connection.execute("SELECT path, hash, caption, metadata FROM entry"):
            at, values = whole.index(path + digest), "".join(texts).encode()
            found[Path(os.fsdecode(path))] = whole[at - 20 : whole.index(values, at) + len(values) + 8]
    return found


def root_page(folder: Path, name: str) -> int:
    with closing(sqlite3.connect(folder / DATABASE)) as connection:
        return connection.execute("SELECT rootpage FROM sqlite_master WHERE name = ?", (name,)).fetchone()[0]


def overwrite(folder: Path, page: int, data: bytes = b"\xa5" * PAGE, at: int = 0) -> None:
    with (folder / DATABASE).open("r+b") as file:
        file.seek((page - 1) * PAGE + at)
        file.write(data)


def page_of(name: str):
    return lambda folder: overwrite(folder, root_page(folder, name))


DAMAGE = {
    "the first page": lambda f: overwrite(f, 1),
    "the header": lambda f: overwrite(f, 1, b"\0" * 100),
    "the application's number": lambda f: overwrite(f, 1, b"\xff" * 4, 68),
    "the version": lambda f: overwrite(f, 1, b"\0" * 4, 60),
    "the state": page_of("state"),
    "no state": lambda f: sql(f, "DELETE FROM state"),
    "two states": lambda f: sql(f, "INSERT INTO state VALUES ('x', 1)"),
    "the generations": page_of("generation"),
    "no generation serves": lambda f: sql(f, "UPDATE generation SET serving = 0"),
    "a digest that is none": lambda f: sql(f, "UPDATE generation SET digest = '../../other'"),
    "another digest": lambda f: sql(f, "UPDATE generation SET digest = 'abababababababab'"),
    "the vectors": page_of("vector"),
    **{f"bit {n} of the kind of a page of rows": lambda f, n=n: _flip_kind(f, n) for n in range(8)},
    **{f"bit {n} of the number of rows of a page": lambda f, n=n: _flip_count(f, n) for n in range(16)},
    **{f"bit {n} of a pointer to a row": lambda f, n=n: _flip_pointer(f, n) for n in range(0, 16, 3)},
    "the index of hashes": page_of("entry_hash"),
    "the index of paths": page_of("sqlite_autoindex_entry_1"),
    "the index of vectors": page_of("sqlite_autoindex_vector_1"),
    "the checks": page_of("entry_check"),
    "the numbers that were given": page_of("sqlite_sequence"),
    "metadata": lambda f: sql(f, "UPDATE entry SET metadata = '{' WHERE row = 3"),
    "metadata that are no object": lambda f: sql(f, "UPDATE entry SET metadata = '[1]' WHERE row = 3"),
    "deep metadata": lambda f: sql(f, f"UPDATE entry SET metadata = '{'[' * 900}' WHERE row = 3"),
    "a letter of a column's name": lambda f: _replace(f, b"metadata TEXT", b"metadatb TEXT"),
    "a letter of a trigger": lambda f: _replace(f, b"DELETE FROM entry_check", b"DELETE FROM entrz_check"),
    "a row's number": lambda f: _replace(f, b"\x08\x0d\x00", b"\x28\x0d\x00"),
    "a letter of a caption": lambda f: _flip_caption(f),
    "a vector that is NaN": lambda f: _put_nan(f),
    "a vector": lambda f: sql(f, "UPDATE vector SET data = zeroblob(length(data)) WHERE row = 3"),
    "a vector too few": lambda f: sql(f, "DELETE FROM vector WHERE row = 3"),
    "the end": lambda f: _cut(f, 2 * PAGE),
    "half of a page": lambda f: _cut(f, PAGE // 2),
    "the lock": lambda f: (f / "writer.lock").write_bytes(b"garbage" * 1000),
    "the matrix": lambda f: _body(f).write_bytes(b"\0" * _body(f).stat().st_size),
    "NaN in the matrix": lambda f: _body(f).write_bytes(b"\xff" * _body(f).stat().st_size),
    "a short matrix": lambda f: _body(f).write_bytes(b""),
    "the matrix index": lambda f: (f / "cache" / "matrix.json").write_text("{"),
    "the rows of the matrix": lambda f: next((f / "cache").glob("rows-*")).write_bytes(b"\x01" * 96),
    "the squares of the matrix": lambda f: next((f / "cache").glob("squares-*")).write_bytes(b"\xff" * 48),
    "a model": lambda f: (_model(f) / "recipe.toml").write_text('{"turn": 5}'),
    "the checksums of a model": lambda f: (_model(f) / "checksums.json").write_text("{"),
    "no checksums of an exported model": lambda f: (_model(f) / "checksums.json").rename(_model(f) / "export.json"),
}
NEEDS_MODEL = {"a model"}


def _body(folder: Path) -> Path:
    return next((folder / "cache").glob("vectors-*"))


def _model(folder: Path) -> Path:
    return folder / "model" / MeanColor().digest


def _cut(folder: Path, size: int) -> None:
    data = (folder / DATABASE).read_bytes()
    (folder / DATABASE).write_bytes(data[:-size])


def _put_nan(folder: Path) -> None:
    data = np.full(MeanColor.dim, np.nan, dtype="<f4").tobytes()
    with closing(sqlite3.connect(folder / DATABASE)) as connection:
        connection.execute("UPDATE vector SET data = ?, crc = ? WHERE row = 3", (data, zlib.crc32(data)))
        connection.commit()
    shutil.rmtree(folder / "cache")


def _flip_caption(folder: Path) -> None:
    data = bytearray((folder / DATABASE).read_bytes())
    at = data.index(b"/blue-2.png")
    at = data.index(b"blue", at + 10)
    data[at] ^= 1
    (folder / DATABASE).write_bytes(bytes(data))


def _replace(folder: Path, old: bytes, new: bytes) -> None:
    """Replace the first occurrence of bytes."""
    data = (folder / DATABASE).read_bytes()
    assert old in data
    (folder / DATABASE).write_bytes(data.replace(old, new, 1))


def _flip_kind(folder: Path, bit: int) -> None:
    """Spoil one bit of the byte that says that the page of the entries is a leaf."""
    overwrite(folder, root_page(folder, "entry"), bytes([LEAF ^ 1 << bit]))


def _flip_count(folder: Path, bit: int) -> None:
    """Spoil one bit of the number of cells on the page of the entries."""
    page = root_page(folder, "entry")
    with (folder / DATABASE).open("rb") as file:
        file.seek((page - 1) * PAGE + 3)
        count = int.from_bytes(file.read(2), "big")
    overwrite(folder, page, (count ^ 1 << bit).to_bytes(2, "big"), 3)


def _flip_pointer(folder: Path, bit: int) -> None:
    """Spoil one bit of the place of the fourth cell on the page of the entries."""
    page, at = root_page(folder, "entry"), 8 + 2 * 3
    with (folder / DATABASE).open("rb") as file:
        file.seek((page - 1) * PAGE + at)
        place = int.from_bytes(file.read(2), "big")
    overwrite(folder, page, (place ^ 1 << bit).to_bytes(2, "big"), at)
