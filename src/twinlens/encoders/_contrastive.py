"""What the two towers of a contrastive checkpoint (CLIP, SigLIP and their kin) have in common."""

from __future__ import annotations

from typing import Any, Literal

from torch import Tensor

from twinlens.core import hub
from twinlens.core.types import TwinlensError

Side = Literal["vision", "text"]


def tower(checkpoint: str, side: Side) -> Any:
    """The checkpoint's network without what the other side alone uses. Raises TwinlensError if it has no such tower."""
    network = hub.model(checkpoint)
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
    """What to keep of a tower's configuration: the other tower without layers, so that building it costs nothing."""
    said: dict[str, Any] = network.config.to_dict()
    other = "text_config" if side == "vision" else "vision_config"
    return {**said, other: {**said[other], "num_hidden_layers": 0}}


def width(network: Any) -> int:
    """The number of channels that both towers end in."""
    projection = getattr(network.config, "projection_dim", None)
    return int(projection or network.config.vision_config.hidden_size)


def vector(answer: Any) -> Tensor:
    """The projected vector (B, D) in what `get_image_features` and `get_text_features` return."""
    pooled: Tensor = answer.pooler_output
    return pooled
