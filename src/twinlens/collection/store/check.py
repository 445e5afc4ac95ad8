"""Checks of a collection's database."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from twinlens.collection.store.database import DamageError
from twinlens.collection.store.matrix import Matrix
from twinlens.collection.store.reading import intact
from twinlens.collection.store.rows import COLUMNS, checksum, is_object, is_path
from twinlens.collection.store.store import Store

PAGE_ROWS = 1024
"""Vectors that are compared at once."""
_TEXTS = (5, 7, 8)
"""The columns of an entry that are text: caption, metadata, failure."""
_STATEMENTS = (
    " ".join(("SELECT", COLUMNS, "FROM entry")),
    "SELECT number, digest, recipe, dim, serving FROM generation",
    "SELECT id, row, generation, crc, data FROM vector",
    "UPDATE entry SET failure = ?",
    "DELETE FROM entry",
)
"""Statements that only work if tables and triggers are as they were made."""


def structure_faults(store: Store) -> list[str]:
    """Return a line for every fault of the file's structure, of references, and of what there must be one of.

    What such a file says of its rows means nothing: they have to be salvaged. Reads all of it.
    """
    try:
        reported = [line for (text,) in store.ask("PRAGMA integrity_check(20)") for line in text.splitlines()]
        lines = [line for line in reported if line != "ok" and not line.startswith("***")]
        lost = [
            f"a row of {t} refers to a missing {parent}" for t, _, parent, _ in store.ask("PRAGMA foreign_key_check")
        ]
        (states,) = store.ask("SELECT count(*) FROM state")[0]
        store.state()
        for statement in _STATEMENTS:
            store.ask(f"EXPLAIN {statement}", *[None] * statement.count("?"))
    except DamageError as error:
        return [str(error)]
    if states != 1:
        lines.append(f"the state of the collection has {states} rows, and should have one")
    return [*lines, *sorted(set(lost))]


def entry_faults(store: Store) -> Iterator[tuple[int, str, bool]]:
    """Yield row, fault, and whether the metadata alone is damaged, of every entry that does not hold what was written.

    An entry that an earlier version wrote has no checksum: of it all is believed that can be read.
    """
    last = 0
    while found := store.ask(_page(store), last):
        for row, *values, check in found:
            texts = [_text(value) if n in _TEXTS else value for n, value in enumerate(values, 1)]
            if check is not None and check != checksum(texts):
                yield row, "does not match its checksum", False
            elif not is_path(values[0]) or texts[4] is _BROKEN or texts[7] is _BROKEN:
                yield row, "holds what cannot have been written", False
            elif not is_object(texts[6]):
                yield row, "has metadata that are not a JSON object", True
        last = found[-1][0]


def damaged_vectors(store: Store) -> Iterator[tuple[int, int]]:
    """Yield rows and generations of vectors that fail their checksum or hold NaN or infinity."""
    known, last = {generation.number: generation for generation in store.generations()}, 0
    page = "SELECT id, row, generation, crc, data FROM vector WHERE id > ? ORDER BY id LIMIT 1000"
    while found := store.ask(page, last):
        for _, row, generation, crc, data in found:
            if generation not in known or not intact(row, known[generation], crc, data):
                yield row, generation
        last = found[-1][0]


def matrix_fault(store: Store) -> str | None:
    """Describe the fault of the matrix file, in itself or beside the database; reads all of it."""
    matrix = Matrix(store.folder)
    if fault := matrix.fault():
        return fault
    held, serving = matrix.read(), store.serving()
    if held is None or serving is None or held.state != store.state():
        return None
    if not np.array_equal(np.sort(held.rows), store.rows(serving.number)):
        return "has other rows than the database"
    for start in range(0, len(held), PAGE_ROWS):
        rows = held.rows[start : start + PAGE_ROWS]
        if not np.array_equal(held.vectors(rows), store.vectors(serving, rows)):
            return "has other vectors than the database"
    return None


_BROKEN = object()
"""Stands for bytes that should be text and are not."""


def _page(store: Store) -> str:
    check = "(SELECT crc FROM entry_check WHERE entry_check.row = entry.row)" if store.has_additions else "NULL"
    texts = "CAST(caption AS BLOB), given, CAST(metadata AS BLOB), CAST(failure AS BLOB)"
    columns = f"row, path, hash, size, mtime_ns, {texts}, width, height, {check}"
    return " ".join(("SELECT", columns, "FROM entry WHERE row > ? ORDER BY row LIMIT 1000"))


def _text(data: bytes | None) -> Any:
    try:
        return None if data is None else data.decode("utf-8")
    except UnicodeDecodeError:
        return _BROKEN
