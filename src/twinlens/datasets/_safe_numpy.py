"""Safe reading of object .npy files, the only pickles that the package reads.

A pickle is a program: it may name any function and call it. Here it can name numpy's array, dtype and scalar and
Python's sets, nothing else, and numpy's names are resolved to the small classes below, which check the file's fields
and only then build an array of numbers, strings or plain objects. numpy's own `dtype.__setstate__` trusts its input
(forged flags make it follow forged pointers), so it is never called.
"""

from __future__ import annotations

import math
import pickle
import re
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from twinlens.core.types import TwinlensError

_PLAIN = re.compile(r"[biufcSUO]\d{0,4}")
_DAMAGED = (
    pickle.UnpicklingError,
    ArithmeticError,
    AttributeError,
    EOFError,
    ImportError,
    LookupError,
    MemoryError,
    TypeError,
    ValueError,
)
"""Errors of unpickling a damaged file, as listed in the pickle module's documentation."""


def load_object(path: Path) -> Any:
    """Read the one object of a 0-dimensional object .npy file, such as numpy.save writes for a dictionary.

    Strings of Python 2 are read as Latin-1. Raises TwinlensError when the file cannot be read, is damaged, or names
    anything but plain data.
    """
    try:
        with path.open("rb") as file:
            _check_header(file)
            return _Reader(file, encoding="latin1").load().item()
    except OSError as error:
        raise TwinlensError(f"cannot read {path}: {error.strerror}") from error
    except _DAMAGED as error:
        raise TwinlensError(f"{path} is not an .npy file of plain data: {error}") from error


def _check_header(file: BinaryIO) -> None:
    """Check that the header declares a single object. Raises ValueError."""
    old = np.lib.format.read_magic(file) == (1, 0)
    shape, _, dtype = (np.lib.format.read_array_header_1_0 if old else np.lib.format.read_array_header_2_0)(file)
    if shape != () or dtype != np.dtype(object):
        raise ValueError(f"it holds an array of shape {shape} and type {dtype}, not one object")


class _Dtype:
    """Stand-in for numpy's dtype that takes only name and byte order from a pickle."""

    def __init__(self, name: str, *_: object) -> None:
        if not _PLAIN.fullmatch(name):
            raise ValueError(f"the array type {name!r} is not plain")
        self.name = name
        self.dtype = np.dtype(name)

    def __setstate__(self, state: tuple[object, ...]) -> None:
        _, order, *structure = state[:5]
        if order not in ("<", ">", "|", "=") or structure != [None, None, None]:
            raise ValueError("structured arrays are not plain data")
        self.dtype = np.dtype(f"{order}{self.name}")


class _Array(np.ndarray[Any, np.dtype[Any]]):
    """An array that a pickle creates empty and fills once; numpy checks the length of its data."""

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        _, shape, dtype, fortran, data = state
        if not isinstance(dtype, _Dtype):
            raise TypeError("an array without a type")
        if isinstance(data, list) and len(data) != math.prod(shape):
            raise ValueError(f"{len(data)} objects for an array of shape {shape}")
        super().__setstate__((1, shape, dtype.dtype, fortran, data))


def _reconstruct(*_: object) -> _Array:
    return _Array((0,))


def _scalar(dtype: _Dtype, data: bytes | str) -> Any:
    raw = data.encode("latin1") if isinstance(data, str) else data
    return np.frombuffer(raw, dtype.dtype, count=1)[0].item()


_ADMITTED: dict[tuple[str, str], object] = {
    ("numpy", "dtype"): _Dtype,
    ("numpy", "ndarray"): "numpy.ndarray",  # only ever an argument of _reconstruct, so it need not be callable
    **{(f"numpy.{core}.multiarray", "_reconstruct"): _reconstruct for core in ("core", "_core")},
    **{(f"numpy.{core}.multiarray", "scalar"): _scalar for core in ("core", "_core")},
    **{(module, kind.__name__): kind for module in ("__builtin__", "builtins") for kind in (set, frozenset)},
}


class _Reader(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        """Return the stand-in for an admitted name. Raises UnpicklingError for every other name."""
        if (module, name) not in _ADMITTED:
            raise pickle.UnpicklingError(f"it names {module}.{name}, which is no plain data")
        return _ADMITTED[module, name]
