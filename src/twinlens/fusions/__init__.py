"""Fusions: picture features and text features → one unit vector. One file per variant; this file is the contract."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from twinlens.calibration import Channel
from twinlens.core.types import Features
from twinlens.fusions._output import check_output
from twinlens.fusions._sides import as_map, fill_absent

__all__ = ["Fusion", "as_map"]


class Fusion(nn.Module, ABC):
    """The contract of every fusion: `forward(image, text) → (B, D)` of unit length, either side may be missing.

    A missing side, a whole one (None) or single rows (`present` False), is replaced by a learned vector that starts at
    zero, so that a bare gallery picture, a caption alone and a composed query pass through the same layers, in the same
    batch: separate passes would let batch normalisation tell them apart. A subclass writes `compose` alone.
    """

    published: ClassVar[Mapping[str, Any]] = {}
    """Options of the paper that the constructor's defaults differ from; all others default to the paper's."""
    channels: Sequence[Channel] = ()
    """The comparisons by which a collection scores this method's vectors; without any, by their cosine."""
    by_inner_product: bool = True
    """True if `similarity` ranks as inner products of whole vectors or of channels do; if False, a collection calls
    `similarity` for every entry.
    """

    def __init__(self, *, image_dim: int, text_dim: int, dim: int) -> None:
        super().__init__()
        self.image_dim, self.text_dim, self.dim = image_dim, text_dim, dim
        self.no_image = nn.Parameter(torch.zeros(image_dim))
        self.no_text = nn.Parameter(torch.zeros(text_dim))
        self.is_checked = type(self).__module__.startswith("twinlens.")

    def forward(self, image: Features | None, text: Features | None) -> Tensor:
        """Compose both sides into unit vectors (B, D). Raises ValueError when both are None."""
        image, text = self.filled(image, text)
        composed = self.compose(image, text)
        if not self.is_checked:
            check_output(composed, (len(image.vector), self.dim), type(self).__name__)
        return F.normalize(composed, dim=-1)

    def checked(self, composed: Tensor, side: Features | None) -> Tensor:
        """Return what was composed of a side and another. Raises TwinlensError if a plug-in's is no (B, D) of floats.

        Only the first batch is looked at, and none of a method of this package.
        """
        if not self.is_checked and side is not None:
            check_output(composed, (len(side.vector), self.dim), type(self).__name__)
            self.is_checked = True
        return composed

    def gate_map(self, image: Features | None, text: Features | None) -> Tensor | None:
        """Return how far the gate is open over the picture (B, H, W), 0 to 1: the mean of `gates` over channels.

        None for a method without a gate. Raises ValueError when both sides are None.
        """
        gates = self.gates(*self.filled(image, text))
        return None if gates is None else gates.mean(1)

    def filled(self, image: Features | None, text: Features | None) -> tuple[Features, Features]:
        """Replace what is missing of both sides by the learned vectors. Raises ValueError when both are None."""
        side = image or text
        if side is None:
            raise ValueError("a fusion needs an image, a text, or both")
        rows = side.vector.shape[0]
        return fill_absent(image, self.no_image, rows), fill_absent(text, self.no_text, rows)

    @abstractmethod
    def compose(self, image: Features, text: Features) -> Tensor:
        """Compose both sides, neither missing: (B, D), of any length; a row of zeros stays zero."""

    def gates(self, image: Features, text: Features) -> Tensor | None:  # noqa: ARG002
        """Return the gate σ(·) on the picture's map (B, C, H, W), neither side missing; H = W = 1 for a bare vector.

        None for a method that has no gate on the picture. A method that has one composes with the same tensor.
        """
        return None

    def auxiliary_loss(
        self,
        image: Features | None,  # noqa: ARG002
        text: Features | None,  # noqa: ARG002
        composed: Tensor,  # noqa: ARG002
        targets: Tensor,  # noqa: ARG002
    ) -> Tensor | None:
        """Return the method's own term of the training loss, a scalar; None for most methods.

        image, text: the queries' encoded sides. composed, targets (B, D): their composed vectors and their targets'.
        """
        return None

    def similarity(self, queries: Tensor, gallery: Tensor) -> Tensor:
        """Score unit vectors (Q, D) against (N, D): (Q, N), higher is nearer; the cosine unless overridden."""
        return queries @ gallery.T
