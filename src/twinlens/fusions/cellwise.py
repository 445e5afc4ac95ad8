"""Any fusion applied cell by cell to the picture's map, with the same weights and the cells kept apart."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from twinlens.core import variants
from twinlens.core.types import Features, TwinlensError
from twinlens.fusions import Fusion, as_map

_PLACE_STD = 0.5  # standard deviation of the cells' positions at first


class Cellwise(Fusion):
    """out = [W f(x₁ + p₁, t); …; W f(x_n + p_n, t)] for n = rows · columns `cells` of the picture's map and a fusion f.

    f is the fusion named `method`, as wide as the map, with the options under its name in `options` (one recipe can
    hold those of several methods); its weights and W (to `dim` / n) are shared by all cells, and p is a learned
    position. TIRG applies its two branches cell by cell to the last feature map, as VAL, CoSMo and FiLM do some of
    their layers, but all average over the cells in the end. Here, as in `gate`, every cell keeps its own part of the
    vector, so that an edit in one cell leaves the parts of the others unchanged. A bare vector is a map of equal cells,
    and convolutions see one cell at a time. The method's `auxiliary_loss` is for whole pictures and left out. Raises
    TwinlensError for a method that composes scores and not vectors, or a `dim` that n does not divide.
    """

    def __init__(
        self,
        *,
        image_dim: int,
        text_dim: int,
        dim: int,
        method: str = "tirg",
        cells: tuple[int, int] = (1, 1),
        options: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> None:
        super().__init__(image_dim=image_dim, text_dim=text_dim, dim=dim)
        self.cells = (cells[0], cells[1])
        count = cells[0] * cells[1]
        if dim % count:
            raise TwinlensError(f"dim {dim} is not a multiple of the {cells[0]} × {cells[1]} cells; change one of them")
        widths = {"image_dim": image_dim, "text_dim": text_dim, "dim": image_dim}
        self.method: Fusion = variants.make("fusions", method, **widths, **(options or {}).get(method, {}))
        if type(self.method).similarity is not Fusion.similarity:
            raise TwinlensError(f"{method} composes scores, not vectors, and cannot work cell by cell")
        _shrink_convolutions(self.method)
        self.place = nn.Parameter(_PLACE_STD * torch.randn(count, image_dim))
        self.project = nn.Linear(self.method.dim, dim // count)

    def compose(self, image: Features, text: Features) -> Tensor:
        """Compose both sides: (B, dim)."""
        cells = F.adaptive_avg_pool2d(as_map(image), self.cells).flatten(2).transpose(1, 2) + self.place  # (B, n, …)
        # Every cell becomes a picture of its own, with a copy of the text: B · n rows.
        pictures, texts = cells.flatten(0, 1), text.vector.repeat_interleave(cells.shape[1], dim=0)
        composed = self.method.compose(Features(pictures), Features(texts))
        return cast(Tensor, self.project(composed)).reshape(len(cells), -1)


def _shrink_convolutions(module: nn.Module) -> None:
    """Make all convolutions 1×1: a lone cell's neighbours are padding, whose weights would only cost time."""
    for name, child in module.named_children():
        if isinstance(child, nn.Conv2d) and child.kernel_size != (1, 1):
            own = nn.Conv2d(child.in_channels, child.out_channels, 1, groups=child.groups, bias=child.bias is not None)
            if not child.weight.any():  # a branch that starts at zero, such as the gate's residual
                nn.init.zeros_(own.weight)
            setattr(module, name, own)
        else:
            _shrink_convolutions(child)
