"""What this machine computes on."""

from __future__ import annotations

import torch

from twinlens.core.types import TwinlensError


def pick_device(name: str = "auto") -> torch.device:
    """The device by name, or the best one here. Raises TwinlensError when the named one is not available."""
    available = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if name == "auto":
        return torch.device(next(kind for kind, here in available.items() if here))
    if not available.get(name.split(":")[0], False):
        here = ", ".join(kind for kind, is_here in available.items() if is_here)
        raise TwinlensError(f"device {name!r} is not available; here: {here}")
    return torch.device(name)
