"""Visual words of detected regions: keypoints are found before the detector runs, and counted per box after it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from twinlens.core.types import Arrays, Picture, TwinlensError
from twinlens.encoders._sift import LocalSift
from twinlens.encoders._visual_words import VisualWords

KEYPOINTS = 4096
"""Most keypoints of a picture; beyond it, only every n-th is kept."""


class RegionWords(VisualWords):
    """A vocabulary of SIFT words, and the histogram of those whose keypoints lie in a box.

    `sift` are the options of LocalSift. A histogram is the square root of tf-idf weights (Perronnin et al. 2010),
    scaled to unit length; for a box without keypoints it is zero.
    """

    def __init__(self, *, words: int, sift: Mapping[str, Any]) -> None:
        try:
            local = LocalSift(**{"colour": "opponent", "root": True, **sift})
        except TypeError as error:
            raise TwinlensError(f"sift has an unknown option: {error}") from error
        super().__init__(local=local, words=words, cells=(1, 1), pictures=1000, seed=0)
        self.dim = words

    def keypoints(self, picture: Picture | None) -> Arrays:
        """Return keypoints (K, 2) float16, x and y in 0..1, and keypoint_words (K,) int16, −1 where there is none."""
        points = np.zeros((KEYPOINTS, 2), dtype=np.float16)
        words = np.full(KEYPOINTS, -1, dtype=np.int16)
        if picture is not None:
            keypoints = self.describe(picture)
            step = max(1, -(-len(keypoints.points) // KEYPOINTS))
            kept = self._assign(keypoints)[::step]
            points[: len(kept)], words[: len(kept)] = keypoints.points[::step], kept
        return {"keypoints": points, "keypoint_words": words}

    def histograms(self, points: Tensor, words: Tensor, boxes: Tensor) -> Tensor:
        """Count words (B, K) of keypoints (B, K, 2) inside boxes (B, R, 4), all in 0..1: histograms (B, R, W)."""
        longest = int((words >= 0).sum(1).max())
        points, words = points[:, None, :longest].to(boxes.dtype), words[:, None, :longest].long()
        inside = (points >= boxes[:, :, None, :2]) & (points < boxes[:, :, None, 2:])  # (B, R, K, 2)
        counted = (inside.all(-1) & (words >= 0)).to(boxes.dtype)
        counts = torch.zeros(*boxes.shape[:2], self.words, dtype=boxes.dtype, device=boxes.device)
        counts.scatter_add_(2, words.clamp(min=0).expand_as(counted), counted)
        return F.normalize((counts * self.rarity).sqrt(), dim=-1)
