"""ComposeAE: the text rotates the picture in a complex space; an autoencoder reconstructs both from the result."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from twinlens import losses
from twinlens.core.types import Features
from twinlens.fusions import Fusion
from twinlens.fusions._layers import kept_statistics, projection

_SCALE = 16.0  # the vectors on both sides of the authors' loss have length 4


class ComposeAE(Fusion):
    """Anwaar et al. 2021, "Compositional learning of image-text query for image retrieval".

    v = MLP(x) with `dropout`, θ = MLP(t), Re = v ⊙ cos θ, Im = c · v ⊙ sin θ with c = 1;
    out = a₁ · ρ([Re; Im]) + a₀ · ρ_conv(stack[v, θ, x, Re, Im]), a = (1, 10) learned, ρ = MLP, ρ_conv = Conv1d(5 →
    `channels`, kernel 3) → max-pooling to `stretches` positions → MLP; each branch has v and θ of its own.

    `auxiliary_loss`: reconstruction · (MSE(dec_x out, x) + MSE(dec_t out, t)) + rotation · L_rot, where L_rot is the
    batch softmax of targets, rotated back by the conjugate (c = −1), against their sources.

    Differs from the authors' code: a picture that is not `dim` wide is first projected to it. Gallery pictures pass
    through the same layers, so the shared space is not the encoder's: targets enter L_rot through dec_x, and sources
    are composed as gallery pictures, without a text. The decoders read the unit vector, and get no gradient through x
    and t: trained encoders must not learn features only because they are easy to reconstruct.
    """

    def __init__(
        self,
        *,
        image_dim: int,
        text_dim: int,
        dim: int,
        channels: int = 64,
        stretches: int = 16,
        dropout: float = 0.5,
        reconstruction: float = 0.1,
        rotation: float = 0.01,
    ) -> None:
        super().__init__(image_dim=image_dim, text_dim=text_dim, dim=dim)
        self.reconstruction, self.rotation = reconstruction, rotation
        self.image_map = projection(image_dim, dim)
        self.linear_turn, self.conv_turn = (_Rotation(text_dim, dim, dropout) for _ in range(2))
        self.linear = _decoder(2 * dim, dim)
        self.convolve = nn.Sequential(
            nn.Conv1d(5, channels, 3, padding=1), nn.AdaptiveMaxPool1d(stretches), nn.Flatten()
        )
        self.conv = _decoder(channels * stretches, dim)
        self.image_decoder, self.text_decoder = _decoder(dim, image_dim), _decoder(dim, text_dim)
        self.a = nn.Parameter(torch.tensor([1.0, 10.0]))

    def compose(self, image: Features, text: Features) -> Tensor:
        """Compose both sides: (B, dim)."""
        return self._compose(image.vector, text.vector, image.vector.new_ones(()))

    def auxiliary_loss(
        self, image: Features | None, text: Features | None, composed: Tensor, targets: Tensor
    ) -> Tensor | None:
        """Add up the autoencoder's terms for a batch of queries: both sides, composed (B, D), targets (B, D)."""
        loss = composed.new_zeros(())
        if self.reconstruction:
            for side, decoder in ((image, self.image_decoder), (text, self.text_decoder)):
                if side is not None:
                    loss = loss + self.reconstruction * _reconstruction(side, decoder(composed))
        if self.rotation and image is not None and text is not None:
            both = _present(image) & _present(text)
            if int(both.sum()) > 1:
                loss = loss + self.rotation * self._rotation(image.vector[both], text.vector[both], targets[both])
        return loss

    def _compose(self, x: Tensor, t: Tensor, sign: Tensor) -> Tensor:
        x = self.image_map(x)
        _, _, re, im = self.linear_turn(x, t, sign)
        linear = self.linear(torch.cat([re, im], dim=-1))
        v, theta, re, im = self.conv_turn(x, t, sign)
        conv = self.conv(self.convolve(torch.stack([v, theta, x, re, im], dim=1)))  # over (B, 5, dim)
        composed: Tensor = self.a[1] * linear + self.a[0] * conv
        return composed

    def _rotation(self, x: Tensor, t: Tensor, targets: Tensor) -> Tensor:
        """Compute L_rot from sources x, texts t and targets, (B, …) each, in one pass of 2·B rows."""
        pictures = torch.cat([self.image_decoder(targets), x])
        words = torch.cat([t, self.no_text.expand(len(t), -1)])
        sign = torch.ones_like(pictures[:, :1])
        sign[: len(t)] = -1
        with kept_statistics(self):
            back, sources = F.normalize(self._compose(pictures, words, sign), dim=-1).chunk(2)
        same = (x[:, None] == x).all(-1)  # two queries of one picture have one source
        return losses.batch_softmax(back, sources, mask=same, scale=_SCALE)


class _Rotation(nn.Module):
    """The complex rotation: x (B, dim), t (B, text_dim) → v, θ, Re, Im (B, dim)."""

    def __init__(self, text_dim: int, dim: int, dropout: float) -> None:
        super().__init__()
        self.length = nn.Sequential(
            nn.BatchNorm1d(dim), nn.Linear(dim, dim), nn.Dropout(dropout), nn.ReLU(), nn.Linear(dim, dim)
        )
        self.angle = nn.Sequential(nn.BatchNorm1d(text_dim), nn.Linear(text_dim, dim), nn.ReLU(), nn.Linear(dim, dim))

    def forward(self, x: Tensor, t: Tensor, sign: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        v, theta = self.length(x), self.angle(t)
        return v, theta, v * torch.cos(theta), sign * v * torch.sin(theta)


def _decoder(width: int, out: int) -> nn.Sequential:
    return nn.Sequential(nn.BatchNorm1d(width), nn.ReLU(), nn.Linear(width, out), nn.ReLU(), nn.Linear(out, out))


def _present(side: Features) -> Tensor:
    """Return a mask of the rows in which a side is present: (B,) bool."""
    if side.present is None:
        return torch.ones(len(side.vector), dtype=torch.bool, device=side.vector.device)
    return side.present


def _reconstruction(side: Features, decoded: Tensor) -> Tensor:
    """Compute the mean squared error over the rows whose side is present."""
    present = _present(side).to(decoded.dtype)
    errors = (decoded - side.vector.detach()).square().mean(-1)
    return (errors * present).sum() / present.sum().clamp_min(1)
