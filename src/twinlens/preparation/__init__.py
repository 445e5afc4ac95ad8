"""Preparation: Samples → arrays for a network, without torch. One file per variant; this file is the contract.

An encoder and its export have the same preparation, so that both see the same arrays.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Protocol, Self

from twinlens.core.types import Arrays, Sample


class Preparation(Protocol):
    """The contract of every preparation; nothing that its file imports may import torch."""

    name: ClassVar[str]
    """The name of its file."""

    @classmethod
    def restore(cls, folder: Path, /, **settings: Any) -> Self:
        """Make a preparation from its settings, and from the files that `save` wrote. Raises TwinlensError."""

    def prepare(self, sample: Sample, /) -> Arrays:
        """Return the same keys with the same shapes and dtypes for every sample; see `Encoder.prepare`."""

    def cuts(self, text: str, /) -> bool:
        """Return True if a text is read but not its end."""

    def settings(self) -> Mapping[str, Any]:
        """Return as JSON the options of `restore`."""

    def save(self, folder: Path, /) -> None:
        """Write into a folder what is no JSON, such as a tokenizer; the folder exists."""
