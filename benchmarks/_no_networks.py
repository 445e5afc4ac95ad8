"""A model without networks, for collections whose vectors are drawn."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from twinlens.calibration import Channel
from twinlens.core.types import Arrays, Sample, Similarity


class Recipe(NamedTuple):
    name: str


RECIPE = Recipe("no networks")


def refuse(_: int) -> NDArray[np.float32]:
    """Draw nothing, where vectors are put into the store by hand."""
    raise NotImplementedError


@dataclass
class NoNetworks:
    """Its vectors (N, D) come from `drawn`, which takes N, whatever the samples are."""

    dim: int
    drawn: Callable[[int], NDArray[np.float32]] = refuse
    channels: Sequence[Channel] = ()
    digest: str = "0123456789abcdef"
    recipe: Recipe = RECIPE
    rerank: str | None = None
    own_similarity: Similarity | None = None

    def prepare(self, _: Sample, /) -> Arrays:
        return {}

    def cuts(self, _: str, /) -> bool:
        return False

    def embed_prepared(self, prepared: Sequence[Arrays], /) -> NDArray[np.float32]:
        return self.drawn(len(prepared))

    def embed(self, samples: Sequence[Sample], /) -> NDArray[np.float32]:
        return self.drawn(len(samples))

    def save(self, folder: Path, /) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "model.json").write_text("{}")
