"""Layouts of folders in which others keep exported CLIPs. One file per variant; this file is the contract."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from twinlens.core.source import Source
from twinlens.preparation.square import Square


@dataclass(frozen=True)
class Tower:
    """One of the two networks: the file of its graph, and the names by which its inputs and its output may be called.

    The first name of each that the graph has is taken.
    """

    graph: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]


@dataclass(frozen=True)
class Layout:
    """A CLIP or SigLIP in files: both towers, how pictures and texts are prepared, and the tokenizer's file.

    mean, deviation: of every colour, 0 to 1. words: options of the preparation `words`.
    """

    image: Tower
    text: Tower
    square: Square
    mean: tuple[float, ...]
    deviation: tuple[float, ...]
    tokenizer: str
    words: Mapping[str, Any]


class Reader(Protocol):
    """Functions of every file of this folder."""

    def fits(self, source: Source, /) -> bool:
        """Return True if the files of the layout are there."""

    def read(self, source: Source, /) -> Layout:
        """Read the layout. Raises TwinlensError for files that are damaged, and what cannot be prepared."""
