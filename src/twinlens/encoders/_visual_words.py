"""What `bovw` and `vlad` share: a vocabulary in buffers, and keypoints gathered by the cells of a grid."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from twinlens.core.types import Arrays, Batch, Encoded, Features, Picture, Sample, TwinlensError
from twinlens.encoders import Encoder
from twinlens.encoders._sift import Keypoints, LocalSift
from twinlens.encoders._vocabulary import Vocabulary, learn
from twinlens.media.content import ArrayCache


class VisualWords(Encoder):
    """SIFT → nearest visual words → one summary per cell. A subclass says what a summary is, and how it is weighed.

    Everything up to the summaries is `prepare`; `forward` only weighs them. tokens (B, H·W, D) are the cells, and the
    vector (B, D) is that of the whole picture.
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
        # Workers must not touch a buffer that has moved to a GPU, so that `prepare` has a copy of its own.
        self._vocabulary: Vocabulary | None = None
        hook: Any = self.register_load_state_dict_post_hook  # torch leaves it untyped
        hook(_copy_vocabulary)

    def fit(self, samples: Iterable[Sample]) -> None:
        """Learn the vocabulary and the words' rarity. Raises TwinlensError when the pictures are too few."""
        limits = {"pictures": self.pictures, "seed": self.seed}
        vocabulary, rarity = learn(samples, self.local, self.words, array_cache=self.array_cache, **limits)
        self.vocabulary.copy_(torch.from_numpy(vocabulary.centres))
        self.rarity.copy_(torch.from_numpy(rarity))
        _copy_vocabulary(self)

    def cache_to(self, folder: Path) -> None:
        """Note the descriptors of pictures; their words are then kept in memory, until the vocabulary changes."""
        self.array_cache = self.local.cache_in(folder)

    def describe(self, picture: Picture) -> Keypoints:
        """Keypoints and descriptors of a picture. Raises images.BadPicture."""
        return self.local.describe(picture, self.array_cache)

    def prepare(self, sample: Sample) -> Arrays:
        """summaries (H·W, …) and image_present (); zeros without a picture. Raises TwinlensError before `fit`."""
        if sample.image is None:
            nothing = Keypoints(np.zeros((0, 2), np.float32), np.zeros((0, self.local.width), np.uint8))
            return {"summaries": self._by_cell(nothing), "image_present": np.asarray(False)}
        return {"summaries": self._by_cell(self.describe(sample.image)), "image_present": np.asarray(True)}

    def forward(self, batch: Batch) -> Encoded:
        """Weighed summaries: vector (B, D), tokens (B, H·W, D) on their map."""
        summaries = batch["summaries"].to(self.rarity.dtype)
        vector, tokens = self.weigh(summaries.sum(1)), self.weigh(summaries)
        return Encoded(image=Features(vector, tokens, grid=self.grid, present=batch["image_present"]))

    def weigh(self, summaries: Tensor) -> Tensor:
        """Raw summaries (…) of cells, regions or pictures as features (…, D)."""
        raise NotImplementedError

    def _summarise(self, described: Keypoints, groups: NDArray[np.intp], count: int) -> NDArray[Any]:
        """One summary for each of `count` groups of keypoints, whose numbers are groups (K,)."""
        raise NotImplementedError

    def _by_cell(self, described: Keypoints) -> NDArray[Any]:
        rows, columns = self.grid
        x, y = (described.points * np.array([columns, rows], dtype=np.float32)).astype(np.intp).T
        groups = np.minimum(y, rows - 1) * columns + np.minimum(x, columns - 1)
        return self._summarise(described, groups, rows * columns)

    def _assign(self, described: Keypoints) -> NDArray[np.integer[Any]]:
        """The word (K,) of each keypoint."""
        if self._vocabulary is None:
            raise TwinlensError("the visual vocabulary is not learned yet: fit the model on pictures first")
        if described.key is None:
            return self._vocabulary.assign(described.descriptors)
        if described.key not in self._word_cache:
            self._word_cache[described.key] = self._vocabulary.assign(described.descriptors).astype(np.int32)
        return self._word_cache[described.key]


def _copy_vocabulary(module: nn.Module, *_: object) -> None:
    """Copy the vocabulary that the buffers hold; all zeros are none."""
    assert isinstance(module, VisualWords)
    centres = module.vocabulary.detach().cpu().numpy().copy()
    module._word_cache = {}
    module._vocabulary = Vocabulary(centres) if centres.any() else None
