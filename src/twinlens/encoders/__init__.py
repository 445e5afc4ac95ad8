"""Encoders: Samples → Encoded. One file per variant; this file holds what all of them promise."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from torch import nn

from twinlens.core.types import Arrays, Batch, Encoded, Sample


class Encoder(nn.Module):
    """The contract of every encoder.

    A subclass takes keyword-only options (they are its schema), sets `dim`, the width of every vector and token it
    gives, and says in `reads` which sides of a sample it looks at: it returns features for just these sides.
    """

    reads: frozenset[str] = frozenset({"image", "text"})
    dim: int

    def fit(self, samples: Iterable[Sample]) -> None:
        """Learn what must be learned before training (a vocabulary); it is kept in buffers or in `save_assets`.

        `samples` may be a generator over more pictures than memory holds. Most encoders have nothing to learn.
        """

    def cache_to(self, folder: Path) -> None:
        """Note in files of this folder, by content, what pictures were found to hold, and look there first.

        Only what does not follow from learning (keypoints, a frozen detector's boxes), so that other trainings, on
        other splits and in other processes, may use it. Most encoders have nothing of the kind.
        """

    def prepare(self, sample: Sample) -> Arrays:
        """Everything on the CPU: decode, resize, tokenise, find words. Picklable, so that worker processes can run it.

        Always gives the same keys with the same shapes and dtypes; a missing side is an array of zeros and says so in
        an array of its own (`image_present` () bool, or a mask), so that samples of any kind stack into one batch.
        """
        raise NotImplementedError

    def forward(self, batch: Batch) -> Encoded:
        """The network alone, on stacked arrays (B, …). A row whose side is missing has `present` False."""
        raise NotImplementedError

    def save_assets(self, folder: Path) -> None:
        """Write files that are not tensors (a tokenizer); tensors travel in the state dict."""

    def load_assets(self, folder: Path) -> None:
        """Read what `save_assets` wrote, before the state dict is loaded. Raises TwinlensError if a file is missing."""
