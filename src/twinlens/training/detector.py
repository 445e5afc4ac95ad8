"""Training of a Faster R-CNN on boxes of drawn scenes, NLVR or COCO, with its mean average precision.

A detector trained on photographs has no reason to fire on drawn shapes, nor one trained on drawings on anything else.
"""

from __future__ import annotations

import functools
import hashlib
import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from twinlens.core.atomic import whole_file
from twinlens.core.progress import Bar, bar
from twinlens.core.types import Picture, TwinlensError
from twinlens.datasets import nlvr
from twinlens.encoders import _detectors
from twinlens.media import images
from twinlens.reading.world import COLOURS, SHAPES
from twinlens.shapes.drawing import draw
from twinlens.shapes.scenes import item_boxes, random_scene

CHECKPOINT = "detector-checkpoint.pt"
DRAWN_LABELS = tuple(f"{colour} {shape}" for colour in COLOURS for shape in SHAPES)
"""Labels of the items in drawn scenes and in NLVR's."""
Target = dict[str, Tensor]


@dataclass(frozen=True)
class Example:
    """A picture with boxes (left, upper, right, lower) in its pixels, and a label for each."""

    picture: Picture
    boxes: tuple[tuple[float, float, float, float], ...]
    labels: tuple[str, ...]


@dataclass(frozen=True)
class DetectorTraining:
    """Settings of a detector's training; lengths in epochs over the examples."""

    epochs: int = 10
    batch_size: int = 8
    learning_rate: float = 2e-3
    weight_decay: float = 0.01
    warmup: int = 50


def drawn(count: int, *, seed: int) -> list[Example]:
    """Drawn scenes with up to eight things in a box, as crowded as NLVR's; the labels are DRAWN_LABELS."""
    rng = np.random.default_rng(seed)
    return [_drawn(random_scene(rng, items=(1, 8))) for _ in range(count)]


def from_nlvr(root: Path | None, split: str) -> list[Example]:
    """Take one picture of each row of NLVR, with its annotated items. Raises TwinlensError."""
    colours = {"#0099ff": "blue"}
    found = []
    for n, row in enumerate(nlvr.rows(root, split)):
        k = n % len(row.pictures)
        shown = row.items_in(k)
        labels = tuple(f"{colours.get(item.color.lower(), item.color.lower())} {item.shape}" for item, _ in shown)
        found.append(Example(row.pictures[k], tuple(box for _, box in shown), labels))
    return found


def from_coco(annotations: Path, pictures: Path) -> list[Example]:
    """Read a COCO detection file and the folder of its pictures; crowds are left out, pictures without boxes stay.

    Raises TwinlensError when the file cannot be read or is of another format.
    """
    try:
        content = json.loads(annotations.read_text(encoding="utf-8"))
        names = {category["id"]: category["name"] for category in content["categories"]}
        found: dict[Any, list[tuple[tuple[float, float, float, float], str]]] = {
            picture["id"]: [] for picture in content["images"]
        }
        for entry in content["annotations"]:
            x, y, width, height = entry["bbox"]
            if not entry.get("iscrowd") and width > 0 and height > 0:
                found[entry["image_id"]].append(((x, y, x + width, y + height), names[entry["category_id"]]))
        files = {picture["id"]: pictures / picture["file_name"] for picture in content["images"]}
    except OSError as error:
        raise TwinlensError(f"cannot read {annotations}: {error.strerror}") from error
    except (ValueError, KeyError, TypeError) as error:
        raise TwinlensError(f"{annotations} is no COCO detection file: {type(error).__name__} {error}") from error
    return [
        Example(files[n], tuple(box for box, _ in there), tuple(label for _, label in there))
        for n, there in found.items()
    ]


def build(name: str, weights: str | None, labels: Sequence[str], *, canvas: tuple[int, int]) -> Any:
    """Build a Faster R-CNN by name and weights, as encoder `regions` takes them, for these labels.

    canvas: (height, width) in pixels that pictures are scaled to; things below ten pixels are hard to find. Weights of
    another number of labels keep all but their last layer. Raises TwinlensError as the encoder does.
    """
    return _detectors.load(name, weights, canvas=canvas, floor=0.05, classes=len(labels) + 1)


def save(detector: Any, path: Path, *, name: str, labels: Sequence[str]) -> None:
    """Write weights (safetensors) that encoder `regions` takes as `weights`, beside `detector` = name."""
    _detectors.save(detector, path, name=name, labels=tuple(labels))


def labels_of(examples: Iterable[Example]) -> tuple[str, ...]:
    """List every label of the examples, sorted. Raises TwinlensError when there is none."""
    labels = tuple(sorted({label for example in examples for label in example.labels}))
    if not labels:
        raise TwinlensError("no example has a box, so there is nothing to learn")
    return labels


def fine_tune(
    detector: Any,
    examples: Sequence[Example],
    labels: Sequence[str],
    *,
    settings: DetectorTraining | None = None,
    seed: int = 0,
    device: torch.device | str = "cpu",
    folder: Path | None = None,
    progress: bool = True,
) -> list[float]:
    """Train a Faster R-CNN in place on examples and leave it in evaluation mode; the mean loss of each epoch.

    Class n + 1 is labels[n]. With a `folder` every epoch ends with a checkpoint there, and a run that was cut off goes
    on from it as if it had not been. Raises TwinlensError for a label that is not listed, for a checkpoint of another
    run and for a picture that cannot be read.
    """
    settings = settings or DetectorTraining()
    run = _Run(detector.to(device), list(examples), tuple(labels), settings, seed)
    if folder is not None:
        run.resume(folder / CHECKPOINT)
    with bar("training the detector", settings.epochs * run.steps, unit="steps", progress=progress) as advance:
        advance(len(run.losses) * run.steps)
        while len(run.losses) < settings.epochs:
            run.epoch(advance)
            if folder is not None:
                run.save(folder / CHECKPOINT)
    detector.eval()
    return run.losses


