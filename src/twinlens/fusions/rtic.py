"""RTIC: the text's change is a residual that a gate mixes with the picture; a graph network regularises training."""

from __future__ import annotations

from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from twinlens.core.types import Features
from twinlens.fusions import Fusion
from twinlens.fusions._layers import projection


class Rtic(Fusion):
    """Shin et al. 2021, "RTIC: residual learning for text and image composition using graph convolutional network".

    z = [x; t], f₀ = Lin(LeakyReLU(BN z)), f ← f + MLP(f) `blocks` times with MLP d → d/2 → d/2 → d (BN and LeakyReLU
    between), g = σ(Lin(LeakyReLU(BN(Lin f₀)))), out = g ⊙ x + (1 − g) ⊙ f.

    With `gcn` training has an `auxiliary_loss`: the queries of a batch are the nodes of a graph whose edges join the
    most similar pairs; a second composer and two graph convolutions embed every node, and each composed query must
    predict its neighbours (`density`: share of all pairs that are joined; `tau`: weight of a node's neighbours
    together, beside 1 for itself). None of it runs at search time.

    Differs from the authors' code: sides that are not `dim` wide are first projected to it; the graph is over the
    batch, where theirs is over the whole training set, embedded by a trained composer; the adjacency is normalised
    symmetrically; the nodes have unit length before the convolutions, and a gallery picture passes through the same
    layers.
    """

    def __init__(
        self,
        *,
        image_dim: int,
        text_dim: int,
        dim: int,
        blocks: int = 4,
        gcn: bool = False,
        density: float = 0.1,
        tau: float = 0.25,
    ) -> None:
        super().__init__(image_dim=image_dim, text_dim=text_dim, dim=dim)
        self.image_map, self.text_map = projection(image_dim, dim), projection(text_dim, dim)
        self.join = nn.Sequential(nn.BatchNorm1d(2 * dim), nn.LeakyReLU(), nn.Linear(2 * dim, dim))
        self.errors = nn.ModuleList(_error(dim) for _ in range(blocks))
        self.gate = nn.Sequential(nn.Linear(dim, dim), nn.BatchNorm1d(dim), nn.LeakyReLU(), nn.Linear(dim, dim))
        self.graph = _Graph(image_dim, text_dim, dim, blocks, density, tau) if gcn else None

    def compose(self, image: Features, text: Features) -> Tensor:
        """Compose both sides: (B, dim)."""
        x, f = self._joined(image, text)
        gate = torch.sigmoid(self.gate(f))
        for error in self.errors:
            f = f + error(f)
        composed: Tensor = gate * x + (1 - gate) * f
        return composed

    def gates(self, image: Features, text: Features) -> Tensor:
        """Return the gate on the picture as a map of one cell: (B, dim, 1, 1)."""
        return torch.sigmoid(self.gate(self._joined(image, text)[1]))[:, :, None, None]

    def _joined(self, image: Features, text: Features) -> tuple[Tensor, Tensor]:
        """Project the picture, and join both sides: (B, dim) each."""
        x = self.image_map(image.vector)
        return x, self.join(torch.cat([x, self.text_map(text.vector)], dim=-1))

    def auxiliary_loss(
        self, image: Features | None, text: Features | None, composed: Tensor, targets: Tensor
    ) -> Tensor | None:
        """Return the graph's loss for a batch: both sides, composed and targets (B, D); None without `gcn`."""
        return None if self.graph is None else cast(Tensor, self.graph(image, text, composed, targets))


class _Graph(nn.Module):
    """The graph network: composer → two graph convolutions → binary cross-entropy on each query's adjacency."""

    def __init__(self, image_dim: int, text_dim: int, dim: int, blocks: int, density: float, tau: float) -> None:
        super().__init__()
        self.composer = Rtic(image_dim=image_dim, text_dim=text_dim, dim=dim, blocks=blocks)
        self.first, self.second = nn.Linear(dim, dim), nn.Linear(dim, dim)
        self.density, self.tau = density, tau

    def forward(self, image: Features | None, text: Features | None, composed: Tensor, targets: Tensor) -> Tensor:
        joined = _neighbours(composed.detach(), targets.detach(), self.density)
        weights = _weights(joined, self.tau)
        nodes = self.composer(_full_precision(image), _full_precision(text))
        nodes = self.second(weights @ F.relu(self.first(weights @ nodes)))
        return F.binary_cross_entropy_with_logits(composed @ nodes.T, joined)


def _full_precision(side: Features | None) -> Features | None:
    """Convert a side's vectors to float32: under autocast the encoders may have returned bfloat16."""
    return None if side is None else Features(side.vector.float(), present=side.present)


def _neighbours(composed: Tensor, targets: Tensor, density: float) -> Tensor:
    """Join the pairs with the largest (FFᵀ + 1)/2, F = L2[target; composed]: adjacency (B, B), its diagonal 1."""
    f = F.normalize(torch.cat([targets, composed], dim=-1), dim=-1)
    similarity = (f @ f.T + 1) / 2
    edges = max(len(f), round(density * len(f) ** 2))
    threshold = similarity.flatten().topk(edges).values[-1]
    return (similarity >= threshold).to(composed.dtype).fill_diagonal_(1)


def _weights(joined: Tensor, tau: float) -> Tensor:
    """Normalise an adjacency: D^(−½) (τ · row-normalised neighbours + I) D^(−½), D the row sums."""
    others = joined.clone().fill_diagonal_(0)
    mass = tau * others / others.sum(1, keepdim=True).clamp_min(1) + torch.eye(len(joined), device=joined.device)
    root = mass.sum(1).rsqrt()
    return root[:, None] * mass * root


def _error(dim: int) -> nn.Sequential:
    half = max(1, dim // 2)
    return nn.Sequential(
        nn.Linear(dim, half),
        nn.BatchNorm1d(half),
        nn.LeakyReLU(),
        nn.Linear(half, half),
        nn.BatchNorm1d(half),
        nn.LeakyReLU(),
        nn.Linear(half, dim),
    )
