"""`twinlens export`: write a model as a folder that runs without torch."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from twinlens.commands import _common

if TYPE_CHECKING:
    from twinlens.models.composer import Composer

HELP = "write a model as ONNX graphs, which run without torch, here and on other machines"
EXAMPLES = """
twinlens export offline --out models/offline
twinlens export models/mine --out models/mine-exported
twinlens export models/mine --out models/mine-half --precision float16
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the model, the folder, and the precision."""
    parser.add_argument("model", metavar="MODEL", help="a model's folder, the name of one that ships, or of a recipe"
                        " that needs no training, such as offline")  # fmt: skip
    parser.add_argument(
        "--out",
        type=Path,
        required=True,
        metavar="DIR",
        help="a new folder for the exported model;"
        " or the model's own, which then runs without torch, and can be trained on with it",
    )
    parser.add_argument("--precision", default="float32", metavar="KIND", help="float32; or float16, half the size, or"
                        " int8, a quarter: refused where vectors then differ from float32's too much")  # fmt: skip
    _common.add_plugins(parser)


def run(args: argparse.Namespace) -> Mapping[str, object]:
    """Export, compare the vectors with torch's, and tell how to use the folder.

    Raises TwinlensError for a model that cannot be exported; then nothing is written.
    """
    from twinlens.core import checksums
    from twinlens.models.exported.writing import write

    progress = _common.shows_view(args)
    folder = args.out.expanduser()
    own = Path(args.model).expanduser()
    beside = own.is_dir() and folder.is_dir() and folder.samefile(own)
    cosine = write(_composer(args.model), folder, precision=args.precision, beside=beside, progress=progress)
    size = sum(path.stat().st_size for path in checksums.files(folder))
    if progress:
        _common.say(
            f"wrote {folder} ({size / 1e6:.0f} MB); its vectors and torch's have a cosine of at least {cosine:.6f}"
        )
        _common.say(f"use it, with torch or without: twinlens index DIR --model {folder}")
    return {"model": args.model, "folder": folder, "precision": args.precision, "bytes": size, "cosine": cosine}


def _composer(name: str) -> Composer:
    from twinlens.core.recipe import presets
    from twinlens.models import pretrained, shipped
    from twinlens.models.composer import Composer

    is_recipe = name in presets() and name not in shipped.names() and not Path(name).is_dir()
    return pretrained.ready(name) if is_recipe else Composer.load(name)
