"""Any fusion applied cell by cell to the picture's map, with the same weights and the cells kept apart."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, cast

import torch
from torch import Tensor, nn

from twinlens.core.types import Features
from twinlens.fusions._layers import cell_width
from twinlens.fusions._positioned import PositionedMap, make_method


class Cellwise(PositionedMap):
    """out = [W f(x₁ + p₁, t); …; W f(x_n + p_n, t)] for n = rows · columns `cells` of the picture's map and a fusion f.

    f is the fusion named `method`, as wide as the map, with the options under its name in `options` (one recipe can
    hold those of several methods); its weights and W (to `dim` / n) are shared by all cells, and p is a learned
    position. TIRG applies its two branches cell by cell to the last feature map, as VAL, CoSMo and FiLM do some of
    their layers, but all average over the cells in the end. Here, as in `gate`, every cell keeps its own part of the
    vector, so that an edit in one cell leaves the parts of the others unchanged. A bare vector is a map of equal cells,
    and convolutions see one cell at a time; `mapwise` gives a method the whole map. `text_norm = "batch"` normalises
    the text first. The method's `auxiliary_loss` is for whole pictures and left out. Raises TwinlensError for a method
    that composes scores and not vectors, or a `dim` that n does not divide.
    """

    def __init__(
        self,
        *,
        image_dim: int,
        text_dim: int,
        dim: int,
        method: str = "tirg",
        cells: tuple[int, int] = (1, 1),
        text_norm: Literal["batch"] | None = None,
        options: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> None:
        super().__init__(image_dim=image_dim, text_dim=text_dim, dim=dim, cells=cells, text_norm=text_norm)
        width = cell_width(dim, self.cells)
        self.method = make_method(method, options, image_dim=image_dim, text_dim=text_dim, dim=image_dim)
        _shrink_convolutions(self.method)
        self.project = nn.Linear(self.method.dim, width)

    def compose(self, image: Features, text: Features) -> Tensor:
        """Compose both sides: (B, dim)."""
        rows, texts = self._rows(image, text)
        composed = self.method.checked(self.method.compose(rows, texts), rows)
        return cast(Tensor, self.project(composed)).reshape(len(image.vector), -1)

    def gates(self, image: Features, text: Features) -> Tensor | None:
        """Return the gates of the method, whose only cell is each cell of the map: (B, C, rows, columns)."""
        gates = self.method.gates(*self._rows(image, text))
        if gates is None:
            return None
        return gates.flatten(1).reshape(len(image.vector), *self.cells, -1).permute(0, 3, 1, 2)

    def _rows(self, image: Features, text: Features) -> tuple[Features, Features]:
        """Make every cell a picture of its own, with a copy of the text: B · n rows."""
        cells = self.positioned(image)
        return Features(cells.flatten(0, 1)), Features(text.vector.repeat_interleave(cells.shape[1], dim=0))


@torch.no_grad()
def _shrink_convolutions(module: nn.Module) -> None:
    """Reduce all convolutions to the middle of their kernels, as a lone cell's neighbours are padding.

    The weights are scaled by the root of the kernel's area, which gives them the spread of a 1×1 kernel's.
    """
    for name, child in module.named_children():
        if not isinstance(child, nn.Conv2d) or child.kernel_size == (1, 1):
            _shrink_convolutions(child)
            continue
        own = nn.Conv2d(child.in_channels, child.out_channels, 1, groups=child.groups, bias=child.bias is not None)
        rows, columns = child.weight.shape[2:]
        scale, middle = (rows * columns) ** 0.5, child.weight[:, :, rows // 2, columns // 2, None, None]
        own.weight.copy_(scale * middle)
        if own.bias is not None and child.bias is not None:
            own.bias.copy_(scale * child.bias)
        setattr(module, name, own)
