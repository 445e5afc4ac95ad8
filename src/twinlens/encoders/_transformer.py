"""What the transformers of several encoders share: their sizes, their lengths, and the mean of what they give."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from twinlens.core.types import TwinlensError

SMALL = {"layers": 3, "dim": 128, "heads": 4, "vocabulary": 2000}
"""Sizes of a transformer that is trained from nothing."""


def sizes(checkpoint: str | None, **given: int | None) -> dict[str, int]:
    """The sizes given, else those of SMALL. Raises TwinlensError when one is given beside a checkpoint."""
    named = {key: value for key, value in given.items() if value is not None}
    if checkpoint is not None and named:
        raise TwinlensError(f"the checkpoint {checkpoint!r} decides {', '.join(named)}; leave the option out")
    return {**SMALL, **named}


def check_length(max_tokens: int, positions: int) -> None:
    """Raises TwinlensError when a text may be longer than a checkpoint's table of positions."""
    if max_tokens > positions:
        raise TwinlensError(f"max_tokens is {max_tokens}, but the checkpoint has {positions} positions; lower it")


def without_pooler(model: Any) -> Any:
    """The model without its pooler: weights that nothing reads would only be stored."""
    if getattr(model, "pooler", None) is not None:
        model.pooler = None
    return model


def masked_mean(tokens: Tensor, mask: Tensor | None) -> Tensor:
    """Mean (B, D) of tokens (B, L, D) over the places where mask (B, L) is True; zero where it nowhere is."""
    if mask is None:
        return tokens.mean(1)
    weight = mask.to(tokens.dtype).unsqueeze(-1)
    return (tokens * weight).sum(1) / weight.sum(1).clamp(min=1)


def longest(mask: Tensor) -> int:
    """The words of a batch's longest text, of mask (B, L); a network being exported takes all L as they come."""
    return mask.shape[1] if torch.compiler.is_exporting() else int(mask.sum(1).max())
