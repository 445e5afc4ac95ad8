"""VAL: channel and spatial attention preserve the picture, self-attention over both sides transforms it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from twinlens.core.types import Features, TwinlensError
from twinlens.fusions import Fusion, as_map
from twinlens.fusions._layers import append_text, cell_width, pool_cells


class Val(Fusion):
    """Chen et al. 2020, "Image search with text feedback by visiolinguistic attention learning".

    At each level, on its map x: V = Conv1×1[x; t], c = Conv1×1(mean of V over cells), s = Conv(mean of V over
    channels), out = w_r · σ(c) σ(s) ⊙ x + w_s · Conv1×1(SelfAttention(V)), w_r = 1 and w_s = 0 at first, both learned;
    then the mean over cells and a linear layer. The levels' vectors, each of unit length, are concatenated. As in the
    authors' code on MobileNet, every convolution is followed by batch normalisation and ReLU6. With `cells` (rows,
    columns) the mean is over each of them, the same layer for all, and their vectors are concatenated.

    Differs from the authors' code: their levels are three depths of the backbone. Our encoders have one map, so that
    further `levels` are this map averaged over 2×2, 4×4, … cells. The spatial gate is a convolution of 3×3, which
    fits any map, where theirs is as large as the map. The paper's sum of losses over levels is one loss on the
    concatenation. Gallery pictures pass through the same layers with their text missing.
    """

    published: ClassVar[Mapping[str, Any]] = {"levels": 3}

    def __init__(
        self,
        *,
        image_dim: int,
        text_dim: int,
        dim: int,
        levels: int = 1,
        heads: int = 2,
        dropout: float = 0.1,
        cells: tuple[int, int] = (1, 1),
    ) -> None:
        super().__init__(image_dim=image_dim, text_dim=text_dim, dim=dim)
        if image_dim % heads:
            raise TwinlensError(f"val needs a picture width that {heads} heads divide, not {image_dim}; set heads")
        if dim % levels:
            raise TwinlensError(f"val needs a dim that {levels} levels divide, not {dim}; set levels or dim")
        self.cells = (cells[0], cells[1])
        width = cell_width(dim // levels, self.cells)
        self.levels = nn.ModuleList(_Level(image_dim, text_dim, heads, dropout) for _ in range(levels))
        self.projections = nn.ModuleList(nn.Linear(image_dim, width) for _ in range(levels))

    def compose(self, image: Features, text: Features) -> Tensor:
        """Compose both sides: (B, dim)."""
        x, vectors = as_map(image), []
        for number, (level, project) in enumerate(zip(self.levels, self.projections, strict=True)):
            rows, columns = (-(-side // 2**number) for side in x.shape[2:])
            composed = level(F.adaptive_avg_pool2d(x, (rows, columns)), text.vector)
            vectors.append(F.normalize(pool_cells(composed, self.cells, project), dim=-1))
        return torch.cat(vectors, dim=-1)

    def gates(self, image: Features, text: Features) -> Tensor:
        """Return the gate of the first level, which has the whole map: (B, image_dim, H, W)."""
        level = self.levels[0]
        assert isinstance(level, _Level)
        return level.gate(level.join(append_text(as_map(image), text.vector)))


class _Level(nn.Module):
    """One level of VAL: x (B, D, H, W), t (B, T) → (B, D, H, W)."""

    def __init__(self, width: int, text_dim: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.join = _convolution(width + text_dim, width)
        self.channel = _convolution(width, width)
        self.spatial = _convolution(1, 1, 3)
        self.heads, self.dropout = heads, dropout
        self.attend = nn.Conv2d(width, 3 * width, 1, groups=heads, bias=False)  # query, key, value of each head
        self.mix = _convolution(width, width)
        self.keep = nn.Parameter(torch.ones(()))  # w_r
        self.change = nn.Parameter(torch.zeros(()))  # w_s

    def forward(self, x: Tensor, t: Tensor) -> Tensor:
        v = self.join(append_text(x, t))
        out: Tensor = self.keep * self.gate(v) * x + self.change * self.mix(self._self_attention(v))
        return out

    def gate(self, v: Tensor) -> Tensor:
        """Compute the gate σ(c) σ(s) (B, D, H, W)."""
        channel = self.channel(v.mean((2, 3), keepdim=True))
        spatial = self.spatial(v.mean(1, keepdim=True))
        return torch.sigmoid(channel) * torch.sigmoid(spatial)

    def _self_attention(self, v: Tensor) -> Tensor:
        width = v.shape[1] // self.heads
        parts = self.attend(v).reshape(v.shape[0], self.heads, 3, width, -1)  # (B, heads, 3, D / heads, H·W)
        query, key, value = parts.transpose(-1, -2).unbind(2)
        dropout = self.dropout if self.training else 0.0
        attended = F.scaled_dot_product_attention(query, key, value, dropout_p=dropout)
        return attended.transpose(-1, -2).reshape(v.shape)


def _convolution(width: int, out: int, kernel: int = 1) -> nn.Sequential:
    """Build Conv → BN → ReLU6 on maps of any size."""
    convolution = nn.Conv2d(width, out, kernel, padding=kernel // 2, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(out), nn.ReLU6())
