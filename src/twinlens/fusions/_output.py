"""The check of what a fusion from outside returns."""

from __future__ import annotations

from torch import Tensor

from twinlens.core.types import TwinlensError


def check_output(composed: object, shape: tuple[int, int], name: str) -> None:
    """Raise TwinlensError unless a fusion has returned vectors (B, D) of floating point. name: of its class."""
    if isinstance(composed, Tensor) and tuple(composed.shape) == shape and composed.is_floating_point():
        return
    found = f"{tuple(composed.shape)} of {composed.dtype}" if isinstance(composed, Tensor) else type(composed).__name__
    raise TwinlensError(f"the fusion {name} must return vectors (B, D) = {shape} of floating point, not {found}")
