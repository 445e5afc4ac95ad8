"""Bag of visual words: a picture as a histogram of quantised SIFT descriptors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from twinlens.core.types import TwinlensError
from twinlens.encoders._sift import Keypoints, LocalSift
from twinlens.encoders._visual_words import VisualWords

_ORDERS = {"l1": 1.0, "l2": 2.0}


class Bovw(VisualWords):
    """SIFT → vocabulary → histogram (Sivic & Zisserman 2003; Csurka et al. 2004), per picture and grid cell.

    Histograms are term frequencies ("tf"), or these times the words' rarity ("tfidf"); raised to `power` (.5: Perronnin
    et al. 2010); and of unit length by `norm`. keypoints="detected", colour="grey", root=False, weighting="tf",
    power=1, norm="none" is the pipeline of OpenCV's BOWImgDescriptorExtractor. `step`, `size` and `side` are pixels,
    `cells` the rows and columns of the map. The vocabulary is learned from at most `pictures` pictures, drawn with
    `seed`.
    """

    def __init__(
        self,
        *,
        words: int = 512,
        keypoints: Literal["dense", "detected"] = "dense",
        colour: Literal["grey", "opponent"] = "opponent",
        root: bool = True,
        step: int = 8,
        size: float = 8.0,
        side: int = 512,
        cells: Sequence[int] = (4, 8),
        weighting: Literal["tf", "tfidf"] = "tfidf",
        power: float = 0.5,
        norm: Literal["l1", "l2", "none"] = "l2",
        pictures: int = 1000,
        seed: int = 0,
    ) -> None:
        local = LocalSift(keypoints, colour, root, step, size, side)
        super().__init__(local=local, words=words, cells=cells, pictures=pictures, seed=seed)
        if weighting not in ("tf", "tfidf"):
            raise TwinlensError(f"weighting must be 'tf' or 'tfidf', not {weighting!r}")
        if norm not in (*_ORDERS, "none"):
            raise TwinlensError(f"norm must be 'l1', 'l2' or 'none', not {norm!r}")
        if power <= 0:
            raise TwinlensError(f"power must be above 0, not {power}")
        self.weighting, self.power, self.norm = weighting, power, norm
        self.dim = words

    def weigh(self, summaries: Tensor) -> Tensor:
        """Turn counts (…, words) into histograms (…, words) by the options; zeros without keypoints."""
        counts = summaries.to(self.rarity.dtype)
        histogram = counts / counts.sum(-1, keepdim=True).clamp(min=1)
        if self.weighting == "tfidf":
            histogram = histogram * self.rarity
        if self.power != 1:
            histogram = histogram.pow(self.power)
        return histogram if self.norm == "none" else F.normalize(histogram, p=_ORDERS[self.norm], dim=-1)

    def _summarise(self, keypoints: Keypoints, cells: NDArray[np.intp], count: int) -> NDArray[np.int16]:
        counts = np.bincount(cells * self.words + self._assign(keypoints), minlength=count * self.words)
        return np.minimum(counts, np.iinfo(np.int16).max).astype(np.int16).reshape(count, self.words)
