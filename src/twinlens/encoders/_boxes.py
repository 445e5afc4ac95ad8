"""Boxes of regions: their geometry, and their outputs back on a map."""

from __future__ import annotations

import torch
from torch import Tensor


def lay_on_map(tokens: Tensor, boxes: Tensor, mask: Tensor, grid: tuple[int, int]) -> Tensor:
    """Regions (B, R, D) as a map (B, H·W, D) of `grid` (H, W) cells in row-major order.

    boxes (B, R, 4) are x0, y0, x1, y1 in 0..1 of the picture; mask (B, R) is True where a region counts; region 0 is
    the whole picture. A cell is the mean of the other regions, each weighted by the share of the cell that its box
    covers; what they leave uncovered is filled by the whole picture. Cells of a row without any region are zero.
    """
    drop_side = coverage(boxes, grid) * mask.unsqueeze(1)  # (B, H·W, R)
    rest = (1 - drop_side[..., 1:].sum(-1)).clamp(min=0) * mask[:, :1]
    weight = torch.cat([rest.unsqueeze(-1), drop_side[..., 1:]], dim=-1).to(tokens.dtype)
    return weight @ tokens / weight.sum(-1, keepdim=True).clamp(min=1e-6)


def coverage(boxes: Tensor, grid: tuple[int, int]) -> Tensor:
    """Share (B, H·W, R) in 0..1 of each cell of a map that each of the boxes (B, R, 4) covers."""
    rows, columns = grid
    across = _overlap(boxes[..., 0], boxes[..., 2], columns)  # (B, R, W)
    down = _overlap(boxes[..., 1], boxes[..., 3], rows)  # (B, R, H)
    return (down.unsqueeze(-1) * across.unsqueeze(-2)).flatten(2).transpose(1, 2)


def _overlap(low: Tensor, high: Tensor, cells: int) -> Tensor:
    """Share (…, cells) of each of `cells` equal parts of 0..1 that lies between low and high."""
    edge = torch.arange(cells + 1, device=low.device, dtype=low.dtype) / cells
    ends = torch.minimum(high.unsqueeze(-1), edge[1:]) - torch.maximum(low.unsqueeze(-1), edge[:-1])
    return ends.clamp(min=0) * cells


def geometry(boxes: Tensor) -> Tensor:
    """What a region's box says (…, 8): x0, y0, x1, y1, centre x, centre y, width, height, all in 0..1."""
    low, high = boxes[..., :2], boxes[..., 2:]
    return torch.cat([boxes, (low + high) / 2, high - low], dim=-1)
