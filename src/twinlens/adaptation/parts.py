"""Splits of a collection's pictures into training, validation and test parts of whole groups."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from twinlens import splits
from twinlens.adaptation.embedded_gallery import EmbeddedGallery
from twinlens.collection.store import Rows
from twinlens.collection.store.contents import expanded
from twinlens.core import suggestions
from twinlens.core.types import NEAR_DUPLICATE, TwinlensError
from twinlens.indexes.exact import Exact
from twinlens.media import moments
from twinlens.splits import connect

FOLDER, PICTURE = "folder", "picture"
"""Groupings beside near-duplicates: by folder; none."""
NEIGHBOURS = 16
VALIDATION = 0.15
"""The share of the pictures trained on that ends the training."""


class GroupSplit(NamedTuple):
    """Ids of the pictures of each part; no group stands in two."""

    train: frozenset[str]
    validation: frozenset[str]
    test: frozenset[str]


def near_duplicates(known: EmbeddedGallery) -> dict[str, str]:
    """Group pictures that are near-duplicates, directly or through others: id → group."""
    ids = list(known.at)
    index = Exact()
    index.fit(known.pictures)
    rows, cosines = index.search(known.pictures, NEIGHBOURS + 1)
    keys: dict[str, list[Hashable]] = {entry: [] for entry in ids}
    for entry, neighbours, row in zip(ids, rows.tolist(), cosines, strict=True):
        for other, cosine in zip((ids[neighbour] for neighbour in neighbours), row, strict=True):
            if cosine >= NEAR_DUPLICATE and other != entry:
                link = tuple(sorted((entry, other)))
                keys[entry].append(link)
                keys[other].append(link)
    return connect(keys)


def grouped(
    known: EmbeddedGallery, near: Mapping[str, str], by: str, together: Iterable[Sequence[str]] = ()
) -> dict[str, str]:
    """Group pictures without leaks: id → group.

    Near-duplicates stay together, moments of one video, equal `by`, and ids known to belong together. by: `FOLDER`
    (pictures in the folder that holds all others stand alone), `PICTURE`, or a field of the metadata (pictures without
    it stand alone). Raises TwinlensError for a field that no picture has.
    """
    keys: dict[str, list[Hashable]] = {entry: [("near", near[entry])] for entry in known.at}
    for entry, video in _videos(known).items():
        keys[entry].append(("video", video))
    for entry, value in _values(known, by).items():
        keys[entry].append(("by", value))
    for number, ids in enumerate(together):
        for entry in ids:
            keys[entry].append(("together", number))
    return connect(keys)


def drawn(
    groups: Mapping[str, str], held: frozenset[str], trained: frozenset[str], seed: int, *, by: str
) -> GroupSplit:
    """Split the pictures trained on by the seed; `held` is the test part. Raises TwinlensError for too few groups."""
    rest = {entry: groups[entry] for entry in sorted(trained)}
    if len(set(rest.values())) < 2:
        raise TwinlensError(
            f"all pictures belong together (near-duplicates, {by}), so nothing can be held out;"
            f" choose what stays together with --group-by: {FOLDER}, {PICTURE}, or a field of the metadata"
        )
    chosen = splits.split_groups(rest, VALIDATION, seed)
    validation = frozenset(entry for entry, group in rest.items() if group in chosen)
    return GroupSplit(trained - validation, validation, held)


def unseen(groups: Mapping[str, str], seen: frozenset[str]) -> frozenset[str]:
    """Return the ids of pictures of groups without any row seen in training."""
    known = {groups[entry] for entry in seen if entry in groups}
    return frozenset(entry for entry, group in groups.items() if group not in known)


def ids_of(runs: Iterable[Sequence[int]]) -> frozenset[str]:
    """Return the ids of runs of rows (first, last)."""
    rows: Rows = expanded(tuple((int(first), int(last)) for first, last in runs))
    return frozenset(map(str, rows.tolist()))


def _values(known: EmbeddedGallery, by: str) -> dict[str, Hashable]:
    """Return the value that groups a picture, by id, where it has one."""
    if by == PICTURE:
        return {}
    if by == FOLDER:
        return _folders(known)
    values = {str(e.row): repr(e.metadata[by]) for e in known.entries if e.metadata.get(by) not in (None, "")}
    if not values:
        fields = sorted({field for entry in known.entries for field in entry.metadata})
        raise TwinlensError(f"{suggestions.unknown('column', by, [FOLDER, PICTURE, *fields])}")
    return dict(values)


def _videos(known: EmbeddedGallery) -> dict[str, Path]:
    """Return the video of each moment, by id."""
    within = {str(entry.row): moments.split(entry.path) for entry in known.entries}
    return {entry: moment[0] for entry, moment in within.items() if moment is not None}


def _folders(known: EmbeddedGallery) -> dict[str, Hashable]:
    parents = {str(entry.row): moments.file_of(entry.path).parent for entry in known.entries}
    top = _common(parents.values())
    return {entry: parent for entry, parent in parents.items() if parent != top}


def _common(folders: Iterable[Path]) -> Path:
    """Return the lowest folder that holds all of these."""
    first, *others = set(folders)
    return next(above for above in (first, *first.parents) if all(o.is_relative_to(above) for o in others))
