"""Digests: content hashes of tensors."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor


def update_with_tensors(digest: hashlib.blake2b, tensors: Mapping[str, Tensor]) -> None:
    """Feed named tensors to a digest, in the order of their names."""
    import torch  # here, for callers that need no network

    for name, tensor in sorted(tensors.items()):
        digest.update(name.encode())
        digest.update(tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().data)
