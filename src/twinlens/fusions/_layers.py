"""Small pieces that several fusions are made of."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn


def projection(width: int, dim: int) -> nn.Module:
    """A linear layer `width` → `dim`; the identity where the widths agree, as in papers that assume they do."""
    return nn.Identity() if width == dim else nn.Linear(width, dim)


def beside(x: Tensor, t: Tensor) -> Tensor:
    """[x; t] (B, D + T, H, W): the vector t (B, T) repeated at every cell of the map x (B, D, H, W)."""
    return torch.cat([x, t[:, :, None, None].expand(-1, -1, *x.shape[2:])], dim=1)


@contextmanager
def kept_statistics(module: nn.Module) -> Iterator[None]:
    """Inside, passes in training mode leave the running mean and variance of batch normalisation as they are."""
    layers = [m for m in module.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm)]
    before = [layer.momentum for layer in layers]
    for layer in layers:
        layer.momentum = 0.0
    try:
        yield
    finally:
        for layer, momentum in zip(layers, before, strict=True):
            layer.momentum = momentum
