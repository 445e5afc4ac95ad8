"""`twinlens train detector`: fine-tune a Faster R-CNN on boxes and measure its gain."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from twinlens.commands import _common
from twinlens.core.types import TwinlensError

if TYPE_CHECKING:
    import argparse

    from twinlens.training.detector import Example

WEIGHTS = "detector.safetensors"
HELD_OUT = 0.2
"""Share of the examples that measures precision and is never trained on."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `train detector`."""
    group = parser.add_argument_group("train detector")
    group.add_argument("--detector", default="fasterrcnn_small", metavar="NAME", help="an unknown name lists them")
    group.add_argument("--weights", metavar="NAME", help="start from these: shapes, COCO_V1 …, or a file")
    group.add_argument("--boxes", type=Path, metavar="FILE", help="a COCO detection file; --root has its pictures")
    group.add_argument("--pictures", type=int, default=1000, metavar="N", help="scenes drawn without --boxes (1000)")


def run(args: argparse.Namespace) -> Mapping[str, object]:
    """Train, measure mean average precision before and after on held-out examples, write the weights."""
    from twinlens.core.machine import pick_device
    from twinlens.training import detector as detection

    examples = _examples(args)
    part = max(1, round(HELD_OUT * len(examples)))
    train, held = examples[part:], examples[:part]
    labels = detection.labels_of(examples)
    canvas = _canvas(examples[0])
    detector = detection.build(args.detector, args.weights, labels, canvas=canvas).to(pick_device(args.device))
    before = detection.mean_average_precision(detector, held, labels)
    settings = detection.DetectorTraining()
    settings = replace(settings, epochs=args.epochs) if args.epochs else settings
    losses = detection.fine_tune(
        detector,
        train,
        labels,
        settings=settings,
        seed=args.seed,
        device=pick_device(args.device),
        folder=args.out,
        progress=_common.shows_view(args),
    )
    after = detection.mean_average_precision(detector, held, labels)
    path = args.out / WEIGHTS
    detection.save(detector, path, name=args.detector, labels=labels)
    (args.out / detection.CHECKPOINT).unlink(missing_ok=True)
    if _common.shows_view(args):
        _show(before, after, path, len(held))
    found = {"before": before, "after": after, "losses": losses, "labels": list(labels)}
    return {"weights": path, "examples": len(train), "held_out": len(held), **found}


def _examples(args: argparse.Namespace) -> list[Example]:
    """Load COCO boxes, NLVR's annotated scenes, or drawn ones. Raises TwinlensError for too few to hold any out."""
    from twinlens.training import detector as detection

    if args.boxes is not None:
        if args.root is None:
            raise TwinlensError("--boxes needs --root, the folder of its pictures")
        found = detection.from_coco(args.boxes, args.root)
    elif args.dataset == "nlvr":
        found = detection.from_nlvr(args.root, args.split)
    elif args.dataset == "shapes":
        found = detection.drawn(args.pictures, seed=args.seed)
    else:
        raise TwinlensError(f"{args.dataset} has no boxes; give --boxes FILE, or --dataset shapes or nlvr")
    if len(found) < 2:
        raise TwinlensError("a detector needs at least two examples, one to learn from and one to measure with")
    return found


def _canvas(example: Example) -> tuple[int, int]:
    """Return the (height, width) that every picture is scaled to: the first one's."""
    from twinlens.media import images

    width, height = images.load(example.picture).size
    return height, width


def _show(before: Mapping[str, float], after: Mapping[str, float], path: Path, held: int) -> None:
    rows: list[list[Any]] = [["before", *before.values()], ["after", *after.values()]]
    _common.print_table(["", *before], rows, title=f"mean average precision on {held} held-out pictures")
    _common.say(f"wrote {path}; name it as `weights` of the encoder regions")
