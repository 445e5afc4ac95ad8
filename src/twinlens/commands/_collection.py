"""What the commands on a collection share: which collection, which model, and how a run is told."""

from __future__ import annotations

from functools import partial
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

from twinlens.commands import _common
from twinlens.types import TwinlensError

if TYPE_CHECKING:
    import argparse

    from twinlens.collection import Collection
    from twinlens.composer import Composer
    from twinlens.ingest import Report

COLLECTION = Path("twinlens-collection")
SHIPPED = "compact"
_SHOWN = 20


def add_collection(parser: argparse.ArgumentParser) -> None:
    """Add `--collection DIR`."""
    parser.add_argument(
        "--collection", type=Path, default=COLLECTION, metavar="DIR", help=f"the collection's folder ({COLLECTION})"
    )


def add_runtime(parser: argparse.ArgumentParser) -> None:
    """Add `--runtime`; not as choices, for their listing would import what runs the networks."""
    parser.add_argument("--runtime", default="auto", metavar="WAY", help="how to run the networks: torch, onnx, bf16,"
                        " or auto: as was measured to be fastest on this machine (auto)")  # fmt: skip


def open_collection(args: argparse.Namespace) -> Collection:
    """The collection that `--collection` names, run as `--runtime` says. Raises TwinlensError when there is none."""
    from twinlens import runtime
    from twinlens.collection import Collection

    mode = runtime.check_mode(getattr(args, "runtime", "auto"))
    return Collection.open(args.collection.expanduser(), load=partial(runtime.load, mode=mode))


def choose_model(model: Path | None, recipe: str | None) -> Composer:
    """The model of a new collection: a folder, what the package ships for a recipe, or one that needs no training."""
    from twinlens.composer import Composer
    from twinlens.config import find_recipe

    if model is not None:
        return Composer.load(model.expanduser())
    name = recipe or SHIPPED
    with resources.as_file(resources.files("twinlens") / "models" / name) as folder:
        if folder.is_dir():
            return Composer.load(folder)
    pipeline = find_recipe(name)
    if all(part.name in pipeline.training.frozen for part in pipeline.encoders):
        composer = Composer.build(pipeline).eval()
        if not any(parameter.requires_grad for parameter in composer.fusion.parameters()):
            return composer
    raise TwinlensError(
        f"twinlens ships no trained model for the recipe {name}; make one with twinlens train --recipe {name} --out DIR"
        " and give it as --model DIR"
    )


def told(report: Report) -> dict[str, object]:
    """A run as JSON knows it."""
    counts = ("found", "added", "changed", "moved", "unchanged", "removed", "skipped", "failed", "stopped")
    failures = {reason: [str(path) for path in paths] for reason, paths in report.failures.items()}
    said = {name: getattr(report, name) for name in counts}
    return {**said, "seconds": round(report.seconds, 3), "failures": failures, "problems": report.problems}


def print_report(report: Report) -> None:
    """What a run did in a sentence, then the failures by reason with one file each."""
    counts = {name: getattr(report, name) for name in ("added", "changed", "moved", "unchanged", "removed", "failed")}
    what = ", ".join(f"{count:,} {name}" for name, count in counts.items() if count) or "nothing to do"
    embedded = report.added + report.changed
    rate = f", {embedded / report.seconds:,.0f} pictures/s" if embedded and report.seconds > 0 else ""
    print(f"{report.found:,} pictures: {what} ({report.seconds:.1f} s{rate})")
    if report.skipped:
        print(f"{report.skipped:,} failed earlier and have not changed (twinlens info lists them, --retry tries again)")
    if report.failures:
        ordered = sorted(report.failures.items(), key=lambda item: -len(item[1]))
        rows: list[list[object]] = [[len(paths), reason, paths[0]] for reason, paths in ordered[:_SHOWN]]
        _common.print_table(["failed", "reason", "such as"], rows)
        if len(ordered) > _SHOWN:
            print(f"… and {len(ordered) - _SHOWN:,} more reasons (--json lists every picture)")
    for line in report.problems[:_SHOWN]:
        print(line)
    if len(report.problems) > _SHOWN:
        print(f"… and {len(report.problems) - _SHOWN:,} more captions that could not be read (--json lists them)")
