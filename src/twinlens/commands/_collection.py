"""Arguments and reports shared by the commands on a collection."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from twinlens.commands import _common
from twinlens.core.counting import counted
from twinlens.core.types import TwinlensError

if TYPE_CHECKING:
    import argparse

    from twinlens.collection import Collection
    from twinlens.collection.engines import Engine
    from twinlens.collection.ingest import Report
    from twinlens.collection.model import Model

COLLECTION = Path("twinlens-collection")
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


def add_engine(parser: argparse.ArgumentParser) -> None:
    """Add `--engine` and `--credentials-file`."""
    parser.add_argument("--engine", metavar="URL", help="let a server answer that twinlens push has filled:"
                        " postgresql://USER@HOST/DATABASE or milvus://HOST:PORT")  # fmt: skip
    add_credentials(parser)


def add_credentials(parser: argparse.ArgumentParser) -> None:
    """Add `--credentials-file`."""
    parser.add_argument("--credentials-file", type=Path, metavar="FILE", help="a file with the password or token of the"
                        " server; or set PGPASSWORD or TWINLENS_MILVUS_TOKEN")  # fmt: skip


def engine(args: argparse.Namespace) -> Callable[[], Engine]:
    """Return what makes the engine of `--engine`, by default that of this process. Raises TwinlensError."""
    if getattr(args, "engine", None) is None:
        from twinlens.collection.engines.local import LocalEngine

        return LocalEngine
    from twinlens.collection.remote import engine_at

    return engine_at(args.engine, credentials=args.credentials_file)


def open_collection(args: argparse.Namespace) -> Collection:
    """Open the collection of `--collection`, run by `--runtime`, searched by `--engine`.

    Raises TwinlensError when there is none, and for the URL of no engine.
    """
    from twinlens.collection import Collection
    from twinlens.models import runtime

    mode = runtime.check_mode(getattr(args, "runtime", "auto"))
    load = partial(runtime.load, mode=mode)
    return Collection.open(args.collection.expanduser(), load=load, engine=engine(args))


def add_model(parser: argparse.ArgumentParser) -> None:
    """Add `--model`, `--recipe` and `--checkpoint`."""
    model = parser.add_mutually_exclusive_group()
    model.add_argument("--model", type=Path, metavar="NAME", help="a model's folder, or one that ships; if it is not"
                       " the collection's, all pictures are embedded again; old vectors serve until then")  # fmt: skip
    model.add_argument("--recipe", metavar="NAME", help="a model that needs no training: clip, offline, compact (for"
                       " drawn scenes), or auto: clip if its checkpoint can be had, else offline (auto)")  # fmt: skip
    parser.add_argument("--checkpoint", metavar="NAME", help="another CLIP or SigLIP for --recipe clip, by its name at"
                        " the hub or its folder")  # fmt: skip


def asks_for_model(args: argparse.Namespace) -> bool:
    """Return True if a model is named at all."""
    return any(given is not None for given in (args.model, args.recipe, args.checkpoint))


def choose_model(args: argparse.Namespace) -> Model:
    """Load the model of `--model`, `--recipe` and `--checkpoint`. Raises TwinlensError when it cannot be loaded."""
    from twinlens.models import runtime, serving

    by_torch = runtime.check_mode(args.runtime) in ("torch", "bf16")
    if args.model is not None:
        if args.checkpoint is not None:
            raise TwinlensError("--checkpoint is for the recipe clip; leave it or --model out")
        return serving.load(args.model, by_torch=by_torch)
    report = _common.say if _common.shows_view(args) else str
    recipe = args.recipe or serving.AUTO
    return serving.ready(recipe, checkpoint=args.checkpoint, by_torch=by_torch, report=report)


def report_to_json(report: Report) -> dict[str, object]:
    """Return the JSON of a run."""
    counts = ("found", "added", "changed", "moved", "unchanged", "removed", "skipped", "failed", "stopped")
    failures = {reason: [str(path) for path in paths] for reason, paths in report.failures.items()}
    counted = {name: getattr(report, name) for name in counts}
    return {
        **counted,
        "seconds": round(report.seconds, 3),
        "failures": failures,
        "protected": [vars(protection) for protection in report.protections],
        "problems": report.problems,
        "passed": report.passed,
        "left_out": report.left_out,
    }


def print_report(report: Report) -> None:
    """Print a run in a sentence, then the failures by reason with one file each."""
    counts = {name: getattr(report, name) for name in ("added", "changed", "moved", "unchanged", "removed", "failed")}
    what = ", ".join(f"{count:,} {name}" for name, count in counts.items() if count) or "nothing to do"
    embedded = report.added + report.changed
    rate = f", {embedded / report.seconds:,.0f} pictures/s" if embedded and report.seconds > 0 else ""
    _common.say(f"{counted(report.found, 'picture')}: {what} ({report.seconds:.1f} s{rate})")
    if report.skipped:
        _common.say(
            f"{counted(report.skipped, 'has', 'have')} failed earlier and not changed"
            f" (twinlens info lists {'it' if report.skipped == 1 else 'them'}, --retry tries again)"
        )
    if report.failures:
        ordered = sorted(report.failures.items(), key=lambda item: -len(item[1]))
        rows: list[list[object]] = [[len(paths), reason, paths[0]] for reason, paths in ordered[:_SHOWN]]
        _common.print_table(["failed", "reason", "such as"], rows)
        if len(ordered) > _SHOWN:
            _common.say(f"… and {counted(len(ordered) - _SHOWN, 'more reason')} (--json lists every picture)")
    for line in [*_passed(report), *(protection.line for protection in report.protections), *report.problems[:_SHOWN]]:
        _common.say(line)
    if len(report.problems) > _SHOWN:
        _common.say(f"… and {counted(len(report.problems) - _SHOWN, 'more such line')} (--json has all)")


def _passed(report: Report) -> list[str]:
    if not report.passed and not report.left_out:
        return []
    from twinlens.media import finding

    return finding.describe(report.passed, report.left_out)
