"""CIRCO: open-domain queries over COCO's unlabeled pictures, each with every right answer annotated.

Baldrati et al., "Zero-Shot Composed Image Retrieval with Textual Inversion" (ICCV 2023). Layout:
`annotations/{val,test}.json`, `COCO2017_unlabeled/unlabeled2017/<12 digits>.jpg` and
`COCO2017_unlabeled/annotations/image_info_unlabeled2017.json`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from twinlens.core.types import Dataset, Ranking, Sample, TwinlensError
from twinlens.datasets import _submissions
from twinlens.datasets._files import check, check_pictures, folder, read_json, read_rows
from twinlens.datasets._source import Source

PROTOCOLS = ("benchmark",)
SPLITS = ("val", "test")
METRICS: tuple[str, ...] = tuple(f"map@{k}" for k in (5, 10, 25, 50))
NOTE = (
    "CIRCO: the gallery is all of COCO unlabeled2017 (123,403 pictures); nothing is excluded, the query's own picture "
    "stays in. Several right answers per query; mAP@5/10/25/50, the average precision of a query being divided by "
    "min(number of right answers, k). The answers of the test split are known to the authors' server only."
)
SOURCE = Source(
    homepage="https://github.com/miccunifi/CIRCO",
    licence="annotations: CC BY-NC 4.0; pictures: COCO's terms of use, copyright with their Flickr owners",
    size="annotations 0.3 MB; 123,403 pictures, 19 GB",
    files=(
        "annotations/: git clone https://github.com/miccunifi/CIRCO.git",
        "COCO2017_unlabeled/unlabeled2017/: http://images.cocodataset.org/zips/unlabeled2017.zip",
        "COCO2017_unlabeled/annotations/image_info_unlabeled2017.json: "
        "http://images.cocodataset.org/annotations/image_info_unlabeled2017.zip",
    ),
)
SERVER = _submissions.CIRCO_SERVER
_NAME = "circo"


def load(root: Path | str | None, split: str, *, protocol: str = PROTOCOLS[0]) -> Dataset:
    """Load a split of CIRCO; the text of a query is its relative caption.

    Query ids are the annotations' ids, gallery ids COCO's 12 digits. The gallery is the list of COCO's image info file
    or, without it, the pictures in the folder. Queries of the test split have no relevant entry. Raises TwinlensError
    for an unknown option, for a missing or damaged annotation file and for a gallery that lacks an annotated picture.
    """
    check(_NAME, split=(split, SPLITS), protocol=(protocol, PROTOCOLS))
    here = folder(_NAME, root)
    rows = {str(row["id"]): row for row in _rows(here, split)}
    names = _gallery(here)
    check_pictures(_coco(here), (Path(name).stem for name in names), _annotated(rows.values()), _NAME)
    return Dataset(
        queries=tuple(
            Sample(key, _pictures(here) / f"{_digits(row['reference_img_id'])}.jpg", row["relative_caption"])
            for key, row in rows.items()
        ),
        gallery=tuple(Sample(Path(name).stem, _pictures(here) / name) for name in names),
        relevant={key: frozenset(map(_digits, row["gt_img_ids"])) for key, row in rows.items() if "gt_img_ids" in row},
        groups={key: _digits(row["reference_img_id"]) for key, row in rows.items()},
    )


def submission(
    rankings: Sequence[Ranking],
    root: Path | str | None,  # noqa: ARG001
    split: str,
) -> dict[str, _submissions.CircoFile]:
    """Turn rankings into the server's files, name → content. Raises TwinlensError when the server would refuse them."""
    return {f"circo_{split}.json": _submissions.circo(rankings)}


def expected_files(root: Path) -> Iterator[Path]:
    """List the annotation files, COCO's image info, and every picture named by those that exist."""
    yield from (_annotations(root, split) for split in SPLITS)
    yield _image_info(root)
    if _image_info(root).is_file():
        names = _listed(root)
    else:
        rows = (row for split in SPLITS if _annotations(root, split).is_file() for row in _rows(root, split))
        names = sorted(f"{digits}.jpg" for digits in _annotated(rows))
    yield from (_pictures(root) / name for name in names)


def _rows(root: Path, split: str) -> list[dict[str, Any]]:
    return read_rows(_annotations(root, split), _NAME, ("id", "reference_img_id", "relative_caption"))


def _gallery(root: Path) -> list[str]:
    """List the file names of the gallery, sorted."""
    if _image_info(root).is_file():
        return _listed(root)
    if not _pictures(root).is_dir():
        raise TwinlensError(
            f"neither {_image_info(root)} nor the folder {_pictures(root)} is there, so the gallery is unknown; "
            f"`twinlens data {_NAME}` tells how to get them"
        )
    return sorted(path.name for path in _pictures(root).glob("*.jpg"))


def _listed(root: Path) -> list[str]:
    info = read_json(_image_info(root), _NAME)
    try:
        return sorted(image["file_name"] for image in info["images"])
    except (KeyError, TypeError) as error:
        raise TwinlensError(f"{_image_info(root)} must hold 'images' with a 'file_name' each") from error


def _annotated(rows: Iterable[Mapping[str, Any]]) -> set[str]:
    """Collect the 12 digits of every reference and relevant picture."""
    return {_digits(number) for row in rows for number in (row["reference_img_id"], *row.get("gt_img_ids", ()))}


def _digits(number: int) -> str:
    return f"{number:012d}"


def _annotations(root: Path, split: str) -> Path:
    return root / "annotations" / f"{split}.json"


def _coco(root: Path) -> Path:
    return root / "COCO2017_unlabeled"


def _image_info(root: Path) -> Path:
    return _coco(root) / "annotations" / "image_info_unlabeled2017.json"


def _pictures(root: Path) -> Path:
    return _coco(root) / "unlabeled2017"
