"""Sides of a sample on their way into a fusion: laid out as maps, missing rows filled."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from twinlens.core.types import Features


def as_map(side: Features) -> Tensor:
    """Lay a side out as a map (B, D, H, W): its tokens on their grid, or its vector as a single cell."""
    if side.tokens is None or side.grid is None:
        return side.vector[:, :, None, None]
    tokens = side.tokens if side.mask is None else side.tokens * side.mask.unsqueeze(-1)
    return tokens.transpose(1, 2).reshape(tokens.shape[0], -1, *side.grid)


def fill_absent(side: Features | None, absent: Tensor, rows: int) -> Features:
    """Replace the missing rows of a side by the learned absent vector."""
    if side is None:
        return Features(vector=absent.expand(rows, -1))
    if side.present is None:
        return side
    present = side.present.unsqueeze(-1)
    tokens = (
        None if side.tokens is None else torch.where(present.unsqueeze(-1), side.tokens, absent.to(side.tokens.dtype))
    )
    return replace(side, vector=torch.where(present, side.vector, absent.to(side.vector.dtype)), tokens=tokens)
