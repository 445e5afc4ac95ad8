"""CoSMo: the text modulates the picture's content cell by cell, then its style as a whole."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from twinlens.core.types import Features, TwinlensError
from twinlens.fusions import Fusion, as_map
from twinlens.fusions._layers import append_text, cell_width, pool_cells

_EPSILON = 1e-5  # that of instance normalisation


class Cosmo(Fusion):
    """Lee et al. 2021, "CoSMo: content-style modulation for image retrieval with text feedback".

    x̂ = (x − mean x) / std x. Content, twice: x̂ ← x̂ + w · Conv1×1(values · mapᵀ), where for each of `heads` heads
    map = softmax(QKᵀ/√d) + softmax over cells of x̂ · W t / √d, Q and K from x̂, values from Conv1×1[x̂; t]. Style:
    out = γ x̂ + β, γ = σ(g₁ t) · std x + γ_t, β = σ(g₂ t) · mean x + β_t, without gradients through mean and std.
    Then the mean over cells and a linear layer; with `cells` (rows, columns) the mean over each of them, the same layer
    for all, and their vectors concatenated.

    Differs from the authors' code: a map of one cell (a bare vector) has no statistics over cells, so they are taken
    over its channels; plain linear layers replace their equalised ones, which change only the learning rate. Gallery
    pictures pass through the same layers with their text missing.
    """

    def __init__(
        self, *, image_dim: int, text_dim: int, dim: int, heads: int = 8, cells: tuple[int, int] = (1, 1)
    ) -> None:
        super().__init__(image_dim=image_dim, text_dim=text_dim, dim=dim)
        if image_dim % heads:
            raise TwinlensError(f"cosmo needs a picture width that {heads} heads divide, not {image_dim}; set heads")
        self.content = nn.ModuleList(_Attention(image_dim, text_dim, heads) for _ in range(2))
        self.weights = nn.Parameter(torch.ones(2))
        self.style, self.gate = nn.Linear(text_dim, 2 * image_dim), nn.Linear(text_dim, 2 * image_dim)
        self.cells = (cells[0], cells[1])
        self.project = nn.Linear(image_dim, cell_width(dim, self.cells))
        with torch.no_grad():  # at first γ_t = 1 and β_t = 0 but for the text's part
            self.style.bias.copy_(torch.cat([torch.ones(image_dim), torch.zeros(image_dim)]))

    def compose(self, image: Features, text: Features) -> Tensor:
        """Compose both sides: (B, dim)."""
        x, t = as_map(image), text.vector
        mean, std = _statistics(x)
        content = (x - mean) / std
        for attention, weight in zip(self.content, self.weights, strict=True):
            content = content + weight * attention(content, t)
        scale, shift = self.style(t)[:, :, None, None].chunk(2, dim=1)
        gate_scale, gate_shift = torch.sigmoid(self.gate(t))[:, :, None, None].chunk(2, dim=1)
        styled = (gate_scale * std.detach() + scale) * content + gate_shift * mean.detach() + shift
        return pool_cells(styled, self.cells, self.project)


class _Attention(nn.Module):
    """Attention among cells and of the text to cells: x (B, D, H, W), t (B, T) → (B, D, H, W)."""

    def __init__(self, width: int, text_dim: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.query, self.key, self.value = (nn.Conv2d(width, width, 1, bias=False) for _ in range(3))
        self.join = nn.Conv2d(width + text_dim, width, 1, bias=False)
        self.words = nn.Linear(text_dim, width)
        self.mix = nn.Conv2d(width, width, 1)

    def forward(self, x: Tensor, t: Tensor) -> Tensor:
        query, key = self._split(self.query(x)), self._split(self.key(x))
        value = self._split(self.value(self.join(append_text(x, t))))
        words = self.words(t).reshape(t.shape[0], self.heads, -1, 1)  # (B, heads, D / heads, 1)
        root = math.sqrt(query.shape[-1])
        among_cells = torch.softmax(query @ key.transpose(-1, -2) / root, dim=-1)  # (B, heads, H·W, H·W)
        to_words = torch.softmax(self._split(x) @ words / root, dim=-2)  # (B, heads, H·W, 1)
        attended = (among_cells + to_words.transpose(-1, -2)) @ value
        mixed: Tensor = self.mix(attended.transpose(-1, -2).reshape(x.shape))
        return mixed

    def _split(self, x: Tensor) -> Tensor:
        """Split a map's channels by head: (B, D, H, W) → (B, heads, H·W, D / heads)."""
        return x.reshape(x.shape[0], self.heads, x.shape[1] // self.heads, -1).transpose(-1, -2)


def _statistics(x: Tensor) -> tuple[Tensor, Tensor]:
    """Compute mean and standard deviation over cells (B, D, 1, 1), of a single cell over channels (B, 1, 1, 1)."""
    over = (2, 3) if x.shape[2] * x.shape[3] > 1 else (1, 2, 3)
    variance, mean = torch.var_mean(x, over, correction=0, keepdim=True)
    return mean, (variance + _EPSILON).sqrt()
