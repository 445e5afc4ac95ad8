"""BASIC: centre both sides, project pictures on subjects rather than styles, and multiply both similarities."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor

from twinlens.core.types import TwinlensError
from twinlens.fusions._score_level import ScoreLevel, sides

_MOST_PAIRED = 2048  # rows whose pairwise similarities give the lowest ones


class Basic(ScoreLevel):
    """Psomas et al. 2025, "Instance-level composed image retrieval", training-free on frozen encoders such as CLIP.

    x̃ = L2(L2(x) − mean), t̃ likewise with the texts' mean; s_i = ⟨P x̃, ỹ⟩, s_t = ⟨t̃, ỹ⟩ for a gallery picture ỹ;
    both are rescaled by the lowest similarity met in `fit`, s ← max(0, (s − low) / |low|); score = s_t · s_i − harris ·
    (s_t + s_i)². P projects on the eigenvectors of (1 − α) S₊ − α S₋ with the largest positive eigenvalues, at most
    `components`: it keeps variation among subjects (S₊) and drops variation among styles (S₋). A query with one side is
    ranked by its cosine ⟨x̃, ỹ⟩ or ⟨t̃, ỹ⟩. Before `fit` the means are 0, P is the identity and low is −1.

    Query expansion: x̃ is replaced by the mean of itself and of the `expansion` pictures ỹ of the gallery with the
    largest s_i, weighted by softmax(s_i / 10), the query's own s_i being 1. The authors take 25; their figures on i-CIR
    are 31.6 with and 34.4 without. It needs the whole gallery at once: a collection, which scores by blocks, leaves it
    at 0.

    Differs from the authors' code: centred vectors have unit length again; each similarity has its own low, of real
    pairs, where theirs come from generated pictures and share one divisor.
    """

    published: ClassVar[Mapping[str, Any]] = {"expansion": 25}

    mean_image: Tensor
    mean_text: Tensor
    projection: Tensor
    lows: Tensor

    def __init__(
        self,
        *,
        image_dim: int,
        text_dim: int,
        dim: int,
        alpha: float = 0.2,
        components: int = 250,
        harris: float = 0.1,
        expansion: int = 0,
    ) -> None:
        super().__init__(image_dim=image_dim, text_dim=text_dim, dim=dim)
        self.alpha, self.components, self.harris, self.expansion = alpha, components, harris, expansion
        self.register_buffer("mean_image", torch.zeros(image_dim))
        self.register_buffer("mean_text", torch.zeros(image_dim))
        self.register_buffer("projection", torch.eye(image_dim))
        self.register_buffer("lows", -torch.ones(2))  # of picture with picture, of text with picture

    @torch.no_grad()
    def fit(
        self,
        image_vectors: Tensor,
        text_vectors: Tensor,
        *,
        subjects: Tensor | None = None,
        styles: Tensor | None = None,
    ) -> None:
        """Fit means, projection and lowest similarities to encoded pictures (N, d) and texts (M, d), unpaired.

        subjects (S, d) and styles (S', d) are encoded texts, the authors' two word lists. By default the pictures
        themselves stand in for the subjects, and the texts for the styles. Raises TwinlensError on fewer than two
        pictures or texts.
        """
        if len(image_vectors) < 2 or len(text_vectors) < 2:
            raise TwinlensError("basic is calibrated on at least two pictures and two texts; give more")
        self.mean_image.copy_(F.normalize(image_vectors, dim=-1).mean(0))
        self.mean_text.copy_(F.normalize(text_vectors, dim=-1).mean(0))
        images, texts = self.prepared_image(image_vectors), self.prepared_text(text_vectors)
        kept = images if subjects is None else self.prepared_text(subjects)
        dropped = texts if styles is None else self.prepared_text(styles)
        self.projection.copy_(self._contrast(kept, dropped))
        images, texts = images[:_MOST_PAIRED], texts[:_MOST_PAIRED]
        lowest = [(images @ self.projection @ images.T).min(), (texts @ images.T).min()]
        self.lows.copy_(torch.stack(lowest))

    def prepared_image(self, x: Tensor) -> Tensor:
        """Centre pictures (B, image_dim) and scale them to unit length."""
        return F.normalize(F.normalize(x, dim=-1) - self.mean_image, dim=-1)

    def prepared_text(self, t: Tensor) -> Tensor:
        """Centre texts (B, text_dim) and scale them to unit length."""
        return F.normalize(F.normalize(t, dim=-1) - self.mean_text, dim=-1)

    def similarity(self, queries: Tensor, gallery: Tensor) -> Tensor:
        """Score queries against entries: (Q, N); the text of an entry without a picture takes the picture's place."""
        (x, t), (y, _) = sides(queries), sides(gallery)
        by_text, pictures = t @ y.T, self._expanded(x, y) if self.expansion else x
        s_i, s_t = self._rescaled(pictures @ self.projection @ y.T, 0), self._rescaled(by_text, 1)
        score = s_t * s_i - self.harris * (s_t + s_i).square()
        alone = (x == t).all(-1, keepdim=True)
        return torch.where(alone, by_text, score)

    def _expanded(self, x: Tensor, y: Tensor) -> Tensor:
        """Average each query x (Q, d) with its nearest pictures among y (N, d), not scaled to unit length."""
        nearest = (x @ self.projection @ y.T).topk(min(self.expansion, len(y)))
        weights = torch.softmax(F.pad(nearest.values, (0, 1), value=1.0) / 10, dim=-1)  # the query's own at the end
        neighbours = (weights[:, :-1, None] * y[nearest.indices]).sum(1)
        return neighbours + weights[:, -1:] * x

    def _contrast(self, kept: Tensor, dropped: Tensor) -> Tensor:
        """Compute the projection (d, d) of contrastive component analysis."""
        scatter = (1 - self.alpha) * _scatter(kept) - self.alpha * _scatter(dropped)
        values, vectors = torch.linalg.eigh(scatter)  # ascending
        count = max(1, min(self.components, int((values > 0).sum())))
        best: Tensor = vectors[:, -count:]
        return best @ best.T

    def _rescaled(self, similarity: Tensor, kind: int) -> Tensor:
        low = self.lows[kind]
        return ((similarity - low) / low.abs().clamp_min(1e-6)).clamp_min(0)


def _scatter(vectors: Tensor) -> Tensor:
    return vectors.T @ vectors / max(1, len(vectors) - 1)
