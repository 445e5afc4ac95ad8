"""The frame of `bovw` and `vlad`: a vocabulary in buffers, and keypoints grouped by the cells of a grid."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from twinlens.core.cache import ArrayCache
from twinlens.core.types import Arrays, Batch, Encoded, Features, Picture, Sample, TwinlensError
from twinlens.encoders import Encoder
from twinlens.encoders._sift import Keypoints, LocalSift
from twinlens.encoders._vocabulary import Vocabulary, learn


class VisualWords(Encoder):
    """SIFT → nearest visual words → one summary per cell; subclasses define summaries and how they become features.

    `prepare` computes the summaries, `forward` weighs them. tokens (B, H·W, D) are the cells, and the vector (B, D) is
    that of the whole picture.
    """

    reads = frozenset({"image"})
    vocabulary: Tensor
    rarity: Tensor

    def __init__(self, *, local: LocalSift, words: int, cells: Sequence[int], pictures: int, seed: int) -> None:
        super().__init__()
        if words < 1 or pictures < 1:
            raise TwinlensError("words and pictures must be at least 1")
        if len(cells) != 2 or min(cells) < 1:
            raise TwinlensError(f"cells must be two numbers, rows and columns, each at least 1, not {cells!r}")
        self.local, self.words, self.pictures, self.seed = local, words, pictures, seed
        self.grid = (int(cells[0]), int(cells[1]))
        self.register_buffer("vocabulary", torch.zeros(words, local.width))
        self.register_buffer("rarity", torch.ones(words))
        self.array_cache: ArrayCache | None = None
        self._word_cache: dict[bytes, NDArray[np.int32]] = {}
        # `prepare` has a copy of the vocabulary: worker processes must not touch a buffer that has moved to a GPU.
        self._vocabulary: Vocabulary | None = None
        hook: Any = self.register_load_state_dict_post_hook  # untyped in torch
        hook(_copy_vocabulary)

    def fit(self, samples: Iterable[Sample]) -> None:
        """Learn the vocabulary and the words' rarity. Raises TwinlensError when the pictures are too few."""
        limits = {"pictures": self.pictures, "seed": self.seed}
        vocabulary, rarity = learn(samples, self.local, self.words, array_cache=self.array_cache, **limits)
        self.vocabulary.copy_(torch.from_numpy(vocabulary.centres))
        self.rarity.copy_(torch.from_numpy(rarity))
        _copy_vocabulary(self)

    def cache_to(self, folder: Path) -> None:
        """Cache descriptors in files, and their words in memory until the vocabulary changes."""
        self.array_cache = self.local.cache_in(folder)

    def describe(self, picture: Picture) -> Keypoints:
        """Compute a picture's keypoints and descriptors. Raises images.BadPicture."""
        return self.local.describe(picture, self.array_cache)

    def prepare(self, sample: Sample) -> Arrays:
        """Return summaries (H·W, …) and image_present (). Raises TwinlensError before `fit`."""
        if sample.image is None:
            keypoints = Keypoints(np.zeros((0, 2), np.float32), np.zeros((0, self.local.width), np.uint8))
        else:
            keypoints = self.describe(sample.image)
        rows, columns = self.grid
        x, y = (keypoints.points * np.array([columns, rows], dtype=np.float32)).astype(np.intp).T
        cells = np.minimum(y, rows - 1) * columns + np.minimum(x, columns - 1)
        summaries = self._summarise(keypoints, cells, rows * columns)
        return {"summaries": summaries, "image_present": np.asarray(sample.image is not None)}

    def forward(self, batch: Batch) -> Encoded:
        """Weigh summaries: vector (B, D), tokens (B, H·W, D) on their map."""
        summaries = batch["summaries"].to(self.rarity.dtype)
        vector, tokens = self.weigh(summaries.sum(1)), self.weigh(summaries)
        return Encoded(image=Features(vector, tokens, grid=self.grid, present=batch["image_present"]))

    def weigh(self, summaries: Tensor) -> Tensor:
        """Turn summaries (…) of cells or pictures into features (…, D)."""
        raise NotImplementedError

    def _summarise(self, keypoints: Keypoints, cells: NDArray[np.intp], count: int) -> NDArray[Any]:
        """Summarise the keypoints of each of `count` cells; cells (K,) is the number of each keypoint's cell."""
        raise NotImplementedError

    def _assign(self, keypoints: Keypoints) -> NDArray[np.integer[Any]]:
        """Return the visual word of each keypoint (K,)."""
        if self._vocabulary is None:
            raise TwinlensError("the visual vocabulary is not learned yet: fit the model on pictures first")
        if keypoints.key is None:
            return self._vocabulary.assign(keypoints.descriptors)
        if keypoints.key not in self._word_cache:
            self._word_cache[keypoints.key] = self._vocabulary.assign(keypoints.descriptors).astype(np.int32)
        return self._word_cache[keypoints.key]


def _copy_vocabulary(module: nn.Module, *_: object) -> None:
    """Copy the vocabulary out of its buffer, unless it is all zeros: not learned yet."""
    assert isinstance(module, VisualWords)
    centres = module.vocabulary.detach().cpu().numpy().copy()
    module._word_cache = {}
    module._vocabulary = Vocabulary(centres) if centres.any() else None
