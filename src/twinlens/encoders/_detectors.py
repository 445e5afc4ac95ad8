"""Faster R-CNN detectors (Ren et al. 2015) by name and weights: torchvision's, and a small one for drawings."""

from __future__ import annotations

import json
from importlib import resources
from pathlib import Path
from typing import Any

import torch
import torchvision
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torchvision.models.detection import FasterRCNN
from torchvision.models.detection.anchor_utils import AnchorGenerator
from torchvision.models.detection.faster_rcnn import FastRCNNPredictor, TwoMLPHead
from torchvision.ops import MultiScaleRoIAlign

from twinlens.core import hub
from twinlens.core.atomic import whole_file
from twinlens.core.types import TwinlensError

SMALL = "fasterrcnn_small"
NAMES = (
    SMALL,
    "fasterrcnn_mobilenet_v3_large_320_fpn",
    "fasterrcnn_mobilenet_v3_large_fpn",
    "fasterrcnn_resnet50_fpn",
    "fasterrcnn_resnet50_fpn_v2",
)
SHAPES = "shapes"
"""The weights shipped with the package: of `fasterrcnn_small`, trained on drawn scenes."""
COCO_CLASSES = 91

_CLASS_WEIGHTS = "roi_heads.box_predictor.cls_score"
_CHANNELS, _CELLS, _FEATURES = 32, 5, 256


def load(
    name: str,
    weights: str | None,
    *,
    canvas: tuple[int, int],
    top: int = 100,
    floor: float = 0.05,
    classes: int | None = None,
) -> Any:
    """Load a detector for pictures of at most `canvas` (height, width) pixels, which it does not resize.

    weights: "shapes"; a name of torchvision's such as "COCO_V1" or "DEFAULT"; a .safetensors or .pth file; a path
    written by `hub.keep` (the architecture alone); None for random ones. top, floor: the most boxes per picture, and
    their least score. classes: number of classes, background included; weights for another number get a new last
    layer. Raises TwinlensError for unknown names, files that do not fit, and weights that cannot be downloaded.
    """
    if name not in NAMES:
        raise TwinlensError(f"unknown detector {name!r}; known: {', '.join(NAMES)}")
    if weights is None:
        return _build(name, classes or COCO_CLASSES, canvas, top, floor)
    if hub.is_kept(weights):
        return _build(name, hub.kept_architecture(weights)["classes"], canvas, top, floor)
    state = _read(name, weights)
    if f"{_CLASS_WEIGHTS}.weight" not in state:
        raise TwinlensError(f"the weights {weights!r} are not of a Faster R-CNN; choose another file")
    detector = _build(name, len(state[f"{_CLASS_WEIGHTS}.weight"]), canvas, top, floor)
    _fill(detector, state, name, weights)
    if classes is not None and classes != classes_of(detector):
        detector.roi_heads.box_predictor = FastRCNNPredictor(features_of(detector), classes)
    return detector


def save(detector: nn.Module, path: Path, *, name: str, labels: tuple[str, ...]) -> None:
    """Write a detector as safetensors for `load`, with its name and the labels of its classes (from 1 on)."""
    state = {key: tensor.detach().cpu().contiguous() for key, tensor in detector.state_dict().items()}
    with whole_file(path) as draft:
        save_file(state, draft, metadata={"detector": name, "labels": json.dumps(labels)})


def labels_of(path: Path) -> tuple[str, ...]:
    """Read the labels written by `save`; none for other files."""
    with safe_open(path, framework="pt") as file:
        return tuple(json.loads((file.metadata() or {}).get("labels", "[]")))


def classes_of(detector: Any) -> int:
    """Return the number of classes, background included."""
    return int(detector.roi_heads.box_predictor.cls_score.out_features)


def features_of(detector: Any) -> int:
    """Return the width of the box head's features."""
    return int(detector.roi_heads.box_predictor.cls_score.in_features)


def shipped() -> Path:
    """Return the path of the weights "shapes"."""
    with resources.as_file(resources.files("twinlens") / "models" / "detector-shapes.safetensors") as path:
        return path


def freeze(module: nn.Module) -> None:
    """Turn every parameter into a buffer: saved and moved with the model, but neither trained nor re-initialised."""
    for part in module.modules():
        for name, parameter in list(part.named_parameters(recurse=False)):
            delattr(part, name)
            part.register_buffer(name, parameter.detach())