@torch.inference_mode()
def mean_average_precision(detector: Any, examples: Sequence[Example], labels: Sequence[str]) -> dict[str, float]:
    """Measure COCO's mean average precision on examples: map (IoU .50 to .95), map_50, map_75, each in 0..1.

    Raises TwinlensError when torchmetrics (the extra `detector`) is not installed.
    """
    try:
        from torchmetrics.detection import MeanAveragePrecision
    except ImportError as error:
        raise TwinlensError("precision needs the extra `detector`: pip install 'twinlens[detector]'") from error
    was_training, device = detector.training, next(detector.parameters()).device
    detector.eval()
    metric = MeanAveragePrecision()
    for example in examples:
        pixels, target = _tensors(example, labels)
        answer = {key: value.cpu() for key, value in detector([pixels.to(device)])[0].items()}
        metric.update([answer], [target])
    detector.train(was_training)
    measured = metric.compute()
    return {key: max(0.0, float(measured[key])) for key in ("map", "map_50", "map_75")}


class _Run:
    """A detector in training: the state that a checkpoint holds, and the steps."""

    def __init__(
        self, detector: Any, examples: list[Example], labels: tuple[str, ...], settings: DetectorTraining, seed: int
    ) -> None:
        self.detector, self.examples, self.labels, self.settings, self.seed = detector, examples, labels, settings, seed
        self.steps = math.ceil(len(examples) / settings.batch_size)
        trained = [parameter for parameter in detector.parameters() if parameter.requires_grad]
        self.optimizer = torch.optim.AdamW(trained, settings.learning_rate, weight_decay=settings.weight_decay)
        total = settings.epochs * self.steps
        rising = min(settings.warmup, total)
        self.schedule = torch.optim.lr_scheduler.LambdaLR(
            self.optimizer, lambda step: min((step + 1) / rising, max(0.02, 1 - step / total))
        )
        self.losses: list[float] = []
        content = repr((settings, labels, seed, len(examples), [(e.boxes, e.labels) for e in examples]))
        self.key = hashlib.blake2b(content.encode(), digest_size=16).hexdigest()

    def epoch(self, advance: Bar) -> None:
        """Pass once over the examples, in an order and with mirrorings that depend on seed and epoch alone."""
        number = len(self.losses)
        rng = np.random.default_rng((self.seed, number))
        torch.manual_seed(self.seed + number)  # torchvision samples anchors and proposals
        order = rng.permutation(len(self.examples))
        self.detector.train()
        total = 0.0
        for start in range(0, len(order), self.settings.batch_size):
            chosen = order[start : start + self.settings.batch_size]
            total += self._step([_mirrored(_tensors(self.examples[n], self.labels), rng) for n in chosen])
            advance(1, note=f"epoch {number + 1}")
        self.losses.append(total / self.steps)

    def _step(self, batch: Sequence[tuple[Tensor, Target]]) -> float:
        device = next(self.detector.parameters()).device
        targets = [{key: value.to(device) for key, value in target.items()} for _, target in batch]
        loss: Tensor = sum(self.detector([pixels.to(device) for pixels, _ in batch], targets).values())
        self.optimizer.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        torch.nn.utils.clip_grad_norm_(self.detector.parameters(), 5.0)
        self.optimizer.step()
        self.schedule.step()
        return loss.item()

    def save(self, path: Path) -> None:
        """Write a checkpoint; a kill leaves the old one or the new one."""
        state = {
            "key": self.key,
            "detector": self.detector.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "schedule": self.schedule.state_dict(),
            "losses": self.losses,
        }
        with whole_file(path) as beside:
            torch.save(state, beside)

    def resume(self, path: Path) -> None:
        """Restore a checkpoint, where there is one."""
        if not path.is_file():
            return
        state = torch.load(path, map_location="cpu", weights_only=True)
        if state["key"] != self.key:
            raise TwinlensError(f"{path} is of another run; delete it or choose another folder")
        self.detector.load_state_dict(state["detector"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.schedule.load_state_dict(state["schedule"])
        self.losses = list(state["losses"])


def _drawn(scene: Any) -> Example:
    items = item_boxes(scene)
    boxes = tuple((left, upper, right, lower) for _, left, upper, right, lower in items)
    return Example(functools.partial(draw, scene), boxes, tuple(item[0] for item in items))


def _tensors(example: Example, labels: Sequence[str]) -> tuple[Tensor, Target]:
    """Convert to pixels (3, H, W) in 0..1, and boxes (N, 4) with labels (N,) as torchvision takes them."""
    pixels = torch.from_numpy(np.array(images.load(example.picture))).permute(2, 0, 1).float() / 255
    numbers = {label: n for n, label in enumerate(labels, 1)}
    if strange := [label for label in example.labels if label not in numbers]:
        raise TwinlensError(f"the label {strange[0]!r} is not one of the detector's: {', '.join(labels)}")
    boxes = torch.tensor(example.boxes, dtype=torch.float32).reshape(-1, 4)
    return pixels, {
        "boxes": boxes,
        "labels": torch.tensor([numbers[label] for label in example.labels], dtype=torch.long),
    }


def _mirrored(example: tuple[Tensor, Target], rng: np.random.Generator) -> tuple[Tensor, Target]:
    """Mirror left and right, or not."""
    pixels, target = example
    if rng.random() < 0.5:
        return example
    left, upper, right, lower = target["boxes"].unbind(1)
    width = pixels.shape[2]
    return pixels.flip(2), {**target, "boxes": torch.stack([width - right, upper, width - left, lower], dim=1)}
