"""Code shared by encoders with transformers: sizes, lengths and pooling."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from twinlens.core.types import TwinlensError

SMALL = {"layers": 3, "dim": 128, "heads": 4, "vocabulary": 2000}
"""Sizes of a transformer that is trained from scratch."""


def sizes(checkpoint: str | None, **options: int | None) -> dict[str, int]:
    """Complete the sizes set by options with those of SMALL. Raises TwinlensError when a checkpoint decides them."""
    chosen = {key: value for key, value in options.items() if value is not None}
    if checkpoint is not None and chosen:
        raise TwinlensError(f"the checkpoint {checkpoint!r} decides {', '.join(chosen)}; leave the option out")
    return {**SMALL, **chosen}


def check_length(max_tokens: int, positions: int) -> None:
    """Check that the longest text fits a checkpoint's table of positions. Raises TwinlensError."""
    if max_tokens > positions:
        raise TwinlensError(f"max_tokens is {max_tokens}, but the checkpoint has {positions} positions; lower it")


def without_pooler(model: Any) -> Any:
    """Remove a model's pooler, whose weights are never used."""
    if getattr(model, "pooler", None) is not None:
        model.pooler = None
    return model


def masked_mean(tokens: Tensor, mask: Tensor | None) -> Tensor:
    """Average tokens (B, L, D) over the places where mask (B, L) is True: (B, D), zero where there is none."""
    if mask is None:
        return tokens.mean(1)
    weight = mask.to(tokens.dtype).unsqueeze(-1)
    return (tokens * weight).sum(1) / weight.sum(1).clamp(min=1)


def longest(mask: Tensor) -> int:
    """Return the length of the longest text of mask (B, L); L itself during export, where lengths must not vary."""
    return mask.shape[1] if torch.compiler.is_exporting() else int(mask.sum(1).max())
