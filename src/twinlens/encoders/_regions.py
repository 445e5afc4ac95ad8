"""The frame of encoders with a detector: the canvas, the visual words, the description of a region."""

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

from twinlens.core import digests
from twinlens.core.cache import ArrayCache
from twinlens.core.types import Arrays, Batch, Encoded, Features, Picture, Sample, TwinlensError
from twinlens.encoders import Encoder
from twinlens.encoders._boxes import geometry
from twinlens.encoders._detections import DetectionCache, Detections
from twinlens.encoders._detectors import freeze
from twinlens.encoders._region_words import RegionWords
from twinlens.encoders._transformer import masked_mean
from twinlens.media import images

GEOMETRY = 8  # numbers that describe a box


class RegionEncoder(Encoder):
    """Regions of a picture, each [detector feature ‖ its SIFT words ‖ geometry of its box]; the first is the whole.

    Features and words have unit length, so that both weigh alike. A subclass builds the detector and writes `detect`.
    A frozen detector is no part of training: its weights are buffers, and its detections are cached. A picture keeps
    its proportions on the canvas, unless the subclass is `stretched`.
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
        """Learn the vocabulary of visual words, if the encoder has one."""
        if self.words is not None:
            self.words.fit(samples)

    def cache_to(self, folder: Path) -> None:
        """Cache SIFT descriptors, and the detections of a frozen detector by its weights and options."""
        if self.words is not None:
            self.words.cache_to(folder)
        if self.frozen:
            digest = hashlib.blake2b(digest_size=16)
            digests.update_with_tensors(digest, self.detector.state_dict())
            options = f"{type(self).__name__} {self.height} {self.width} {self.top} {self.floor}"
            self.detection_cache = DetectionCache(ArrayCache(folder, f"{options} {digest.hexdigest()}"))

    def prepare(self, sample: Sample) -> Arrays:
        """Return pixels (height, width, 3) uint8, extent (2,) int64, image_present (), and keypoints with their words.

        The picture fills the canvas to `extent` (width, height) pixels; the rest is zero.
        """
        pixels, extent = self._canvas(sample.image)
        words: Arrays = {} if self.words is None else self.words.keypoints(sample.image)
        return {"pixels": pixels, "extent": extent, "image_present": np.array(sample.image is not None), **words}

    def forward(self, batch: Batch) -> Encoded:
        """Encode regions as tokens (B, 1 + N, D) with mask and boxes, N the most regions of a picture of the batch."""
        detections = self._detections(batch)
        present = batch["image_present"]
        whole = detections.boxes.new_tensor([0.0, 0.0, 1.0, 1.0]).expand(len(present), 1, 4)
        extent = batch["extent"].repeat(1, 2).unsqueeze(1)  # width, height, width, height (B, 1, 4)
        boxes = torch.cat([whole, detections.boxes / extent], dim=1).clamp(0, 1)
        mask = torch.cat([torch.ones_like(present).unsqueeze(1), detections.scores > 0], dim=1) & present.unsqueeze(1)
        parts = [F.normalize(detections.features, dim=-1), geometry(boxes)]
        if self.words is not None:
            parts.insert(1, self.words.histograms(batch["keypoints"], batch["keypoint_words"], boxes))
        tokens = torch.cat(parts, dim=-1) * mask.unsqueeze(-1)
        return Encoded(image=Features(masked_mean(tokens, mask), tokens, mask, present=present, boxes=boxes))

    def detect(self, pixels: Tensor, extent: Tensor) -> Detections:
        """Detect regions in canvases (B, 3, height, width) of 0..1, whose pictures fill extent (B, 2), width first."""
        raise NotImplementedError

    def train(self, mode: bool = True) -> Self:
        """Set the mode of all but the detector, which always runs in evaluation mode: it is not trained here."""
        super().train(mode)
        self.detector.eval()
        return self

    def _detections(self, batch: Batch) -> Detections:
        pixels, extent = batch["pixels"], batch["extent"]
        if self.detection_cache is not None and pixels.device.type == "cpu":
            return self.detection_cache.get(pixels, extent, self._detect)
        return self._detect(pixels, extent)

    def _detect(self, pixels: Tensor, extent: Tensor) -> Detections:
        """Detect in bytes (B, height, width, 3), in float32, with gradients only for a detector that is trained."""
        learns = torch.is_grad_enabled() and not self.frozen
        with torch.autocast(pixels.device.type, enabled=False), torch.set_grad_enabled(learns):
            return self.detect(pixels.permute(0, 3, 1, 2).float() / 255, extent)

    def _load_from_state_dict(self, state: Mapping[str, Tensor], prefix: str, *rest: Any) -> None:
        """Load weights; clear cached detections if the detector's weights differ, as they depend on them."""
        own = self.detector.state_dict()
        same = all(torch.equal(state.get(f"{prefix}detector.{key}", tensor), tensor) for key, tensor in own.items())
        if self.detection_cache is not None and not same:
            self.detection_cache = DetectionCache()
        super()._load_from_state_dict(state, prefix, *rest)

    def _canvas(self, picture: Picture | None) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
        """Return the canvas with the picture in its upper left corner, and the picture's width and height there."""
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
