"""Any fusion cell by cell: the same small composition everywhere on the picture's map, places kept apart."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from twinlens.core import variants
from twinlens.core.types import Features, TwinlensError
from twinlens.fusions import Fusion, as_map

_PLACE = 0.5  # spread of the places at first


class Cellwise(Fusion):
    """out = [W f(x₁ + p₁, t); …; W f(x_n + p_n, t)] for n = rows · columns `cells` of the picture's map and a fusion f.

    f is the fusion named `method`, as wide as the map, with the options that `options` has under its name (one recipe
    can hold those of several methods); its weights and W (to `dim` / n) are the same for all cells, and a learned p
    tells a cell where it is. TIRG does the same with its two branches on the last feature map, and VAL, CoSMo and FiLM
    with layers of theirs, but all average over the cells in the end; here, as in `gate`, every cell keeps its own part
    of the vector, so that an edit of one thing in one place leaves the others where they are. A bare vector is a map of
    equal cells, and convolutions see one cell at a time. A method's own term of the loss speaks of whole pictures and
    is left out. Raises TwinlensError for a method that composes scores and not vectors, or a `dim` that n does not
    divide.
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
        _forget_neighbours(self.method)
        self.place = nn.Parameter(_PLACE * torch.randn(count, image_dim))
        self.project = nn.Linear(self.method.dim, dim // count)

    def compose(self, image: Features, text: Features) -> Tensor:
        """(B, dim)."""
        cells = F.adaptive_avg_pool2d(as_map(image), self.cells).flatten(2).transpose(1, 2) + self.place  # (B, n, …)
        composed = self.method.compose(*self._spread(cells, text.vector))
        return cast(Tensor, self.project(composed)).reshape(len(cells), -1)

    def _spread(self, cells: Tensor, words: Tensor) -> tuple[Features, Features]:
        """Cells (B, n, D) and a text (B, T) as B · n pictures with their text."""
        count = cells.shape[1]
        return Features(cells.flatten(0, 1)), Features(words.repeat_interleave(count, dim=0))


def _forget_neighbours(module: nn.Module) -> None:
    """Convolutions become 1×1: a lone cell's neighbours are padding, and the weights for them would only cost time."""
    for name, child in module.named_children():
        if isinstance(child, nn.Conv2d) and child.kernel_size != (1, 1):
            own = nn.Conv2d(child.in_channels, child.out_channels, 1, groups=child.groups, bias=child.bias is not None)
            setattr(module, name, own)
        else:
            _forget_neighbours(child)
