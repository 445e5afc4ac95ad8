"""Boxes of regions: their geometry, and the map of their features."""

from __future__ import annotations

import torch
from torch import Tensor


def lay_on_map(tokens: Tensor, boxes: Tensor, mask: Tensor, grid: tuple[int, int]) -> Tensor:
    """Lay regions (B, R, D) out as a map (B, H·W, D) of `grid` (H, W) cells in row-major order.

    boxes (B, R, 4) are x0, y0, x1, y1 in 0..1 of the picture; mask (B, R) is True where a region counts; region 0 is
    the whole picture. A cell is the mean of the other regions, each weighted by the share of the cell that its box
    covers; the whole picture has the weight of the uncovered rest. Cells of a row without any region are zero.
    """
    covered = coverage(boxes, grid) * mask.unsqueeze(1)  # (B, H·W, R)
    rest = (1 - covered[..., 1:].sum(-1)).clamp(min=0) * mask[:, :1]
    weight = torch.cat([rest.unsqueeze(-1), covered[..., 1:]], dim=-1).to(tokens.dtype)
    return weight @ tokens / weight.sum(-1, keepdim=True).clamp(min=1e-6)


def coverage(boxes: Tensor, grid: tuple[int, int]) -> Tensor:
    """Compute the share (B, H·W, R) in 0..1 of each map cell that each of the boxes (B, R, 4) covers."""
    rows, columns = grid
    across = _overlap(boxes[..., 0], boxes[..., 2], columns)  # (B, R, W)
    down = _overlap(boxes[..., 1], boxes[..., 3], rows)  # (B, R, H)
    return (down.unsqueeze(-1) * across.unsqueeze(-2)).flatten(2).transpose(1, 2)


def _overlap(low: Tensor, high: Tensor, cells: int) -> Tensor:
    """Compute the share (…, cells) of each of `cells` equal parts of 0..1 that lies between low and high."""
    edge = torch.arange(cells + 1, device=low.device, dtype=low.dtype) / cells
    ends = torch.minimum(high.unsqueeze(-1), edge[1:]) - torch.maximum(low.unsqueeze(-1), edge[:-1])
    return ends.clamp(min=0) * cells


def geometry(boxes: Tensor) -> Tensor:
    """Describe boxes by 8 numbers in 0..1 (…, 8): x0, y0, x1, y1, centre x, centre y, width, height."""
    low, high = boxes[..., :2], boxes[..., 2:]
    return torch.cat([boxes, (low + high) / 2, high - low], dim=-1)
