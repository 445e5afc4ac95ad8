"""Batches: prepared samples stacked along a first dimension."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from twinlens.core.types import Arrays, Batch


def stack_tensors(prepared: Sequence[Arrays]) -> Batch:
    """Stack prepared samples, which have the same arrays of the same shapes, as tensors (B, …)."""
    import torch

    return {key: torch.from_numpy(np.stack([arrays[key] for arrays in prepared])) for key in prepared[0]}
