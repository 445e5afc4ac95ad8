"""Bytes of a collection and of its indexes, by the number of pictures and of numbers per vector."""

from __future__ import annotations

import math

from twinlens.collection.store.database import PAGE as SQLITE_PAGE
from twinlens.indexes._cells import cells_for

ENTRY = 300
"""Bytes of an entry in the database beside its vector: path, hash, a short caption, and their indexes."""
CELL, FIRST_PAGES = 12, 13
"""Bytes that SQLite adds to a vector in its page; pages of a database without entries."""
LINKS = 16
"""Links of a row in each upper layer of an HNSW graph; it has twice as many in the lowest."""
PAGE, PAGE_HEADER, ITEM, TUPLE = 8192, 24, 4, 24
"""Bytes of PostgreSQL's page, of its header, of a pointer to a row, and of a row's header."""


def database_bytes(pictures: int, width: int) -> float:
    """N·(P / ⌊P / (4D + CELL)⌋ + ENTRY) + 13P: vectors in SQLite's pages of P bytes, whole ones, and entries."""
    vector = SQLITE_PAGE / max(1, SQLITE_PAGE // (4 * width + CELL))
    return pictures * (vector + ENTRY) + FIRST_PAGES * SQLITE_PAGE


def matrix_bytes(pictures: int, width: int) -> float:
    """N·(4D + 8 + 4 + 4): the vectors as one array, their rows, squared lengths and checksums."""
    return pictures * (4 * width + 16)


def codes_bytes(pictures: int, width: int) -> float:
    """N·(D + 8): the exact engine's 8-bit codes, a scale and an error bound for each row; in memory alone."""
    return pictures * (width + 8)


def ivf_bytes(pictures: int, width: int) -> float:
    """N·(D + 8) + C·(4D + 8 + 32): lists of codes and rows, centres, sizes, and lines that are half filled."""
    return pictures * (width + 8) + cells_for(pictures) * (4 * width + 40)


def hnsw_bytes(pictures: int, width: int) -> float:
    """N·(D + 4·(2M + M/(M − 1)) + 12): codes, links in the lowest and all upper layers, offset and level."""
    return pictures * (width + 4 * (2 * LINKS + LINKS / (LINKS - 1)) + 12)


def pgvector_bytes(pictures: int, width: int) -> float:
    """N·8192 / ⌊(8192 − 24) / (24 + 8 + 8 + 8 + 4D + 4)⌋: pgvector's rows in whole pages, without an index."""
    row = 8 * math.ceil((TUPLE + 8 + 8 + 8 + 4 * width) / 8) + ITEM
    return pictures * PAGE / ((PAGE - PAGE_HEADER) // row)
