"""Layers shared by several fusions."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from twinlens.core.types import TwinlensError


def projection(width: int, dim: int) -> nn.Module:
    """Build a linear layer `width` → `dim`; the identity for equal widths, which the papers assume."""
    return nn.Identity() if width == dim else nn.Linear(width, dim)


def append_text(x: Tensor, t: Tensor) -> Tensor:
    """Concatenate a map x (B, D, H, W) with a vector t (B, T) at every cell: [x; t] (B, D + T, H, W)."""
    return torch.cat([x, t[:, :, None, None].expand(-1, -1, *x.shape[2:])], dim=1)


def cell_width(dim: int, cells: tuple[int, int]) -> int:
    """Return each cell's part of a vector of `dim`. Raises TwinlensError when the cells do not divide it."""
    rows, columns = cells
    if dim % (rows * columns):
        raise TwinlensError(f"dim {dim} is not a multiple of the {rows} × {columns} cells; change one of them")
    return dim // (rows * columns)


def pool_cells(x: Tensor, cells: tuple[int, int], project: nn.Module) -> Tensor:
    """Average a map x (B, D, H, W) over n `cells` (rows, columns), project each cell to C channels: (B, n · C)."""
    pooled = F.adaptive_avg_pool2d(x, cells).flatten(2).transpose(1, 2)  # (B, n, D)
    projected: Tensor = project(pooled)
    return projected.flatten(1)


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
