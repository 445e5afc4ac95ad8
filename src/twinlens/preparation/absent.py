"""Arrays of a missing picture, for networks whose pictures only an encoder can prepare."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from twinlens.core.types import Arrays, Sample, TwinlensError

FILE = "absent.safetensors"


@dataclass(frozen=True)
class Absent:
    """The same arrays for every sample, which therefore must have no picture."""

    name: ClassVar[str] = "absent"
    arrays: Arrays

    @classmethod
    def restore(cls, folder: Path, /, **_: Any) -> Self:
        """Read the arrays. Raises TwinlensError where they are missing or damaged."""
        try:
            return cls(load_file(folder / FILE))
        except (OSError, SafetensorError) as error:
            raise TwinlensError(f"{folder / FILE} cannot be read: {error}; copy the whole folder again") from error

    def prepare(self, _: Sample, /) -> Arrays:
        """Return the arrays."""
        return self.arrays

    def cuts(self, _: str, /) -> bool:
        """Return False: no text is read."""
        return False

    def settings(self) -> Mapping[str, Any]:
        """Return nothing: all is in the file."""
        return {}

    def save(self, folder: Path) -> None:
        """Write the arrays."""
        save_file({key: np.array(array, order="C") for key, array in self.arrays.items()}, folder / FILE)
