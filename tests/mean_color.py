"""A small real model for tests of collections: colours of the four quarters, and words; fast, exact, deterministic."""

from __future__ import annotations

import json
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import numpy as np

from twinlens.calibration import Channel
from twinlens.core.types import Sample
from twinlens.media import images

DIM = 20
LONGEST = 100
"""Words that it claims to read."""


@dataclass
class MeanColor:
    """The same `turn` gives the same vectors; another one is another model."""

    turn: int = 0
    dim: int = DIM
    prepared: int = 0
    channels = ()
    own_similarity = None
    rerank = None

    @property
    def recipe(self):
        return SimpleNamespace(name="mean-color")

    @property
    def digest(self) -> str:
        return f"{self.turn:016x}"

    def prepare(self, sample: Sample):
        self.prepared += 1
        values = np.zeros(self.dim, dtype=np.float32)
        if sample.image is not None:
            small = images.load(sample.image).resize((2, 2), resample=4)
            values[:12] = np.asarray(small, dtype=np.float32).ravel() / 255 + 0.01
        for word in sample.text.lower().split():
            values[12 + zlib.crc32(word.encode()) % 8] += 1
        return {"values": np.roll(values, self.turn)}

    def cuts(self, text: str) -> bool:
        return len(text.split()) > LONGEST

    def forward(self, values: np.ndarray) -> np.ndarray:
        # Row by row: the sum of a row must not depend on what else is in its batch.
        return np.stack([row / np.float32(max(np.linalg.norm(row.astype(float)), 1e-9)) for row in values])

    def embed_prepared(self, prepared: Sequence) -> np.ndarray:
        return self.forward(np.stack([arrays["values"] for arrays in prepared]))

    def embed(self, samples: Sequence[Sample]) -> np.ndarray:
        return self.embed_prepared([self.prepare(sample) for sample in samples])

    def save(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "recipe.toml").write_text(json.dumps({"turn": self.turn}))

    @classmethod
    def load(cls, folder: Path) -> MeanColor:
        return cls(**json.loads((folder / "recipe.toml").read_text()))


@dataclass
class SideBySide(MeanColor):
    """The same sides beside each other as fusion `calibrated` has them: [picture 12; words 8; two flags] / √2."""

    dim: int = DIM + 2
    channels = (Channel("image", slice(12), slice(12), 20), Channel("text", slice(12, 20), slice(12, 20), 21))

    @property
    def digest(self) -> str:
        return f"{self.turn:08x}ffffffff"

    def forward(self, values: np.ndarray) -> np.ndarray:
        import torch  # here alone: processes that only prepare need not import it

        rows = torch.from_numpy(values)
        sides = [torch.nn.functional.normalize(rows[:, channel.query], dim=-1) for channel in self.channels]
        flags = [side.eq(0).all(-1, keepdim=True).float() for side in sides]
        return (torch.cat([*sides, *flags], dim=-1) / 2**0.5).numpy()
