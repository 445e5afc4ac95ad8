"""Fashion200k: garments with short descriptions; the query swaps one word of the description for another.

Han et al., "Automatic Spatially-aware Fashion Concept Discovery" (ICCV 2017); queries by Vo et al., TIRG (CVPR 2019).
Layout: `labels/*_{train,test}_detect_all.txt` (TAB-separated path, detection score, caption), `test_queries.txt`
("source target" per line), pictures at the paths that the labels name.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import numpy as np

from twinlens.core.types import Dataset, Sample, TwinlensError
from twinlens.datasets._files import check, check_pictures, folder, read_text
from twinlens.datasets._source import Source

PROTOCOLS = ("benchmark",)
SPLITS = ("train", "test")
METRICS: tuple[str, ...] = ("hit@1", "hit@10", "hit@50")
NOTE = (
    "Fashion200k: the gallery is every labelled picture of the split; the source picture alone is excluded. A hit is "
    "any picture whose caption equals the target's (the literature's R@1/10/50). The text is TIRG's "
    "'replace A with B'; figures of methods that read the target's whole caption are not comparable."
)
SOURCE = Source(
    homepage="https://github.com/xthan/fashion-200k",
    licence="none stated by the authors; pictures crawled from a shop, copyright with their owners",
    size="labels a few tens of MB; about 202,000 labelled pictures, several GB",
    files=(
        "labels/ and women/ (women.tar.gz): the link on https://github.com/xthan/fashion-200k",
        "test_queries.txt: the link on https://github.com/google/tirg",
    ),
)
_NAME = "fashion200k"
_KINDS = ("dress", "jacket", "pants", "skirt", "top")


def load(root: Path | str | None, split: str, *, protocol: str = PROTOCOLS[0], seed: int = 0) -> Dataset:
    """Load the published test queries, or draw training queries from the labels; gallery ids are the labels' paths.

    Training: one query per picture whose caption differs from another one in a single word, the other caption drawn
    with `seed`. Groups are products (the folder of a picture). Raises TwinlensError for an unknown option and for a
    missing or damaged label file.
    """
    check(_NAME, split=(split, SPLITS), protocol=(protocol, PROTOCOLS))
    here = folder(_NAME, root)
    captions = _captions(here, split)
    pairs = _published_pairs(here, captions) if split == "test" else _drawn_pairs(captions, seed)
    with_caption: dict[str, set[str]] = defaultdict(set)
    for path, caption in captions.items():
        with_caption[caption].add(path)
    answers = {caption: frozenset(paths) for caption, paths in with_caption.items()}
    queries = {f"q{number}": pair for number, pair in enumerate(pairs)}
    return Dataset(
        queries=tuple(
            Sample(key, here / source, replacement(captions[source], caption))
            for key, (source, caption) in queries.items()
        ),
        gallery=tuple(Sample(path, here / path) for path in captions),
        relevant={key: answers[caption] for key, (_, caption) in queries.items()},
        ignore={key: frozenset({source}) for key, (source, _) in queries.items()},
        groups={path: _product(path) for path in captions} | {key: _product(pair[0]) for key, pair in queries.items()},
    )


def replacement(source: str, target: str) -> str:
    """Write TIRG's instruction, from the first word of each caption that the other lacks, or else its last word."""
    before, after = source.split(), target.split()
    old = next((word for word in before if word not in after), before[-1])
    new = next((word for word in after if word not in before), after[-1])
    return f"replace {old} with {new}"


def expected_files(root: Path) -> Iterator[Path]:
    """List the label files, the query file, and every picture named by label files that exist."""
    files = [root / "labels" / f"{kind}_{split}_detect_all.txt" for kind in _KINDS for split in SPLITS]
    yield from files
    yield root / "test_queries.txt"
    for file in files:
        if file.is_file():
            yield from (root / path for path, _ in _labels(file))


def _captions(root: Path, split: str) -> dict[str, str]:
    """Map the pictures' paths to their captions."""
    files = sorted((root / "labels").glob(f"*_{split}_detect_all.txt"))
    if not files:
        raise TwinlensError(
            f"{root / 'labels'}/*_{split}_detect_all.txt are missing; `twinlens data {_NAME}` tells how to get them"
        )
    return {path: caption for file in files for path, caption in _labels(file)}


def _labels(file: Path) -> Iterator[tuple[str, str]]:
    for number, line in enumerate(read_text(file, _NAME).splitlines(), start=1):
        fields = line.split("\t")
        if len(fields) != 3 or not fields[2].strip():
            raise TwinlensError(f"{file}, line {number}: expected path, score and caption between tabs")
        yield fields[0], fields[2].strip()


def _published_pairs(root: Path, captions: Mapping[str, str]) -> list[tuple[str, str]]:
    """Read (source path, target caption) of every line of the query file."""
    file = root / "test_queries.txt"
    lines = [line.split() for line in read_text(file, _NAME).splitlines() if line.strip()]
    if any(len(line) != 2 for line in lines):
        raise TwinlensError(f"{file}: every line must be 'source target'")
    check_pictures(root / "labels", captions, (path for line in lines for path in line), _NAME)
    return [(source, captions[target]) for source, target in lines]


def _drawn_pairs(captions: Mapping[str, str], seed: int) -> Iterator[tuple[str, str]]:
    """Draw (source path, target caption) for every picture with another caption one word away."""
    near = _one_word_apart(captions.values())
    rng = np.random.default_rng(seed)
    for path, caption in captions.items():
        if near[caption]:
            yield path, near[caption][rng.integers(len(near[caption]))]


def _one_word_apart(captions: Iterable[str]) -> dict[str, list[str]]:
    """Map each caption to the captions that differ from it in the word at one position, sorted."""
    unique = sorted(set(captions))
    gaps: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for caption in unique:
        for gap in _gaps(caption):
            gaps[gap].append(caption)
    near: dict[str, list[str]] = {}
    for caption in unique:
        same_but_one = (other for gap in _gaps(caption) for other in gaps[gap])
        near[caption] = [other for other in same_but_one if other != caption]
    return near


def _gaps(caption: str) -> list[tuple[str, ...]]:
    """List the caption's words with each position blanked in turn."""
    words = caption.split()
    return [(*words[:place], "", *words[place + 1 :]) for place in range(len(words))]


def _product(path: str) -> str:
    return path.rpartition("/")[0]
