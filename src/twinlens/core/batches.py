"""Batches: prepared samples stacked along a first dimension."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from twinlens.core.types import Arrays, Batch


def stack(prepared: Sequence[Arrays]) -> Arrays:
    """Stack prepared samples, which have the same arrays of the same shapes: named arrays (B, …)."""
    return {key: np.stack([arrays[key] for arrays in prepared]) for key in prepared[0]}


def stack_tensors(prepared: Sequence[Arrays]) -> Batch:
    """Stack prepared samples as tensors (B, …) that share the stacked arrays' memory."""
    import torch

    return {key: torch.from_numpy(array) for key, array in stack(prepared).items()}


def trimmed(arrays: Arrays) -> Arrays:
    """Cut stacked arrays of texts (B, L), named "…words" and "…words_mask", to the longest text of the batch."""
    cut = dict(arrays)
    for name in [name for name in arrays if name.endswith("words_mask")]:
        longest = max(1, int(arrays[name].sum(axis=1).max(initial=0)))
        for part in (name, name.removesuffix("_mask")):
            cut[part] = np.ascontiguousarray(arrays[part][:, :longest])
    return cut
