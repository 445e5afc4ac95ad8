"""Exact scans on a graphics card: estimates by torch, with the proof and the distances of the scan."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
from numpy.typing import NDArray

from twinlens.indexes import Rows, Vectors
from twinlens.indexes._scan import Squares, nearest
from twinlens.indexes._trial import is_faster

ESTIMATES_PER_PRODUCT = 1 << 26
"""256 MiB on the card."""
FREE_SHARE = 2
"""The copy of the rows takes at most one part in so many of the card's free memory."""


class GpuRows:
    """A copy of a matrix (N, D) and its squared lengths (N,) on a device of torch.

    norms: infinite for rows that are never answers.
    """

    def __init__(self, vectors: Vectors, norms: Vectors, device: str) -> None:
        import torch

        self.torch, self.vectors, self.norms = torch, vectors, norms
        with torch.inference_mode():
            self._rows = torch.tensor(vectors, device=device)
            self._squares = torch.tensor(norms, device=device)

    def nearest(self, queries: Vectors, k: int) -> tuple[Rows, Squares]:
        """Return rows and squared distances (Q, k) as `_scan.nearest`, which does it all if the card has no room."""
        try:
            return nearest(self.vectors, self.norms, queries, k, None if self._rounds_more else self._candidates)
        except self.torch.OutOfMemoryError:
            return nearest(self.vectors, self.norms, queries, k)

    @property
    def _rounds_more(self) -> bool:
        """Return True if a program asked for products of fewer bits (TF32), for which the bound of the scan fails."""
        try:
            return bool(self.torch.get_float32_matmul_precision() != "highest")
        except RuntimeError:  # torch does not tell where its newer switches were used
            return True

    def _candidates(self, queries: Vectors, used: slice, count: int) -> tuple[NDArray[np.float32], Rows]:
        torch, step = self.torch, max(count, ESTIMATES_PER_PRODUCT // len(queries))
        with torch.inference_mode():
            asked = torch.tensor(queries[:, used], device=self._rows.device)
            values, rows = asked.new_empty((len(queries), 0)), asked.new_empty((len(queries), 0), dtype=torch.int64)
            for start in range(0, len(self._rows), step):
                some, squares = self._rows[start : start + step, used], self._squares[None, start : start + step]
                estimates = torch.addmm(squares, asked, some.T, alpha=-2)
                least = estimates.topk(min(count, len(some)), largest=False)
                values = torch.cat([values, least.values], dim=1)
                rows = torch.cat([rows, least.indices + start], dim=1)
            values, chosen = values.topk(count, largest=False)
            return values.cpu().numpy(), rows.gather(1, chosen).cpu().numpy()


def gpu_rows(vectors: Vectors, norms: Vectors) -> GpuRows | None:
    """Copy a matrix to the graphics card; None without one, without room, or where single queries are not faster so.

    Only a program that has loaded torch already, for its models, has the card looked for.
    """
    torch: Any = sys.modules.get("torch")
    if torch is None or not torch.cuda.is_available() or not len(vectors):
        return None
    if FREE_SHARE * vectors.nbytes > torch.cuda.mem_get_info()[0]:
        return None
    try:
        made = GpuRows(vectors, norms, "cuda")
    except torch.OutOfMemoryError:
        return None
    return made if is_faster(made.nearest, vectors, norms) else None
