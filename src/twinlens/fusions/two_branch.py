"""The two-branch network: one small network per side, their outputs added."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from twinlens.core.types import Features
from twinlens.fusions import Fusion


class TwoBranch(Fusion):
    """Wang et al. 2018, "Learning two-branch neural networks for image-text matching tasks".

    out = L2(f_x x) + L2(f_t t), each branch f = Lin(Drop(ReLU(BN(Lin ·)))). For a space of 512 the authors' hidden
    width is 2048: 4 times `dim`. The ranking loss of the paper is `two_branch_ranking`.

    Differs from the paper, which matches pictures with sentences and composes nothing: the sum of both branches is the
    query, and the branch of a missing side adds the same vector to every row.
    """

    def __init__(self, *, image_dim: int, text_dim: int, dim: int, hidden_ratio: int = 4, dropout: float = 0.5) -> None:
        super().__init__(image_dim=image_dim, text_dim=text_dim, dim=dim)
        hidden = hidden_ratio * dim
        self.image_branch, self.text_branch = (
            nn.Sequential(
                nn.Linear(width, hidden),
                nn.BatchNorm1d(hidden),
                nn.ReLU(),
                nn.Dropout(dropout),
                nn.Linear(hidden, dim),
            )
            for width in (image_dim, text_dim)
        )

    def compose(self, image: Features, text: Features) -> Tensor:
        """Compose both sides: (B, dim)."""
        x, t = self.image_branch(image.vector), self.text_branch(text.vector)
        return F.normalize(x, dim=-1) + F.normalize(t, dim=-1)