def _build(name: str, classes: int, canvas: tuple[int, int], top: int, floor: float) -> Any:
    shared = {
        "min_size": min(canvas),
        "max_size": max(canvas),
        "box_detections_per_img": top,
        "box_score_thresh": floor,
        "rpn_score_thresh": 0.0,
    }
    if name == SMALL:
        return _small(classes, shared)
    return torchvision.models.get_model(
        name, weights=None, weights_backbone=None, num_classes=classes, rpn_post_nms_top_n_test=300, **shared
    )


def _small(classes: int, shared: dict[str, Any]) -> Any:
    """Build the small detector: four convolutions to a map of stride 4, anchors for flat items of 10 to 30 pixels."""
    widths = ((3, _CHANNELS // 2, 2), (_CHANNELS // 2, _CHANNELS, 2), *[(_CHANNELS, _CHANNELS, 1)] * 2)
    backbone: Any = nn.Sequential(*(_convolution(*width) for width in widths))
    backbone.out_channels = _CHANNELS  # read by FasterRCNN
    return FasterRCNN(
        backbone,
        rpn_anchor_generator=AnchorGenerator(((10, 20, 30),), ((1.0,),)),
        box_roi_pool=MultiScaleRoIAlign(["0"], _CELLS, sampling_ratio=2),
        box_head=TwoMLPHead(_CHANNELS * _CELLS**2, _FEATURES),
        box_predictor=FastRCNNPredictor(_FEATURES, classes),
        rpn_pre_nms_top_n_train=400,
        rpn_post_nms_top_n_train=200,
        rpn_pre_nms_top_n_test=200,
        rpn_post_nms_top_n_test=64,
        rpn_batch_size_per_image=64,
        box_batch_size_per_image=64,
        **shared,
    )


def _convolution(channels: int, out: int, stride: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(channels, out, 3, stride=stride, padding=1, bias=False), nn.BatchNorm2d(out), nn.ReLU(inplace=True)
    )


def _read(name: str, weights: str) -> dict[str, Tensor]:
    if weights == SHAPES:
        if name != SMALL:
            raise TwinlensError(f"the weights {SHAPES!r} are of the detector {SMALL!r}, not of {name!r}")
        return _read_file(shipped())
    if Path(weights).suffix in (".safetensors", ".pth", ".pt"):
        return _read_file(Path(weights))
    return _download(name, weights)


def _read_file(path: Path) -> dict[str, Tensor]:
    if not path.is_file():
        raise TwinlensError(f"there are no weights {path}; `twinlens train detector` makes such a file")
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        return dict(torch.load(path, map_location="cpu", weights_only=True))
    except Exception as error:  # torch.load's errors for damaged and for unsafe files have no common class
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise TwinlensError(f"the weights {path} cannot be read: {reason}") from error


def _download(name: str, weights: str) -> dict[str, Tensor]:
    known = [] if name == SMALL else sorted(torchvision.models.get_model_weights(name).__members__)
    if weights not in known:
        names = ", ".join(known or [SHAPES])
        raise TwinlensError(f"{name!r} has no weights {weights!r}; known: {names}, or a .safetensors or .pth file")
    chosen = torchvision.models.get_model_weights(name)[weights]
    try:
        return dict(chosen.get_state_dict(progress=False, check_hash=True, weights_only=True))
    except OSError as error:
        raise TwinlensError(
            f"cannot download the weights {weights!r} of {name}: {error}; download {chosen.url} and give "
            f"the file as `weights`, or use the recipe paper, which needs no download"
        ) from error


def _fill(detector: Any, state: dict[str, Tensor], name: str, weights: str) -> None:
    """Load weights, which may lack the counters of batch normalisation: torchvision trains with it frozen."""
    own = detector.state_dict()
    counters = {key for key in own.keys() - state.keys() if key.endswith("num_batches_tracked")}
    fitting = {key for key in state if key in own and own[key].shape == state[key].shape}
    if fitting != state.keys() or fitting | counters != own.keys():
        raise TwinlensError(f"the weights {weights!r} do not fit the detector {name!r}; name the one they are of")
    if counters and name == "fasterrcnn_resnet50_fpn":
        # torchvision made this checkpoint with ε = 0 where it now adds 1e-5 to a variance (its `overwrite_eps`).
        for key in counters:
            variance = key.replace("num_batches_tracked", "running_var")
            state[variance] = state[variance] - 1e-5
    detector.load_state_dict(state, strict=False)
