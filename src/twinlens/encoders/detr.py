"""Regions of detection transformers: DETR, RT-DETR, D-FINE and similar."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from transformers import AutoModelForObjectDetection

from twinlens.core import hub
from twinlens.encoders._detections import Detections
from twinlens.encoders._regions import RegionEncoder


class Detr(RegionEncoder):
    """Carion et al. 2020, "End-to-end object detection with transformers", and its successors.

    `checkpoint` is one that `AutoModelForObjectDetection` reads, by hub name or folder ("PekingU/rtdetr_r50vd",
    "ustc-community/dfine-small-coco"), `revision` its branch, tag or commit at the hub. Each object query is a region:
    its box, and the decoder's last state as its feature; the feature of the whole picture is the mean of all states.
    Pictures are stretched to `height` × `width` pixels; `top`, `floor`, `words`, `sift` and `frozen` are those of
    encoder `regions`.
    """

    stretched = True
    mean: Tensor
    deviation: Tensor

    def __init__(
        self,
        *,
        checkpoint: str,
        revision: str | None = None,
        height: int = 640,
        width: int = 640,
        top: int = 32,
        floor: float = 0.3,
        words: int = 256,
        sift: Mapping[str, Any] | None = None,
        frozen: bool = True,
    ) -> None:
        network = hub.model(checkpoint, auto=AutoModelForObjectDetection, new="$^", revision=revision)
        super().__init__(
            detector=network,
            features=network.config.d_model,
            height=height,
            width=width,
            top=top,
            floor=floor,
            words=words,
            sift=sift or {},
            frozen=frozen,
        )
        mean, deviation = ([0.0] * 3, [1.0] * 3) if hub.is_kept(checkpoint) else hub.standard(checkpoint, revision)
        self.register_buffer("mean", torch.tensor(mean)[:, None, None])
        self.register_buffer("deviation", torch.tensor(deviation)[:, None, None])

    def detect(self, pixels: Tensor, extent: Tensor) -> Detections:
        """Detect the `top` object queries of the highest scores, of those above `floor`."""
        output = self.detector(pixel_values=(pixels - self.mean) / self.deviation)
        scores, chosen = self._scores(output.logits).topk(min(self.top, output.logits.shape[1]), dim=1)  # (B, N)
        boxes = _corners(_rows(output.pred_boxes, chosen)) * extent.repeat(1, 2).unsqueeze(1)
        states = output.last_hidden_state
        return Detections(
            boxes=boxes,
            scores=torch.where(scores > self.floor, scores, 0.0),
            features=torch.cat([states.mean(1, keepdim=True), _rows(states, chosen)], dim=1),
        )

    def _scores(self, logits: Tensor) -> Tensor:
        """Return the best label's score (B, Q): by softmax with a label "no object" in DETR, by sigmoid in others."""
        if logits.shape[-1] > self.detector.config.num_labels:
            return logits.softmax(-1)[..., :-1].amax(-1)
        return logits.sigmoid().amax(-1)

    def save_assets(self, folder: Path) -> None:
        """Write the checkpoint's architecture: the model then loads without the checkpoint."""
        hub.keep({**self.detector.config.to_dict(), "use_pretrained_backbone": False}, folder / "checkpoint")


def _rows(values: Tensor, chosen: Tensor) -> Tensor:
    """Take the rows chosen (B, N) of values (B, Q, D): (B, N, D)."""
    return values.gather(1, chosen.unsqueeze(-1).expand(-1, -1, values.shape[-1]))


def _corners(boxes: Tensor) -> Tensor:
    """Convert boxes: centre x, centre y, width, height → x0, y0, x1, y1."""
    centre, half = boxes[..., :2], boxes[..., 2:] / 2
    return torch.cat([centre - half, centre + half], dim=-1)
