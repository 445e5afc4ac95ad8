"""Regions of a Faster R-CNN, as in the paper."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torchvision.models.detection.image_list import ImageList

from twinlens.core import hub
from twinlens.encoders import _detectors
from twinlens.encoders._detections import Detections
from twinlens.encoders._regions import RegionEncoder


class Regions(RegionEncoder):
    """Ren et al. 2015, "Faster R-CNN"; region features as in bottom-up attention (Anderson et al. 2018).

    `detector` is one of torchvision's Faster R-CNNs by its name there, or "fasterrcnn_small", one for drawings. Its
    `weights` are "shapes" (shipped, for the small one), a name of torchvision's ("COCO_V1", "DEFAULT"; downloaded), a
    .safetensors or .pth file, such as `twinlens train detector` writes, or None for random ones. A picture is scaled to
    fit `height` × `width` pixels. The `top` regions of a score above `floor` are kept, if any, after the whole picture.
    `fit` learns `words` SIFT words (0: none), from keypoints with the options `sift`.
    """

    def __init__(
        self,
        *,
        detector: str = _detectors.SMALL,
        weights: str | None = _detectors.SHAPES,
        height: int = 100,
        width: int = 400,
        top: int = 32,
        floor: float = 0.3,
        words: int = 256,
        sift: Mapping[str, Any] | None = None,
        frozen: bool = True,
    ) -> None:
        network = _detectors.load(detector, weights, canvas=(height, width), top=top, floor=floor)
        super().__init__(
            detector=network,
            features=_detectors.features_of(network),
            height=height,
            width=width,
            top=top,
            floor=floor,
            words=words,
            sift=sift or {},
            frozen=frozen,
        )
        self.weights = weights

    def detect(self, pixels: Tensor, extent: Tensor) -> Detections:
        """Detect boxes; compute the box head's features of these and of the whole picture."""
        network, sizes = self.detector, [(height, width) for width, height in extent.tolist()]
        pictures = self._normalised(pixels, extent)
        maps = network.backbone(pictures)
        maps = maps if isinstance(maps, dict) else {"0": maps}
        proposals, _ = network.rpn(ImageList(pictures, sizes), maps)
        detected, _ = network.roi_heads(maps, proposals, sizes)
        whole = [pixels.new_tensor([[0, 0, width, height]]) for height, width in sizes]
        regions = [torch.cat([w, one["boxes"]]) for w, one in zip(whole, detected, strict=True)]
        features = network.roi_heads.box_head(network.roi_heads.box_roi_pool(maps, regions, sizes))
        return Detections.stack(
            [one["boxes"] for one in detected],
            [one["scores"] for one in detected],
            features.split([len(boxes) for boxes in regions]),
        )

    def _normalised(self, pixels: Tensor, extent: Tensor) -> Tensor:
        """Standardise the picture's pixels and zero the rest of the canvas, as torchvision does."""
        transform = self.detector.transform
        mean, std = (pixels.new_tensor(values)[:, None, None] for values in (transform.image_mean, transform.image_std))
        columns = torch.arange(self.width, device=pixels.device) < extent[:, :1]  # (B, width)
        rows = torch.arange(self.height, device=pixels.device) < extent[:, 1:]
        return (pixels - mean) / std * (rows.unsqueeze(2) & columns.unsqueeze(1)).unsqueeze(1)

    def save_assets(self, folder: Path) -> None:
        """Write the weights' number of classes: the model then loads without their file."""
        if self.weights is not None:
            hub.keep({"classes": _detectors.classes_of(self.detector)}, folder / "weights")
