"""Rows as 8-bit integers: inner products from a quarter of the bytes, with a bound of their error."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from twinlens.core.machine import import_onnxruntime
from twinlens.indexes import Vectors
from twinlens.indexes._scan import EPSILON

LEVELS = (127, 64)
"""Largest codes, the finest first; the least code is the negative. Two products of 64 and 255 do not exceed 16 bits."""
QUERY_LEVELS = 127
"""The largest code of a query."""
ZERO = 128
"""The code of 0 among the unsigned ones of a query."""
ROWS_PER_GRAPH = 1 << 18
"""Rows of one graph, which while it is made exist four times."""
WIDE, MAX_APART = 3.0, 16
"""A column is wide whose largest number is so many times the median column's; so many are kept apart at most."""
ROWS_LOOKED_AT = 4096
"""Rows by which columns are judged."""
LOST = 2e-19
"""The largest number whose square is no normal one in float32, and may count as 0."""
ROWS_AT_ONCE = 1 << 11
"""Rows that are coded at once: few enough for the processor's cache."""
_INT8, _UINT8, _FLOAT, _INT32 = 3, 2, 1, 6
"""Kinds of numbers as ONNX counts them."""


class Codes:
    """Rows of a matrix (N, D) as x̂ = s·c with codes c in −`levels`…`levels` and a scale s per row.

    levels: the largest code, by default the largest that this processor multiplies rightly, see `most_levels`. errors
    (N,): bounds of ‖x − x̂‖. A query is coded in two steps, q̂ = t₁·a₁ + t₂·a₂, whose error is below ‖q‖ / 10⁴.
    apart: columns that stay as they are: those with far larger numbers than others, since a row's scale is that of its
    largest number (the mixed precision of Dettmers et al., LLM.int8(), 2022), and those without any, such as flags of
    sides that nothing lacks, since a query may have its largest numbers there, and an error grows with its length.
    """

    def __init__(self, vectors: Vectors, levels: int | None = None) -> None:
        self.levels = most_levels() if levels is None else levels
        self.apart = _columns_apart(vectors)
        self._columns = np.nan_to_num(vectors[:, self.apart], nan=0.0, posinf=0.0, neginf=0.0)
        self.errors = np.empty(len(vectors), dtype=np.float32)
        self._graphs: list[tuple[slice, Any]] = []
        for start in range(0, len(vectors), ROWS_PER_GRAPH):
            part = slice(start, min(start + ROWS_PER_GRAPH, len(vectors)))
            codes, scales, self.errors[part] = _coded(vectors[part], self.apart, self.levels)
            self._graphs.append((part, _session(codes, scales)))
        self.largest_error = float(self.errors.max(initial=0))

    def products(self, query: Vectors) -> tuple[Vectors, float, float]:
        """Return −2 x̂·q̂ (N,) for a query (D,), a bound of ‖q − q̂‖, and the length of what of q is multiplied by codes.

        Only that part of an error x − x̂ counts which meets this part of the query.
        """
        narrow = query.copy()
        narrow[self.apart] = 0
        codes, steps, error = _coded_query(narrow)
        out = np.empty(len(self.errors), dtype=np.float32)
        for part, session in self._graphs:
            out[part] = session.run(None, {"codes": codes, "steps": steps})[0][0]
        if query[self.apart].any():
            out += self._columns @ (-2 * query[self.apart])
        return out, error, float(np.linalg.norm(narrow.astype(np.float64)))


@cache
def most_levels() -> int:
    """Return the largest code whose products this processor adds without saturating, as some do at 16 bits; or 0."""
    return next((levels for levels in LEVELS if _adds_right(levels)), 0)


def _adds_right(levels: int) -> bool:
    codes = np.full((256, 64), levels, dtype=np.int8)
    codes[1::2, ::2] = -levels
    session = _session(codes, np.full(64, -0.5, dtype=np.float32))
    asked = np.full((2, 256), 255, dtype=np.uint8)
    found = session.run(None, {"codes": asked, "steps": np.array([[1.0, 0.0]], dtype=np.float32)})[0][0]
    return np.array_equal(found, codes.astype(np.int32).sum(axis=0) * (255 - ZERO))


