"""Picture and words side by side, each compared with its own kind, their scores standardised and added."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from twinlens.calibration import Channel, calibrated
from twinlens.fusions import Fusion
from twinlens.types import Features, TwinlensError

NAMED = 0.25
"""How much what a picture shows counts beside its caption."""


class Calibrated(Fusion):
    """v = [L2(x); L2(t); a; b] / √2, training-free; a is 1 where the picture is missing, b where the text is, else 0.

    The score of a query (x, t) and an entry (y, c) is z(x·y) + z(t·c), where z is the score in standard deviations from
    its mean over the gallery (late fusion with z-scores: Jain et al. 2005, "Score normalization in multimodal biometric
    systems"). A missing side asks nothing; an entry that lacks what is asked for counts as an average one, z = 0, so
    that it is neither preferred nor passed over. The towers may have spaces of their own. Where they share one (CLIP,
    SigLIP: `shared`), a text is compared with pictures too: (z(t·y) + z(t·c)) / √2, where there are captions. `named`
    channels at the end of the picture's vector say what it shows as a point in the words' space; they are a block of
    their own, which texts are compared with too, with a quarter of the weight: on clip art with titles, equal weights
    cost a seventh of the mean average precision, a quarter nothing. Blocks have unit length, and all vectors the same.

    Any index ranks by it: see `calibration`. `dim` as given is not used; it is the sum of both widths and 2.
    """

    def __init__(self, *, image_dim: int, text_dim: int, dim: int, shared: bool = False, named: int = 0) -> None:
        super().__init__(image_dim=image_dim, text_dim=text_dim, dim=dim)
        if (shared and image_dim != text_dim) or (named and named != text_dim) or (shared and named):
            raise TwinlensError(f"pictures ({image_dim} channels) and texts ({text_dim}) share no space; leave it out")
        self.dim, self.widths = image_dim + text_dim + 2, [image_dim - named, *([named] if named else [])]
        image, names = slice(0, image_dim - named), slice(image_dim - named, image_dim)
        text, (no_image, no_text) = slice(image_dim, image_dim + text_dim), (self.dim - 2, self.dim - 1)
        crossed = [Channel("text", text, image, no_image)] if shared else []
        crossed += [Channel("text", text, names, no_image, NAMED)] if named else []
        self.channels = (
            Channel("image", image, image, no_image),
            *crossed,
            Channel("text", text, text, no_text),
        )
        self.no_image.requires_grad_(False)
        self.no_text.requires_grad_(False)

    def compose(self, image: Features, text: Features) -> Tensor:
        """(B, image_dim + text_dim + 2)."""
        sides = [torch.split(image.vector, self.widths, dim=-1), [text.vector]]
        blocks = [F.normalize(block, dim=-1) for side in sides for block in side]
        lacking = [
            len(side) ** 0.5 * torch.cat(list(side), dim=-1).eq(0).all(-1, keepdim=True).to(text.vector.dtype)
            for side in sides
        ]
        return torch.cat([*blocks, *lacking], dim=-1)

    def similarity(self, queries: Tensor, gallery: Tensor) -> Tensor:
        """(Q, N): each side's score in standard deviations above its mean over the gallery, added."""
        return torch.from_numpy(calibrated(self.channels, queries.numpy(force=True), gallery.numpy(force=True)))
