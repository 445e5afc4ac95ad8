"""`twinlens info`: counts, failures and model of a collection."""

from __future__ import annotations

import argparse
from collections.abc import Mapping

from twinlens.commands import _collection, _common

HELP = "show what a collection holds, which pictures failed and why, and which model made it"
EXAMPLES = """
twinlens info
twinlens info --collection ~/pictures.twin --json
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the collection."""
    _collection.add_collection(parser)


def run(args: argparse.Namespace) -> Mapping[str, object]:
    """Print and return the counts."""
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
        "building": about.building.digest if about.building else None,
        "failures": [{"reason": why, "pictures": n, "example": path} for why, n, path in about.failures],
    }
