"""Training data of both pretraining stages: edits of the split "train", and their encoded sides."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from twinlens.core.batches import stack_tensors
from twinlens.core.progress import track
from twinlens.core.types import Batch, Sample
from twinlens.encoders import Encoder
from twinlens.encoders.referring import Referring
from twinlens.shapes.drawing import draw
from twinlens.shapes.edits import Edit
from twinlens.shapes.scenes import Scene
from twinlens.shapes.worlds import World

_SEED = 1
"""Of the scenes; those that a comparison learns from have another."""
_TEXTS, _ROWS = 4, 256


@dataclass(frozen=True)
class Corpus:
    """References and edits in pairs; maps (N, cells, D) of the different references, and `rows` (Q,) in them."""

    references: tuple[Scene, ...]
    edits: tuple[Edit, ...]
    maps: Tensor
    rows: Tensor

    @classmethod
    def of(cls, encoder: Encoder, scenes: int, *, progress: bool = True) -> Corpus:
        """Draw so many scenes, encode them by `encoder`, and make up to four edits of each."""
        pairs = World("train", _SEED).edits(scenes, _TEXTS)
        number = {scene: row for row, scene in enumerate(dict.fromkeys(scene for scene, _ in pairs))}
        maps = seen(encoder, list(number), progress=progress)
        references, edits = zip(*pairs, strict=True)
        return cls(references, edits, maps, torch.tensor([number[scene] for scene in references]))


@torch.no_grad()
def seen(encoder: Encoder, scenes: Sequence[Scene], *, progress: bool = True) -> Tensor:
    """Encode pictures of scenes as maps (N, cells, D)."""
    found = []
    for start in track(
        range(0, len(scenes), _ROWS), "pictures", -(-len(scenes) // _ROWS), unit="batches", progress=progress
    ):
        pictures = [Sample("", functools.partial(draw, scene)) for scene in scenes[start : start + _ROWS]]
        found.append(encoder(stacked(encoder, pictures)).image.tokens)
    return torch.cat(found)


def spoken(encoder: Referring, texts: Sequence[str]) -> Tensor:
    """Encode texts as vectors (Q, T)."""
    vectors: Tensor = encoder.words(stacked(encoder.words, [Sample("", None, text) for text in texts])).text.vector
    return vectors


def stacked(encoder: Encoder, samples: Sequence[Sample]) -> Batch:
    """Prepare samples for an encoder and stack them."""
    return stack_tensors([encoder.prepare(sample) for sample in samples])
