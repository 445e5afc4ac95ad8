"""FiLM: the text scales and shifts every channel of a small residual network on the picture."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from twinlens.core.types import Features
from twinlens.fusions import Fusion, as_map
from twinlens.fusions._layers import cell_width, pool_cells


class Film(Fusion):
    """Perez et al. 2018, "FiLM: visual reasoning with a general conditioning layer".

    `blocks` times: r = ReLU(Conv1×1 x), x ← r + ReLU(γ ⊙ BN(Conv3×3 r) + β), where [γ − 1; β] = Lin(t) for each block
    and BN has no scale and shift of its own; then the mean over each of the `cells` (rows, columns) and a linear layer,
    the cells' vectors concatenated.

    Differs from the paper: no coordinate maps and no recurrent question encoder, as both sides arrive encoded. Its
    classifier pools the map by its maximum; one cell, the default, is the mean over the whole map. A bare vector is a
    map of one cell.
    """

    def __init__(
        self, *, image_dim: int, text_dim: int, dim: int, blocks: int = 4, cells: tuple[int, int] = (1, 1)
    ) -> None:
        super().__init__(image_dim=image_dim, text_dim=text_dim, dim=dim)
        self.blocks = nn.ModuleList(_Block(image_dim) for _ in range(blocks))
        self.film = nn.Linear(text_dim, 2 * image_dim * blocks)
        self.cells = (cells[0], cells[1])
        self.project = nn.Linear(image_dim, cell_width(dim, self.cells))

    def compose(self, image: Features, text: Features) -> Tensor:
        """Compose both sides: (B, dim)."""
        x = as_map(image)  # (B, image_dim, H, W)
        modulations = self.film(text.vector)[:, :, None, None].chunk(2 * len(self.blocks), dim=1)
        for block, scale, shift in zip(self.blocks, modulations[::2], modulations[1::2], strict=True):
            x = block(x, 1 + scale, shift)
        return pool_cells(x, self.cells, self.project)


class _Block(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.mix = nn.Conv2d(width, width, 1)
        self.look = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(width, affine=False)

    def forward(self, x: Tensor, scale: Tensor, shift: Tensor) -> Tensor:
        r = F.relu(self.mix(x))
        return r + F.relu(scale * self.norm(self.look(r)) + shift)
