"""Initial weights drawn from a seed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def drawing(seed: int, *, dtype: torch.dtype = torch.float64) -> Iterator[None]:
    """Draw initial weights from a seed, in float64 and without touching the generators of others.

    In float32 normal numbers depend on the processor's vector instructions in their last bit; rounded from float64
    they are the same everywhere.
    """
    before = torch.get_default_dtype()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        torch.set_default_dtype(dtype)
        try:
            yield
        finally:
            torch.set_default_dtype(before)
