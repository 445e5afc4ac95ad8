"""VLAD: a picture as a vector of locally aggregated descriptors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
import torch.nn.functional as F
from numpy.typing import NDArray
from scipy.sparse import csr_array
from torch import Tensor

from twinlens.core.types import TwinlensError
from twinlens.encoders._sift import Keypoints, LocalSift
from twinlens.encoders._visual_words import VisualWords


class Vlad(VisualWords):
    """VLAD (Jégou et al. 2010): for each word the sum of its descriptors' differences, per picture and grid cell.

    Each word's sum is scaled to unit length (Arandjelović & Zisserman 2013), numbers are raised to `power`, keeping
    their signs, and the whole is scaled to unit length again. Few words suffice: the width is words × 128, or × 384 in
    opponent colours. The other options are those of `bovw`.
    """

    def __init__(
        self,
        *,
        words: int = 16,
        keypoints: Literal["dense", "detected"] = "dense",
        colour: Literal["grey", "opponent"] = "opponent",
        root: bool = True,
        step: int = 8,
        size: float = 8.0,
        side: int = 512,
        cells: Sequence[int] = (1, 1),
        power: float = 0.5,
        pictures: int = 1000,
        seed: int = 0,
    ) -> None:
        local = LocalSift(keypoints, colour, root, step, size, side)
        super().__init__(local=local, words=words, cells=cells, pictures=pictures, seed=seed)
        if power <= 0:
            raise TwinlensError(f"power must be above 0, not {power}")
        self.power = power
        self.dim = words * local.width

    def weigh(self, summaries: Tensor) -> Tensor:
        """Turn sums of differences (…, words, D) into unit vectors (…, words·D); zeros without keypoints."""
        each = F.normalize(summaries, dim=-1).flatten(-2)
        return F.normalize(each.sign() * each.abs().pow(self.power), dim=-1)

    def _summarise(self, keypoints: Keypoints, cells: NDArray[np.intp], count: int) -> NDArray[np.float32]:
        words = self._assign(keypoints)
        assert self._vocabulary is not None
        differences = keypoints.descriptors - self._vocabulary.centres[words]
        # A sparse matrix of ones adds up the differences of each cell and word.
        entries = np.ones(len(words), dtype=np.float32), (cells * self.words + words, np.arange(len(words)))
        sums = csr_array(entries, (count * self.words, len(words))) @ differences
        return np.asarray(sums, dtype=np.float32).reshape(count, self.words, self.local.width)
