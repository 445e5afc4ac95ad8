"""Picture and words side by side, each compared with its own kind, their scores standardised and added."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from twinlens.calibration import Channel, calibrated
from twinlens.fusions import Fusion
from twinlens.types import Features, TwinlensError


class Calibrated(Fusion):
    """v = [L2(x); L2(t); a; b] / √2, training-free; a is 1 where the picture is missing, b where the text is, else 0.

    The score of a query (x, t) and an entry (y, c) is z(x·y) + z(t·c), where z is the score in standard deviations from
    its mean over the gallery (late fusion with z-scores: Jain et al. 2005, "Score normalization in multimodal biometric
    systems"). A missing side asks nothing; an entry that lacks what is asked for counts as an average one, z = 0, so
    that it is neither preferred nor passed over. The towers may have spaces of their own. Where they share one (CLIP,
    SigLIP: `shared`), a text is compared with pictures too: (z(t·y) + z(t·c)) / √2, where there are captions.

    Any index ranks by it: see `calibration`. `dim` as given is not used; it is the sum of both widths and 2.
    """

    def __init__(self, *, image_dim: int, text_dim: int, dim: int, shared: bool = False) -> None:
        super().__init__(image_dim=image_dim, text_dim=text_dim, dim=dim)
        if shared and image_dim != text_dim:
            raise TwinlensError(f"pictures ({image_dim} channels) and texts ({text_dim}) share no space; leave it out")
        self.dim = image_dim + text_dim + 2
        image, text = slice(0, image_dim), slice(image_dim, image_dim + text_dim)
        crossed = [Channel("text", text, image, self.dim - 2)] if shared else []
        self.channels = (
            Channel("image", image, image, self.dim - 2),
            *crossed,
            Channel("text", text, text, self.dim - 1),
        )
        self.no_image.requires_grad_(False)
        self.no_text.requires_grad_(False)

    def compose(self, image: Features, text: Features) -> Tensor:
        """(B, image_dim + text_dim + 2)."""
        sides = [F.normalize(side.vector, dim=-1) for side in (image, text)]
        return torch.cat([*sides, *(side.eq(0).all(-1, keepdim=True).to(side.dtype) for side in sides)], dim=-1)

    def similarity(self, queries: Tensor, gallery: Tensor) -> Tensor:
        """(Q, N): each side's score in standard deviations above its mean over the gallery, added."""
        return torch.from_numpy(calibrated(self.channels, queries.numpy(force=True), gallery.numpy(force=True)))
