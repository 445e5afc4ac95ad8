"""Any fusion of maps applied to the picture's whole map, whose cells have positions and keep parts of their own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from torch import Tensor

from twinlens.core.types import Features
from twinlens.fusions._positioned import PositionedMap, make_method


class Mapwise(PositionedMap):
    """out = f([x₁ + p₁ … x_n + p_n], t) for n = rows · columns `cells` of the picture's map and a fusion f of maps.

    f is the fusion named `method`, with the options under its name in `options` and `cells`, so that it pools each cell
    by itself; p is a learned position. Beside `cellwise`, convolutions see a cell's neighbours and attention the other
    cells. `text_norm = "batch"` normalises the text first. The method's `auxiliary_loss` is left out. Raises
    TwinlensError for a method without the option `cells`, or a `dim` that n does not divide.
    """

    def __init__(
        self,
        *,
        image_dim: int,
        text_dim: int,
        dim: int,
        method: str = "gate",
        cells: tuple[int, int] = (1, 1),
        text_norm: Literal["batch"] | None = None,
        options: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> None:
        super().__init__(image_dim=image_dim, text_dim=text_dim, dim=dim, cells=cells, text_norm=text_norm)
        widths = {"image_dim": image_dim, "text_dim": text_dim, "dim": dim}
        self.method = make_method(method, options, **widths, cells=self.cells)

    def compose(self, image: Features, text: Features) -> Tensor:
        """Compose both sides: (B, dim)."""
        return self.method.checked(self.method.compose(self._cells(image), text), image)

    def gates(self, image: Features, text: Features) -> Tensor | None:
        """Return the gates of the method on the map of cells: (B, C, rows, columns)."""
        return self.method.gates(self._cells(image), text)

    def _cells(self, image: Features) -> Features:
        cells = self.positioned(image)
        return Features(cells.mean(1), cells, grid=self.cells)
