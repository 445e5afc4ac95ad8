"""Layers shared by several fusions."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn


def projection(width: int, dim: int) -> nn.Module:
    """Build a linear layer `width` → `dim`; the identity for equal widths, which the papers assume."""
    return nn.Identity() if width == dim else nn.Linear(width, dim)


def append_text(x: Tensor, t: Tensor) -> Tensor:
    """Concatenate a map x (B, D, H, W) with a vector t (B, T) at every cell: [x; t] (B, D + T, H, W)."""
    return torch.cat([x, t[:, :, None, None].expand(-1, -1, *x.shape[2:])], dim=1)


@contextmanager
def kept_statistics(module: nn.Module) -> Iterator[None]:
    """Keep batch normalisation's running mean and variance unchanged by passes within the context."""
    layers = [m for m in module.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm)]
    before = [layer.momentum for layer in layers]
    for layer in layers:
        layer.momentum = 0.0
    try:
        yield
    finally:
        for layer, momentum in zip(layers, before, strict=True):
            layer.momentum = momentum
