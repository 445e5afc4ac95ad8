"""Graphs from elsewhere, fed with prepared samples."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from twinlens.core.types import Arrays
from twinlens.models.exported.about import Adapter
from twinlens.models.runtime.parts import Onnx, Tower

_KINDS = {
    "tensor(float)": np.float32,
    "tensor(float16)": np.float16,
    "tensor(int64)": np.int64,
    "tensor(int32)": np.int32,
}


class AdaptedTower:
    """A tower whose graph has inputs and outputs of its own: from prepared arrays to features."""

    def __init__(self, graph: Onnx, tower: Tower, adapter: Adapter) -> None:
        self.graph, self.adapter = graph, adapter
        self._vector, self._present = tower.outputs
        self._number = tower.name

    def __call__(self, arrays: Arrays) -> Arrays:
        """Return a vector (B, D) and its presence (B,) of stacked arrays."""
        inputs = self._pixels(arrays) if self.adapter.mean else self._words(arrays)
        batches = [self.graph(part) for part in self._batches(inputs)]
        vectors = np.concatenate([batch[self.adapter.output] for batch in batches])
        side = "image" if self.adapter.mean else "text"
        present = arrays[f"{self._number}.{side}_present"]
        return {self._vector: vectors.astype(np.float32), self._present: present}

    def _pixels(self, arrays: Arrays) -> dict[str, NDArray[np.generic]]:
        """Standardise pixels (B, S, S, 3) as (B, 3, S, S)."""
        mean, deviation = (np.asarray(of, dtype=np.float32) for of in (self.adapter.mean, self.adapter.deviation))
        pixels = arrays[f"{self._number}.pixels"].astype(np.float32) / 255
        standardised = np.ascontiguousarray(((pixels - mean) / deviation).transpose(0, 3, 1, 2))
        return {self.adapter.input: self._as_kind(self.adapter.input, standardised)}

    def _words(self, arrays: Arrays) -> dict[str, NDArray[np.generic]]:
        wanted = {self.adapter.input: "words", **({self.adapter.mask: "words_mask"} if self.adapter.mask else {})}
        return {name: self._as_kind(name, arrays[f"{self._number}.{key}"]) for name, key in wanted.items()}

    def _as_kind(self, name: str, array: NDArray[np.generic]) -> NDArray[np.generic]:
        return array.astype(_KINDS[self.graph.kinds[name]])

    def _batches(self, inputs: dict[str, NDArray[np.generic]]) -> Iterator[dict[str, NDArray[np.generic]]]:
        """Yield the inputs at once, or row by row for a graph of one sample."""
        rows = len(next(iter(inputs.values())))
        size = 1 if self.graph.rows[self.adapter.input] == 1 else max(rows, 1)
        for start in range(0, rows, size):
            yield {name: array[start : start + size] for name, array in inputs.items()}