def _columns_apart(vectors: Vectors) -> NDArray[np.intp]:
    """Return the columns, few and ascending, whose numbers are far larger than those of most, or all 0.

    They are judged by a part of the rows, and may hold any numbers in others.
    """
    drawn = vectors[:: max(1, len(vectors) // ROWS_LOOKED_AT)]
    largest = np.abs(np.nan_to_num(drawn, posinf=0.0, neginf=0.0)).max(axis=0, initial=0)
    by_size = np.argsort(-largest, kind="stable")
    wide = by_size[largest[by_size] > WIDE * np.median(largest)]
    return np.sort(np.concatenate([wide, np.flatnonzero(largest == 0)])[:MAX_APART])


def _coded(vectors: Vectors, apart: NDArray[np.intp], levels: int) -> tuple[NDArray[np.int8], Vectors, Vectors]:
    """Return codes (D, n), scales (n,) and bounds of the errors (n,); a row with NaN or infinity is coded as zeros."""
    rows, width = vectors.shape
    codes = np.empty((width, rows), dtype=np.int8)
    scales, errors = np.empty((2, rows), dtype=np.float32)
    for start in range(0, rows, ROWS_AT_ONCE):
        part = slice(start, start + ROWS_AT_ONCE)
        narrow = vectors[part]
        if len(apart):
            narrow = narrow.copy()
            narrow[np.ix_(np.isfinite(narrow).all(axis=1), apart)] = 0  # a row that is coded as zeros stays one
        rounded, scales[part], errors[part] = _rounded(narrow, levels)
        codes[:, part] = rounded.astype(np.int8).T
    return codes, scales, np.nextafter(errors, np.float32(np.inf))


def _rounded(vectors: Vectors, levels: int) -> tuple[Vectors, Vectors, Vectors]:
    """Return codes as floats (n, D), scales (n,) and bounds of the errors (n,)."""
    with np.errstate(invalid="ignore", over="ignore"):
        largest = np.maximum(vectors.max(axis=1), -vectors.min(axis=1))
        scales = np.where(np.isfinite(largest), largest, 0).astype(np.float32) / np.float32(levels)
        steps = np.where(scales > 0, scales, np.float32(1))[:, None]
        rounded = (vectors / steps).astype(np.float32, copy=False)
        np.rint(rounded, out=rounded)
        rounded[scales == 0] = 0
        np.clip(rounded, -levels, levels, out=rounded)
        apart = _lengths(vectors - rounded * steps)
        # The difference itself was rounded: by less than ε of each number, and its length by less than D·ε of it.
        bounds = apart * (1 + vectors.shape[1] * EPSILON) + 4 * EPSILON * _lengths(vectors)
        bounds += np.float32(LOST * vectors.shape[1] ** 0.5)
    return rounded, scales, np.where(np.isfinite(largest), bounds, 0)


def _lengths(vectors: Vectors) -> Vectors:
    lengths: Vectors = np.sqrt(np.einsum("nd,nd->n", vectors, vectors))
    return lengths


def _coded_query(query: Vectors) -> tuple[NDArray[np.uint8], Vectors, float]:
    """Return codes (2, D), their steps (1, 2) and a bound of the error of a query (D,)."""
    rest, codes, steps = query.astype(np.float64), [], []
    for _ in range(2):
        step = float(np.abs(rest).max()) / QUERY_LEVELS
        code = np.rint(rest / step) if step > 0 else np.zeros_like(rest)
        step = float(np.float32(step))
        rest = rest - step * code
        codes.append(np.clip(code, -QUERY_LEVELS, QUERY_LEVELS) + ZERO)
        steps.append(step)
    error = np.linalg.norm(rest) + 2.0**-48 * np.linalg.norm(query.astype(np.float64))  # the rest itself was rounded
    return np.array(codes, dtype=np.uint8), np.array([steps], dtype=np.float32), float(error)


# The graph: −2·s ⊙ (steps · (codes − 128) C), written as a protocol buffer (onnx.proto) by hand, since the package
# `onnx` is no part of the core.


def _session(codes: NDArray[np.int8], scales: Vectors) -> Any:
    onnxruntime = import_onnxruntime()
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(_model(codes, scales), options, providers=["CPUExecutionProvider"])


def _model(codes: NDArray[np.int8], scales: Vectors) -> bytes:
    width, rows = codes.shape
    graph = b"".join(
        [
            *_message(1, _node("MatMulInteger", ("codes", "gallery", "zero"), "sums")),
            *_message(1, _node("Cast", ("sums",), "numbers", {"to": _FLOAT})),
            *_message(1, _node("MatMul", ("steps", "numbers"), "added")),
            *_message(1, _node("Mul", ("added", "scales"), "products")),
            *_message(2, b"products"),
            *_message(5, _tensor("gallery", _INT8, (width, rows), codes.tobytes())),
            *_message(5, _tensor("zero", _UINT8, (), bytes([ZERO]))),
            *_message(5, _tensor("scales", _FLOAT, (rows,), (-2 * scales).astype("<f4").tobytes())),
            *_message(11, _value("codes", _UINT8, (2, width))),
            *_message(11, _value("steps", _FLOAT, (1, 2))),
            *_message(12, _value("products", _FLOAT, (1, rows))),
        ]
    )
    opset = b"".join([*_message(1, b""), *_number(2, 13)])
    return b"".join([*_number(1, 8), *_message(8, opset), *_message(7, graph)])


def _node(operator: str, inputs: Iterable[str], output: str, integers: Mapping[str, int] | None = None) -> bytes:
    parts = [part for name in inputs for part in _message(1, name.encode())]
    parts += [*_message(2, output.encode()), *_message(4, operator.encode())]
    for name, value in (integers or {}).items():
        attribute = [*_message(1, name.encode()), *_number(3, value), *_number(20, 2)]
        parts += _message(5, b"".join(attribute))
    return b"".join(parts)


def _tensor(name: str, kind: int, shape: Iterable[int], data: bytes) -> bytes:
    dims = [part for size in shape for part in _number(1, size)]
    return b"".join([*dims, *_number(2, kind), *_message(8, name.encode()), *_message(9, data)])


def _value(name: str, kind: int, shape: Iterable[int]) -> bytes:
    dims = b"".join(part for size in shape for part in _message(1, b"".join(_number(1, size))))
    tensor = b"".join([*_number(1, kind), *_message(2, dims)])
    return b"".join([*_message(1, name.encode()), *_message(2, b"".join(_message(1, tensor)))])


def _message(field: int, content: bytes) -> list[bytes]:
    return [_varint(field << 3 | 2), _varint(len(content)), content]


def _number(field: int, value: int) -> list[bytes]:
    return [_varint(field << 3), _varint(value)]


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)
