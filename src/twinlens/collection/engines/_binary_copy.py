"""PostgreSQL's binary COPY format of rows with a checksum and a vector, as one NumPy array.

Behind a header every tuple has its number of fields, and each field its length in bytes; a vector of pgvector is two
16-bit numbers (D, 0) and D float32. All is big-endian.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from twinlens.collection.store import Rows, Vectors

HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
TRAILER = b"\xff\xff"
_NUMBERS = [("fields", ">i2"), ("row_bytes", ">i4"), ("row", ">i8"), ("check_bytes", ">i4"), ("check", ">i8")]


def tuples(dim: int) -> np.dtype[np.void]:
    """Return the type of a tuple (row, check, vector (D,)); without a vector where D is 0."""
    vector = [("vector_bytes", ">i4"), ("dim", ">i2"), ("unused", ">i2"), ("vector", ">f4", (dim,))]
    return np.dtype(_NUMBERS + vector if dim else _NUMBERS)


def encode(rows: Rows, checks: Rows, vectors: Vectors) -> bytes:
    """Write rows (N,), checksums (N,) and vectors (N, D) for COPY … FROM STDIN."""
    dim = vectors.shape[1]
    out = np.zeros(len(rows), dtype=tuples(dim))
    out["fields"], out["row_bytes"], out["check_bytes"] = 3, 8, 8
    out["vector_bytes"], out["dim"] = 4 + 4 * dim, dim
    out["row"], out["check"], out["vector"] = rows, checks, vectors
    return HEADER + out.tobytes() + TRAILER


def decode(data: bytes, dim: int) -> NDArray[np.void]:
    """Read what COPY … TO STDOUT has written of tuples; D is 0 where it has written no vectors."""
    return np.frombuffer(data, dtype=tuples(dim), offset=len(HEADER), count=_count(data, dim))


def _count(data: bytes, dim: int) -> int:
    return (len(data) - len(HEADER) - len(TRAILER)) // tuples(dim).itemsize
