"""Caches: of arrays in files, which processes share and a later run finds, and of recent values in memory."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, TypeVar

from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from twinlens.core.atomic import whole_file
from twinlens.core.types import TwinlensError
from twinlens.version import __version__

_T = TypeVar("_T")


class Recent(Generic[_T]):
    """The values of the most recently used keys, in memory."""

    def __init__(self, most: int = 4096) -> None:
        self.most = most
        self._values: OrderedDict[Hashable, _T] = OrderedDict()

    def get(self, key: Hashable, compute: Callable[[], _T]) -> _T:
        """Return the value of a key, computed where it is not held."""
        if key not in self._values:
            self._values[key] = compute()
        self._values.move_to_end(key)
        while len(self._values) > self.most:
            self._values.popitem(last=False)
        return self._values[key]


@dataclass(frozen=True)
class ArrayCache:
    """Arrays by the key of the content that they follow from, one small file each.

    name: all that the arrays depend on beside that content, such as options and weights. Another version of twinlens
    starts an empty cache.
    """

    folder: Path
    name: str
    place: Path = field(init=False)

    def __post_init__(self) -> None:
        name = f"{__version__} {self.name}".encode()
        object.__setattr__(self, "place", self.folder / hashlib.blake2b(name, digest_size=16).hexdigest())

    def read(self, key: bytes) -> dict[str, NDArray[Any]] | None:
        """Return the arrays of a key; None where there are none, or the file is damaged."""
        try:
            return load_file(self._path(key))
        except (OSError, SafetensorError):
            return None

    def write(self, key: bytes, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Write the arrays of a key; others see all of them or none.

        Raises TwinlensError when they cannot be written.
        """
        path = self._path(key)
        try:
            with whole_file(path) as beside:
                save_file(dict(arrays), beside)
        except (OSError, SafetensorError) as error:
            raise TwinlensError(f"cannot write {path}: {error}; choose another cache folder") from error

    def _path(self, key: bytes) -> Path:
        name = key.hex()
        return self.place / name[:2] / f"{name[2:]}.safetensors"
