"""Encoders: Samples → Encoded. One file per variant; this file is the contract."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from pathlib import Path

from torch import nn

from twinlens.core.types import Arrays, Batch, Encoded, Sample, guesses
from twinlens.preparation import Preparation


class Encoder(nn.Module, ABC):
    """The contract of every encoder.

    A subclass takes keyword-only options (they are its schema), sets `dim`, the width of its vectors and tokens, and
    lists in `reads` the sides of a sample that it encodes: it returns features for exactly these.
    """

    reads: frozenset[str] = frozenset({"image", "text"})
    dim: int

    def fit(self, samples: Iterable[Sample]) -> None:
        """Learn buffers or assets that training needs beforehand, such as a vocabulary; most encoders have none.

        `samples` may be a generator over more pictures than memory holds.
        """

    def cache_to(self, folder: Path) -> None:
        """Cache features that do not depend on training (keypoints, a frozen detector's boxes) in files of a folder.

        Files are keyed by content, so that trainings on other splits and in other processes share them. Most encoders
        have no such features.
        """

    def preparations(self) -> tuple[Preparation, ...]:
        """Return what prepares samples for this encoder without torch; nothing where only the encoder itself can."""
        return ()

    def prepare(self, sample: Sample) -> Arrays:
        """Do the work of the CPU: decode, resize, tokenise, assign words. Worker processes may run it.

        Returns the same keys with the same shapes and dtypes for every sample, so that samples of any kind stack into
        one batch: a missing side is an array of zeros, marked by an array of its own (`image_present` () bool, or a
        mask). An encoder without `preparations` overrides it.
        """
        arrays = [preparation.prepare(sample) for preparation in self.preparations()]
        if not arrays:
            raise NotImplementedError
        return {key: array for part in arrays for key, array in part.items()}

    def cuts(self, text: str) -> bool:
        """Return True if the encoder reads a text but not its end; most read texts of any length, or none."""
        return any(preparation.cuts(text) for preparation in self.preparations())

    def guesses(self, text: str) -> bool:
        """Return True if the encoder guesses the meaning of a text that it does not read; most guess none."""
        return any(guesses(preparation, text) for preparation in self.preparations())

    @abstractmethod
    def forward(self, batch: Batch) -> Encoded:
        """Run the network on stacked arrays (B, …). A row whose side is missing has `present` False."""

    def with_sides(self, replace: Callable[[Encoder], Encoder]) -> Encoder:
        """Replace by `replace` what reads the picture alone or the text alone: this encoder, or a part of a copy of it.

        Cached features can then stand in for it (see `training.feature_cache`). An encoder that reads both sides, and
        has no such part, stays.
        """
        return replace(self) if len(self.reads) == 1 else self

    def save_assets(self, folder: Path) -> None:
        """Write files that are not tensors (a tokenizer); tensors travel in the state dict."""

    def load_assets(self, folder: Path) -> None:
        """Read the files of `save_assets`, before the state dict. Raises TwinlensError if one is missing."""
