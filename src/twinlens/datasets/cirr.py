"""CIRR: real-life pictures in sets of six look-alikes, and a sentence that leads from one to another.

Liu et al., "Image Retrieval on Real-life Images with Pre-trained Vision-and-Language Models" (ICCV 2021). Layout:
`captions/cap.rc2.{split}.json`, `image_splits/split.rc2.{split}.json` (name → path), pictures under `img_raw/`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from twinlens.core.types import Dataset, Ranking, Sample
from twinlens.datasets import _submissions
from twinlens.datasets._files import check, check_pictures, folder, read_json, read_rows
from twinlens.datasets._source import Source

PROTOCOLS = ("benchmark",)
SPLITS = ("train", "val", "test1")
METRICS: tuple[str, ...] = (
    *(f"recall@{k}" for k in (1, 5, 10, 50)),
    *(f"subset_recall@{k}" for k in (1, 2, 3)),
    "grounding_accuracy",
)
NOTE = (
    "CIRR: the gallery is every picture of the split; the query's own picture is excluded. One target per query; "
    "R@1/5/10/50 over the gallery, and Rsubset@1/2/3 over the other five pictures of the query's set (the target and "
    "the four that count as wrong); grounding_accuracy is how often the target ranks above one of these four, which "
    "look like it (foil accuracy, protocol F). The targets of test1 are known to the authors' server only."
)
SOURCE = Source(
    homepage="https://cuberick-orion.github.io/CIRR/",
    licence="annotations: MIT; pictures: NLVR2's terms of service, copyright with their owners",
    size="annotations about 20 MB; about 21,600 pictures, which are a part of NLVR2 (tens of GB)",
    files=(
        "captions/ and image_splits/: git clone -b cirr_dataset https://github.com/Cuberick-Orion/CIRR.git",
        "img_raw/{train,dev,test1}/: NLVR2's pictures, asked for by the form at https://lil.nlp.cornell.edu/nlvr/",
    ),
)
SERVER = _submissions.CIRR_SERVER
_NAME = "cirr"


def load(root: Path | str | None, split: str, *, protocol: str = PROTOCOLS[0]) -> Dataset:
    """Load a split of CIRR; query ids are the pair ids, gallery ids the picture names.

    The four other members of a query's set are `rejected`: the subset metric is the recall among relevant and rejected
    entries. Groups are the sets of six; a picture may be in several sets, so gallery entries have none.
    Queries of test1 have neither relevant nor rejected entries: see `members`. Raises TwinlensError for an unknown
    option and for a missing or damaged annotation file.
    """
    check(_NAME, split=(split, SPLITS), protocol=(protocol, PROTOCOLS))
    here = folder(_NAME, root)
    paths = _paths(here, split)
    rows = {str(row["pairid"]): row for row in _rows(here, split)}
    annotated = [name for row in rows.values() for name in row["img_set"]["members"]]
    check_pictures(_paths_file(here, split), paths, annotated, _NAME)
    with_target = {key: row for key, row in rows.items() if "target_hard" in row}
    return Dataset(
        queries=tuple(Sample(key, paths[row["reference"]], row["caption"]) for key, row in rows.items()),
        gallery=tuple(Sample(name, path) for name, path in paths.items()),
        relevant={key: frozenset({row["target_hard"]}) for key, row in with_target.items()},
        ignore={key: frozenset({row["reference"]}) for key, row in rows.items()},
        groups={key: f"set {row['img_set']['id']}" for key, row in rows.items()},
        rejected={key: _others(row) - {row["target_hard"]} for key, row in with_target.items()},
    )


def members(root: Path | str | None, split: str) -> dict[str, frozenset[str]]:
    """Map query ids to the five other pictures of their set, for `_submissions.cirr_subset`. Raises as `load` does."""
    check(_NAME, split=(split, SPLITS))
    return {str(row["pairid"]): _others(row) for row in _rows(folder(_NAME, root), split)}


def submission(rankings: Sequence[Ranking], root: Path | str | None, split: str) -> dict[str, _submissions.CirrFile]:
    """Turn rankings of the gallery into the server's files, name → content. Raises TwinlensError as `load` does."""
    return {
        "recall.json": _submissions.cirr(rankings),
        "recall_subset.json": _submissions.cirr_subset(rankings, members(root, split)),
    }


def expected_files(root: Path) -> Iterator[Path]:
    """List every annotation file, and every picture named by those that exist."""
    for split in SPLITS:
        yield _captions_file(root, split)
        yield _paths_file(root, split)
    for split in SPLITS:
        if _paths_file(root, split).is_file():
            yield from _paths(root, split).values()


def _rows(root: Path, split: str) -> list[dict[str, Any]]:
    return read_rows(_captions_file(root, split), _NAME, ("pairid", "reference", "caption", "img_set"))


def _paths(root: Path, split: str) -> dict[str, Path]:
    paths: dict[str, str] = read_json(_paths_file(root, split), _NAME)
    return {name: root / "img_raw" / path for name, path in paths.items()}


def _others(row: dict[str, Any]) -> frozenset[str]:
    return frozenset(row["img_set"]["members"]) - {row["reference"]}


def _captions_file(root: Path, split: str) -> Path:
    return root / "captions" / f"cap.rc2.{split}.json"


def _paths_file(root: Path, split: str) -> Path:
    return root / "image_splits" / f"split.rc2.{split}.json"
