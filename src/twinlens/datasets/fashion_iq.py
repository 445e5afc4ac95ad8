"""FashionIQ: garments of three categories, and captions of the difference to another garment.

Wu et al., "The Fashion IQ Dataset: Retrieving Images by Combining Side Information and Relative Natural Language
Feedback" (CVPR 2021). Layout: `captions/cap.{category}.{split}.json`, `image_splits/split.{category}.{split}.json`,
`images/<ASIN>.jpg`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from twinlens.core.types import Dataset, Sample, TwinlensError
from twinlens.datasets._files import check, check_pictures, folder, read_json, read_rows
from twinlens.datasets._source import Source
from twinlens.splits import connect

PROTOCOLS = ("benchmark",)
SPLITS = ("train", "val", "test")
CATEGORIES = ("dress", "shirt", "toptee")
GALLERIES = ("original", "reduced")
METRICS: tuple[str, ...] = ("recall@10", "recall@50")
NOTE = (
    "FashionIQ: each category has its own gallery: the whole split (original), or only the candidates and targets of "
    "its queries (reduced: easier, not comparable). The query's own picture stays in the gallery. One target per "
    "query; R@10 and R@50, averaged over the three categories. The targets of the test split are not published."
)
SOURCE = Source(
    homepage="https://github.com/XiaoxiaoGuo/fashion-iq",
    licence="annotations: Community Data License Agreement (CDLA); pictures: product photographs of their owners",
    size="annotations about 10 MB; about 77,700 pictures, a few GB",
    files=(
        "captions/ and image_splits/: git clone https://github.com/XiaoxiaoGuo/fashion-iq",
        "images/<ASIN>.jpg: addresses at https://github.com/hongwang600/fashion-iq-metadata",
    ),
)
_NAME = "fashion_iq"


def load(
    root: Path | str | None,
    split: str,
    *,
    protocol: str = PROTOCOLS[0],
    category: str | None = None,
    gallery: str = GALLERIES[0],
) -> Dataset:
    """Load one category, or (None) all three, where a query ignores the galleries of the other two.

    Ids are "<category>/<ASIN>" for pictures and "<category>/q<row>" for queries; the text is "c1 and c2". Groups join
    every picture with those it is paired with. Queries of the test split have no relevant entry. Raises
    TwinlensError for an unknown option and for a missing or damaged annotation file.
    """
    if category is None:
        return _merged(parts(root, split, protocol=protocol, gallery=gallery))
    check(_NAME, protocol=(protocol, PROTOCOLS), category=(category, CATEGORIES))
    return _part(folder(_NAME, root), split, category, gallery)


def parts(
    root: Path | str | None, split: str, *, protocol: str = PROTOCOLS[0], gallery: str = GALLERIES[0]
) -> dict[str, Dataset]:
    """Load one Dataset per category; the benchmark's figure is the mean of the three figures."""
    check(_NAME, protocol=(protocol, PROTOCOLS))
    here = folder(_NAME, root)
    return {category: _part(here, split, category, gallery) for category in CATEGORIES}


def expected_files(root: Path) -> Iterator[Path]:
    """List every annotation file, and every picture named by those that exist."""
    for category in CATEGORIES:
        for split in SPLITS:
            yield _captions_file(root, category, split)
            yield _names_file(root, category, split)
    files = [_names_file(root, category, split) for category in CATEGORIES for split in SPLITS]
    names = (name for file in files if file.is_file() for name in read_json(file, _NAME))
    yield from (_picture(root, name) for name in dict.fromkeys(names))


def _part(root: Path, split: str, category: str, gallery: str) -> Dataset:
    check(_NAME, split=(split, SPLITS), gallery=(gallery, GALLERIES))
    rows = read_rows(_captions_file(root, category, split), _NAME, ("candidate", "captions"))
    names: list[str] = read_json(_names_file(root, category, split), _NAME)
    check_pictures(_names_file(root, category, split), names, (row["target"] for row in rows if "target" in row), _NAME)
    if gallery == "reduced":
        names = _reduced(rows, names, split)
    queries = {f"{category}/q{number}": row for number, row in enumerate(rows)}
    entries = {f"{category}/{name}": name for name in names}
    return Dataset(
        queries=tuple(Sample(key, _picture(root, row["candidate"]), _text(row)) for key, row in queries.items()),
        gallery=tuple(Sample(key, _picture(root, name)) for key, name in entries.items()),
        relevant={key: frozenset({f"{category}/{row['target']}"}) for key, row in queries.items() if "target" in row},
        groups=connect(
            {key: (name,) for key, name in entries.items()} | {q: _pictures([row]) for q, row in queries.items()}
        ),
    )


def _reduced(rows: list[dict[str, Any]], names: list[str], split: str) -> list[str]:
    if any("target" not in row for row in rows):
        raise TwinlensError(f"fashion_iq's {split} split has no targets, so no reduced gallery; use gallery='original'")
    used = set(_pictures(rows))
    return [name for name in names if name in used]


def _merged(datasets: Mapping[str, Dataset]) -> Dataset:
    """Merge categories into one Dataset, whose queries ignore other categories and whose groups span all."""
    ids = {category: frozenset(entry.id for entry in part.gallery) for category, part in datasets.items()}
    others = {category: frozenset().union(*(ids[c] for c in ids if c != category)) for category in ids}
    names = {entry.id: entry.id.partition("/")[2] for part in datasets.values() for entry in part.gallery}
    return Dataset(
        queries=tuple(query for part in datasets.values() for query in part.queries),
        gallery=tuple(entry for part in datasets.values() for entry in part.gallery),
        relevant={key: answers for part in datasets.values() for key, answers in part.relevant.items()},
        ignore={query.id: others[category] for category, part in datasets.items() for query in part.queries},
        # A picture listed in two categories joins its groups of both.
        groups=connect(
            {key: (group, names.get(key, key)) for part in datasets.values() for key, group in part.groups.items()}
        ),
        parts={query.id: category for category, part in datasets.items() for query in part.queries},
    )


def _pictures(rows: Iterable[Mapping[str, Any]]) -> list[str]:
    """List the candidate and the target of every row."""
    return [row[key] for row in rows for key in ("candidate", "target") if key in row]


def _text(row: Mapping[str, Any]) -> str:
    return " and ".join(caption.strip().removesuffix(".") for caption in row["captions"])


def _picture(root: Path, name: str) -> Path:
    return root / "images" / f"{name}.jpg"


def _captions_file(root: Path, category: str, split: str) -> Path:
    return root / "captions" / f"cap.{category}.{split}.json"


def _names_file(root: Path, category: str, split: str) -> Path:
    return root / "image_splits" / f"split.{category}.{split}.json"
