"""The image tower of a CLIP or SigLIP checkpoint."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from twinlens.core import hub
from twinlens.core.types import Batch, Encoded, Features, TwinlensError
from twinlens.encoders import Encoder
from twinlens.encoders._contrastive import architecture, tower, vector, width
from twinlens.preparation.square import Square

PREPROCESSING = "preprocessing.json"


class ClipImage(Encoder):
    """Radford et al. 2021, "Learning transferable visual models from natural language supervision", and its relatives.

    `checkpoint` is any that `AutoModel` reads as a CLIP, SigLIP or SigLIP 2 of one picture size, by hub name or folder
    ("laion/CLIP-ViT-B-32-laion2B-s34B-b79K", "google/siglip-base-patch16-224"), `revision` its branch, tag or commit at
    the hub. Pictures are resized, cropped and standardised by the checkpoint's `preprocessor_config.json`. The vector
    (B, D) lies in the space of encoder `clip_text` of the same checkpoint.
    """

    reads = frozenset({"image"})
    mean: Tensor
    deviation: Tensor

    def __init__(self, *, checkpoint: str, revision: str | None = None) -> None:
        super().__init__()
        self.network = tower(checkpoint, "vision", revision)
        self.dim = width(self.network)
        kept = hub.is_kept(checkpoint)
        self.pixels = {} if kept else _preprocessing(checkpoint, revision)
        mean, deviation = ([0.0] * 3, [1.0] * 3) if kept else hub.standard(checkpoint, revision)
        self.register_buffer("mean", 255 * torch.tensor(mean)[:, None, None])
        self.register_buffer("deviation", 255 * torch.tensor(deviation)[:, None, None])

    def preparations(self) -> tuple[Square]:
        """Return the preparation of pixels (S, S, 3) uint8 and image_present ()."""
        return (Square(**self.pixels),)

    def forward(self, batch: Batch) -> Encoded:
        """Encode one vector (B, D)."""
        x = (batch["pixels"].permute(0, 3, 1, 2) - self.mean) / self.deviation
        output = self.network.get_image_features(pixel_values=x)
        return Encoded(image=Features(vector(output), present=batch["image_present"]))

    def save_assets(self, folder: Path) -> None:
        """Write the tower's architecture and the preprocessing: the model then loads without the checkpoint."""
        hub.keep(architecture(self.network, "vision"), folder / "checkpoint")
        (folder / PREPROCESSING).write_text(json.dumps(self.pixels) + "\n", encoding="utf-8")

    def load_assets(self, folder: Path) -> None:
        """Read the preprocessing. Raises TwinlensError when it is missing."""
        path = folder / PREPROCESSING
        try:
            self.pixels = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise TwinlensError(f"{path} cannot be read: {error}; copy the whole model folder again") from error


def _preprocessing(checkpoint: str, revision: str | None) -> dict[str, Any]:
    """Translate the checkpoint's own image processor into options of `Square`."""
    processor = hub.image_processor(checkpoint, revision).to_dict()
    try:
        return dict(Square.of_processor(processor).settings())
    except TwinlensError as error:
        raise TwinlensError(f"the checkpoint {checkpoint!r}: {error}; choose another") from error
