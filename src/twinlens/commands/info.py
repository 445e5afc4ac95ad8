"""`twinlens info`: counts, failures and model of a collection."""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from twinlens.commands import _collection, _common

HELP = "show what a collection holds, which pictures failed and why, and which model made it"
EXAMPLES = """
twinlens info
twinlens info --collection ~/pictures.twin --json
twinlens info --files
twinlens info --files ~/Pictures
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the collection, and what to list."""
    _collection.add_collection(parser)
    _common.add_plugins(parser)
    parser.add_argument("--files", nargs="*", type=Path, metavar="DIR", help="list what the collection has by kind of"
                        " file, and its fields; of folders: what an index would read, and pass over")  # fmt: skip


def run(args: argparse.Namespace) -> Mapping[str, object]:
    """Print and return the counts."""
    if args.files is not None:
        return _listed(args) if not args.files else _scanned(args)
    from twinlens.models import runtime

    with _collection.open_collection(args) as collection:
        about, runs = collection.info(), runtime.measurements(collection.model)
    model = {"recipe": about.model.recipe, "digest": about.model.digest, "dim": about.model.dim}
    rows: list[list[object]] = [
        ["pictures that can be found", f"{about.pictures:,}"],
        ["pictures that failed", f"{about.failed:,}"],
        ["size on disk", f"{about.size / 1e6:,.1f} MB"],
        ["model", f"{about.model.recipe} ({about.model.dim} numbers, {about.model.digest[:12]})"],
    ]
    rows.append(["its networks run by", runtime.describe(runs)])
    rows.append(["index", _index(about.index)])
    if about.lacking:
        rows.append(["pictures without a vector", f"{about.lacking:,}"])
    if about.building:
        rows.append(["model being built", f"{about.building.recipe} ({about.building.digest[:12]})"])
    if _common.shows_view(args):
        _common.print_table(["", str(about.folder)], rows)
        if about.failures:
            _common.print_table(["failed", "reason", "such as"], [[n, why, path] for why, n, path in about.failures])
    return {
        "collection": about.folder,
        "pictures": about.pictures,
        "failed": about.failed,
        "without_vector": about.lacking,
        "bytes": about.size,
        "model": model,
        "runtime": runs,
        "index": about.index,
        "building": about.building.digest if about.building else None,
        "failures": [{"reason": why, "pictures": n, "example": path} for why, n, path in about.failures],
    }


def _index(index: Mapping[str, Any]) -> str:
    """Return a line on how the collection is searched."""
    from twinlens.core.plugin_names import short

    if index["setting"] == "exact":
        return "exact"
    if index["state"] != "approximate":
        return f"{short(index['setting'])}; {index['state']}"
    recalls = ", ".join(f"{name} {recall:.3f}" for name, recall in index["measured"].items())
    name = index["index"] if index["setting"] == "auto" else short(index["setting"])
    return f"{name}, effort {index['options']['effort']}; measured recall: {recalls}"


def _listed(args: argparse.Namespace) -> Mapping[str, object]:
    """List the files of the collection by kind, and how many have each field."""
    from twinlens.collection import listing

    with _collection.open_collection(args) as collection:
        found = collection.listing()
    columns = (listing.PICTURES, listing.VIDEOS, listing.MOMENTS, *listing.COLUMNS)
    if _common.shows_view(args):
        rows = [[kind, *(counts[name] or "" for name in columns)] for kind, counts in sorted(found.kinds.items())]
        _common.print_table(["", *columns], rows)
        _common.print_table(["field", "pictures"], [[name, count] for name, count in found.fields.items()])
    return {"collection": args.collection, "kinds": found.kinds, "fields": found.fields}


def _scanned(args: argparse.Namespace) -> Mapping[str, object]:
    """List the files that an index of folders would read, by kind and source of captions, and would pass over."""
    from twinlens.collection.ingest import scan
    from twinlens.collection.listing import PICTURES, VIDEOS
    from twinlens.media import finding, moments
    from twinlens.media.fields import RENAMED

    found, fields = scan(args.files), Counter[str]()
    kinds: dict[str, Counter[str]] = {}
    for path, caption in found.pictures():
        counts = kinds.setdefault(path.suffix.lower(), Counter())
        counts.update([VIDEOS if moments.is_video(path) else PICTURES])
        if caption is not None:
            counts.update(["captioned beside"] if caption.text else [])
            fields.update(caption.metadata.keys() - RENAMED)
    lines = [*finding.describe(found.passed, found.rules.counts), *found.problems, *found.empty.values()]
    if _common.shows_view(args):
        columns = (PICTURES, VIDEOS, "captioned beside")
        _common.print_table(
            ["", *columns], [[kind, *(n[c] or "" for c in columns)] for kind, n in sorted(kinds.items())]
        )
        if fields:
            _common.print_table(["field beside", "pictures"], sorted(fields.items()))
        for line in lines:
            _common.say(line)
    return {
        "kinds": kinds,
        "fields": fields,
        "passed": found.passed,
        "left_out": +found.rules.counts,
        "problems": found.problems,
    }
