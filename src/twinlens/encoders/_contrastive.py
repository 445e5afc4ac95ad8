"""Code shared by the two towers of a contrastive checkpoint (CLIP, SigLIP and similar)."""

from __future__ import annotations

from typing import Any, Literal

from torch import Tensor

from twinlens.core import hub
from twinlens.core.types import TwinlensError

Side = Literal["vision", "text"]


def tower(checkpoint: str, side: Side, revision: str | None = None) -> Any:
    """Load one tower of a checkpoint, without the other's layers. Raises TwinlensError if it has no such tower."""
    network = hub.model(checkpoint, revision=revision)
    getter = "get_image_features" if side == "vision" else "get_text_features"
    if not (hasattr(network, getter) and hasattr(network, f"{side}_model")):
        kind = type(network).__name__
        raise TwinlensError(f"the checkpoint {checkpoint!r} is a {kind}, no CLIP or SigLIP; choose another")
    others = ("text_model", "text_projection") if side == "vision" else ("vision_model", "visual_projection")
    for name in (*others, "logit_scale", "logit_bias"):
        if hasattr(network, name):
            setattr(network, name, None)
    return network


def architecture(network: Any, side: Side) -> dict[str, Any]:
    """Return the configuration to save with one tower: the other has no layers, so that building it costs nothing."""
    config: dict[str, Any] = network.config.to_dict()
    other = "text_config" if side == "vision" else "vision_config"
    return {**config, other: {**config[other], "num_hidden_layers": 0}}


def width(network: Any) -> int:
    """Return the number of channels of both towers' projections."""
    projection = getattr(network.config, "projection_dim", None)
    return int(projection or network.config.vision_config.hidden_size)


def vector(output: Any) -> Tensor:
    """Return the projected vector (B, D) of an output of `get_image_features` or `get_text_features`."""
    pooled: Tensor = output.pooler_output
    return pooled
