"""A small real model for tests of collections: colours of the four quarters, and words; fast, exact, deterministic."""

from __future__ import annotations

import json
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import torch

from twinlens import images
from twinlens.types import Sample

DIM = 20


@dataclass
class MeanColor:
    """The same `turn` gives the same vectors; another one is another model."""

    turn: int = 0
    dim: int = DIM
    prepared: int = 0

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

    def stack(self, prepared: Sequence):
        return {"values": torch.from_numpy(np.stack([arrays["values"] for arrays in prepared]))}

    def forward(self, batch) -> torch.Tensor:
        # Row by row: the sum of a row must not depend on what else is in its batch.
        return torch.stack([row / row.double().norm().float().clamp_min(1e-9) for row in batch["values"]])

    def embed_prepared(self, prepared: Sequence) -> np.ndarray:
        return self.forward(self.stack(prepared)).numpy()

    def embed(self, samples: Sequence[Sample]) -> np.ndarray:
        return self.embed_prepared([self.prepare(sample) for sample in samples])

    def save(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "model.json").write_text(json.dumps({"turn": self.turn}))

    @classmethod
    def load(cls, folder: Path) -> MeanColor:
        return cls(**json.loads((folder / "model.json").read_text()))
