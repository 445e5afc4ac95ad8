"""`twinlens data`: list datasets, tell where to download them, check a downloaded folder."""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from twinlens.commands import _common
from twinlens.core import variants
from twinlens.core.counting import counted
from twinlens.core.types import TwinlensError

HELP = "list the datasets, say where to download one, or check a downloaded folder"
EXAMPLES = """
twinlens data
twinlens data cirr
twinlens data cirr --root ~/data/cirr
"""
_SHOWN = 20


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the dataset's name and the folder to check, both optional."""
    parser.add_argument("name", nargs="?", metavar="NAME", help="a dataset; without it, all of them are listed")
    parser.add_argument("--root", type=Path, metavar="DIR", help="check this folder and list the files it lacks")


def run(args: argparse.Namespace) -> Mapping[str, object]:
    """List, describe, or check. Raises TwinlensError (exit code 2) when the checked folder lacks something."""
    if args.name is None:
        return _list(args)
    from twinlens.core import plugins

    args.name = plugins.use("datasets", args.name)
    dataset = variants.load("datasets", args.name)
    result = _describe(args.name, dataset)
    if args.root is None:
        if _common.shows_view(args):
            _print_description(result)
        return result
    return _check(args, dataset, result)


def _list(args: argparse.Namespace) -> Mapping[str, object]:
    if args.root is not None:
        raise TwinlensError("say which dataset the folder holds: twinlens data NAME --root DIR")
    from twinlens.core import plugins

    found = {name: _describe(name, variants.load("datasets", name)) for name in variants.names("datasets")}
    others = plugins.installed("datasets")
    if _common.shows_view(args):
        rows = [[name, about["summary"], _source(about).get("size", "–")] for name, about in found.items()]
        rows += [[name, f"a plug-in of {package}", "–"] for name, package in others.items()]
        _common.print_table(["dataset", "what it is", "size"], rows)
        _common.say("twinlens data NAME tells where to download one; --root DIR checks a folder.")
    return {"datasets": found, "plugins": others}


def _describe(name: str, dataset: ModuleType) -> dict[str, object]:
    """Describe a dataset's file for JSON."""
    source = getattr(dataset, "SOURCE", None)
    return {
        "dataset": name,
        "summary": (dataset.__doc__ or "").splitlines()[0],
        "protocols": getattr(dataset, "PROTOCOLS", ()),
        "splits": getattr(dataset, "SPLITS", ()),
        "metrics": getattr(dataset, "METRICS", ()),
        "note": getattr(dataset, "NOTE", ""),
        "source": None if source is None else dataclasses.asdict(source),
    }


def _print_description(about: Mapping[str, object]) -> None:
    from twinlens.core.plugins import short

    _common.say(f"{short(str(about['dataset']))}: {about['summary']}")
    source = _source(about)
    if not source:
        _common.say("  no download is known: it is drawn here, or read from a folder of yours")
    for line in ("homepage", "licence", "size") if source else ():
        _common.say(f"  {line + ':':<10} {source[line]}")
    for place in source.get("files", ()):
        _common.say(f"  get        {place}")
    if about["note"]:
        _common.say(str(about["note"]))


def _check(args: argparse.Namespace, dataset: ModuleType, about: dict[str, object]) -> Mapping[str, object]:
    if not hasattr(dataset, "expected_files"):
        raise TwinlensError(f"{args.name} has no fixed list of files, so there is nothing to check")
    root = _common.existing_folder(args.root)
    expected = list(dict.fromkeys(dataset.expected_files(root)))
    missing = [path for path in expected if not path.exists()]
    result = about | {"root": root, "expected": len(expected), "missing": missing, "complete": not missing}
    if not missing:
        if _common.shows_view(args):
            _common.say(f"{root} is complete: all {counted(len(expected), 'file')} of {args.name} are there")
        return result
    if _common.shows_view(args):
        _print_missing(missing)
    _common.emit(result, args)
    raise TwinlensError(
        f"{root} lacks {len(missing):,} of {counted(len(expected), 'file')};"
        f" `twinlens data {args.name}` tells how to get them"
    )


def _print_missing(missing: list[Path]) -> None:
    for path in missing[:_SHOWN]:
        _common.say(f"missing: {path}")
    if len(missing) > _SHOWN:
        _common.say(f"… and {len(missing) - _SHOWN:,} more (--json lists them all)")


def _source(about: Mapping[str, object]) -> Mapping[str, Any]:
    source = about["source"]
    return source if isinstance(source, Mapping) else {}
