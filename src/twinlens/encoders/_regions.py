"""What every detector's encoder does alike: the canvas, the words, the description of a region."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn

from twinlens.core.types import Arrays, Batch, Encoded, Features, Picture, Sample, TwinlensError
from twinlens.encoders import Encoder
from twinlens.encoders._boxes import geometry
from twinlens.encoders._detections import DetectionCache, Detections
from twinlens.encoders._detectors import freeze
from twinlens.encoders._region_words import RegionWords
from twinlens.encoders._transformer import masked_mean
from twinlens.media import content, images
from twinlens.media.content import ArrayCache

GEOMETRY = 8


class RegionEncoder(Encoder):
    """Regions of a picture, each [detector feature ‖ its SIFT words ‖ geometry of its box]; the first is the whole.

    Features and words have unit length, so that neither drowns the other. A subclass builds the detector and writes
    `detect`. A frozen one is no part of training: its weights are buffers, and what it found is remembered. A picture
    keeps its proportions on the canvas, unless the subclass is `stretched`.
    """

    reads = frozenset({"image"})
    stretched = False
    detector: Any

    def __init__(
        self,
        *,
        detector: nn.Module,
        features: int,
        height: int,
        width: int,
        top: int,
        floor: float,
        words: int,
        sift: Mapping[str, Any],
        frozen: bool,
    ) -> None:
        super().__init__()
        if top < 0 or not 0 <= floor < 1:
            raise TwinlensError(f"top must be at least 0 and floor within 0 and 1, not {top} and {floor}")
        self.detector, self.frozen = detector.eval(), frozen
        self.height, self.width, self.top, self.floor = height, width, top, floor
        self.words = RegionWords(words=words, sift=sift) if words else None
        self.dim = features + words + GEOMETRY
        self.detection_cache = DetectionCache() if frozen else None
        if frozen:
            freeze(self.detector)

    def fit(self, samples: Iterable[Sample]) -> None:
        """Learn the visual words, if there are any."""
        if self.words is not None:
            self.words.fit(samples)

    def cache_to(self, folder: Path) -> None:
        """Note the descriptors of pictures, and what a frozen detector of these weights and options finds in them."""
        if self.words is not None:
            self.words.cache_to(folder)
        if self.frozen:
            told = f"{type(self).__name__} {self.height} {self.width} {self.top} {self.floor} {_weights(self.detector)}"
            self.detection_cache = DetectionCache(ArrayCache(folder, told))

    def prepare(self, sample: Sample) -> Arrays:
        """pixels (height, width, 3) uint8, extent (2,) int64, image_present (), and the keypoints with their words.

        The picture fills the canvas to `extent` (width, height) pixels; the rest is zero.
        """
        pixels, extent = self._canvas(sample.image)
        words: Arrays = {} if self.words is None else self.words.keypoints(sample.image)
        return {"pixels": pixels, "extent": extent, "image_present": np.array(sample.image is not None), **words}

    def forward(self, batch: Batch) -> Encoded:
        """Tokens (B, 1 + N, D) with their mask and boxes, N the most regions of a picture of the batch."""
        found = self._find(batch)
        present = batch["image_present"]
        boxes = torch.cat([_whole(len(present), found.boxes), found.boxes / _corners(batch["extent"])], dim=1)
        boxes = boxes.clamp(0, 1)
        mask = torch.cat([torch.ones_like(present).unsqueeze(1), found.scores > 0], dim=1) & present.unsqueeze(1)
        parts = [F.normalize(found.features, dim=-1), geometry(boxes)]
        if self.words is not None:
            parts.insert(1, self.words.histograms(batch["keypoints"], batch["keypoint_words"], boxes))
        tokens = torch.cat(parts, dim=-1) * mask.unsqueeze(-1)
        return Encoded(image=Features(masked_mean(tokens, mask), tokens, mask, present=present, boxes=boxes))

    def detect(self, pixels: Tensor, extent: Tensor) -> Detections:
        """Regions of pictures (B, 3, height, width) in 0..1 that fill extent (B, 2), (width, height), of the canvas."""
        raise NotImplementedError

    def train(self, mode: bool = True) -> Self:
        """The detector always runs as in use: it is not taught here where things are."""
        super().train(mode)
        self.detector.eval()
        return self

    def _find(self, batch: Batch) -> Detections:
        pixels, extent = batch["pixels"], batch["extent"]
        if self.detection_cache is not None and pixels.device.type == "cpu":
            return self.detection_cache.find(pixels, extent, self._look)
        return self._look(pixels, extent)

    def _look(self, pixels: Tensor, extent: Tensor) -> Detections:
        learns = torch.is_grad_enabled() and not self.frozen
        with torch.autocast(pixels.device.type, enabled=False), torch.set_grad_enabled(learns):
            return self.detect(pixels.permute(0, 3, 1, 2).float() / 255, extent)

    def _load_from_state_dict(self, state: Mapping[str, Tensor], prefix: str, *rest: Any) -> None:
        """Other weights see other things."""
        own = self.detector.state_dict()
        same = all(torch.equal(state.get(f"{prefix}detector.{key}", tensor), tensor) for key, tensor in own.items())
        if self.detection_cache is not None and not same:
            self.detection_cache = DetectionCache()
        super()._load_from_state_dict(state, prefix, *rest)

    def _canvas(self, picture: Picture | None) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
        canvas = Image.new("RGB", (self.width, self.height))
        if picture is None:
            return np.asarray(canvas), np.array([self.width, self.height])
        image = images.load(picture, near=(self.width, self.height))
        if self.stretched:
            return np.asarray(image.resize(canvas.size)), np.array(canvas.size)
        scale = min(self.width / image.width, self.height / image.height)
        extent = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
        canvas.paste(image if extent == image.size else image.resize(extent), (0, 0))
        return np.asarray(canvas), np.array(extent)


def _weights(module: nn.Module) -> str:
    """Content hash (hex) of a network's tensors."""
    digest = hashlib.blake2b(digest_size=16)
    content.take_tensors(digest, module.state_dict())
    return digest.hexdigest()


def _whole(rows: int, like: Tensor) -> Tensor:
    return torch.tensor([0.0, 0.0, 1.0, 1.0], dtype=like.dtype, device=like.device).expand(rows, 1, 4)


def _corners(extent: Tensor) -> Tensor:
    """Width, height, width, height (B, 1, 4)."""
    return extent.repeat(1, 2).unsqueeze(1)
