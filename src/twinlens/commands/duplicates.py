"""`twinlens duplicates`: groups of pictures that look the same."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from twinlens.commands import _collection, _common
from twinlens.core.counting import counted
from twinlens.core.types import NEAR_DUPLICATE

if TYPE_CHECKING:
    from twinlens.collection.store import Entry

HELP = "list groups of pictures of a collection that look the same"
EXAMPLES = """
twinlens duplicates
twinlens duplicates --at 0.95 --json
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the collection and the cosine."""
    _collection.add_collection(parser)
    _common.add_plugins(parser)
    parser.add_argument("--at", type=float, default=NEAR_DUPLICATE, metavar="COSINE", help="how alike two pictures must"
                        f" be to belong together ({NEAR_DUPLICATE})")  # fmt: skip


def run(args: argparse.Namespace) -> Mapping[str, object]:
    """List the groups. Raises TwinlensError for a number that is no cosine."""
    with _collection.open_collection(args) as collection:
        found, count = collection.duplicates(args.at), len(collection)
    groups = [[_record(entry) for entry in group] for group in found]
    if _common.shows_view(args):
        _show(groups, count)
    return {"collection": args.collection, "at": args.at, "pictures": count, "groups": groups}


def _record(entry: Entry) -> dict[str, Any]:
    """Return the record of a picture: its date is when it was taken, else when its file was changed."""
    from twinlens.collection.search.records import flat
    from twinlens.media.fields import TAKEN

    date = flat(entry.metadata).get(TAKEN)
    if not isinstance(date, str) and entry.item is not None:
        date = ""  # a picture that the collection keeps tells no time
    if not isinstance(date, str):
        date = datetime.fromtimestamp(entry.mtime_ns / 1e9, UTC).isoformat(timespec="seconds")
    size = {"size": entry.size, "width": entry.width, "height": entry.height}
    return {"id": entry.id, "path": entry.path, **size, "date": date}


def _show(groups: Sequence[Sequence[Mapping[str, Any]]], count: int) -> None:
    from twinlens.media import sources

    if not groups:
        _common.say(f"no two of {counted(count, 'picture')} look the same")
        return
    rows: list[list[object]] = [
        [
            number if first else "",
            sources.described(entry["path"]),
            f"{entry['width']}×{entry['height']}" if entry["width"] else "",
            f"{entry['size']:,}",
            entry["date"].replace("T", " ")[:16],
            entry["id"],
        ]
        for number, group in enumerate(groups, 1)
        for first, entry in ((place == 0, entry) for place, entry in enumerate(group))
    ]
    _common.print_table(["group", "picture", "pixels", "bytes", "date", "id"], rows)
    inside = sum(map(len, groups))
    _common.say(f"{counted(len(groups), 'group')} with {inside:,} of {counted(count, 'picture')}")
