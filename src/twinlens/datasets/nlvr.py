"""NLVR: drawn scenes of three boxes, and sentences annotated as true or false of them (Suhr et al., ACL 2017).

Original layout: `{split}/{split}.json`, one JSON object per line, and 400×100 pictures `{split}-n-m-k.png` anywhere
below `{split}/images`, where "n-m" is the row's identifier and k one of six orders of the boxes. Pictures are found by
name; the fields `directory` and `evals`, which a split may lack, are not read. k counts the orders in lexicographic
order (`ORDERS`), and boxes are 100 pixels wide with 50 pixels between them: measured on drawings of the annotated
scenes, for every row of dev and test.

The position m in an identifier gives the label away: ids never reach a model, and entries are ordered by a hash, not by
the file.

Scene 3 of a presentation is made from the items of scene 0, and 2 from those of 1 (in 233 and 226 of dev's 267
presentations), all four under one sentence: that two scenes have a sentence in common mostly means that they show the
same items. `Dataset.siblings` has the items of each picture, so that no measure rewards counting them.
"""

from __future__ import annotations

import json
import os
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from itertools import permutations
from pathlib import Path
from typing import Any

from twinlens.core.types import Dataset, Sample, TwinlensError
from twinlens.datasets._files import check, folder, read_text
from twinlens.datasets._source import Source
from twinlens.splits import connect

PROTOCOLS = ("grounded", "paper")
SPLITS = ("train", "dev", "test")
METRICS: tuple[str, ...] = ("matched_accuracy", "grounding_accuracy", "hit@1", "map")
NOTE = (
    "NLVR: under `grounded` the gallery is one picture of each scene without text, the query's own scene is excluded, "
    "and other scenes are relevant or rejected as annotated; scenes that nobody judged for the sentence are left out. "
    "matched_accuracy compares true with false scenes that show the same items: .5 for what looks at items alone; it "
    "measures reading, not composition. Under `paper` all six pictures of every row stand in the gallery, each with "
    "its sentence."
)
SOURCE = Source(
    homepage="https://lil.nlp.cornell.edu/nlvr/",
    licence="as stated in the repository's license.txt",
    size="dev and test: 26 MB each; train: about 330 MB",
    files=("{train,dev,test}/: the folder nlvr/ of https://github.com/lil-lab/nlvr",),
)
ORDERS = tuple(permutations(range(3)))
"""ORDERS[k][place] is the number of the annotated box at that place of picture k, left to right."""
PITCH = 150
"""Pixels from the left edge of one box to that of the next."""
_NAME = "nlvr"


@dataclass(frozen=True)
class DrawnItem:
    """A drawn item: its left upper corner and its size, in pixels of its 100×100 box."""

    x: int
    y: int
    size: int
    shape: str
    color: str


@dataclass(frozen=True)
class Row:
    """One line of the annotations: a sentence, its truth (`label`), the scene, and the scene's six pictures."""

    identifier: str
    sentence: str
    label: bool
    boxes: tuple[tuple[DrawnItem, ...], ...]
    pictures: tuple[Path, ...]

    @property
    def key(self) -> str:
        """The sentence in the form in which sentences are compared."""
        return self.sentence.casefold()

    @cached_property
    def scene(self) -> str:
        """A digest of the scene that ignores the order of boxes and of the items in them."""
        return _digest(sorted(sorted((i.x, i.y, i.size, i.shape, i.color) for i in box) for box in self.boxes))

    @cached_property
    def items(self) -> str:
        """A digest of the items of all boxes together: their kinds, colours and sizes, wherever they stand."""
        return _digest(sorted((i.shape, i.color, i.size) for box in self.boxes for i in box))

    def items_in(self, k: int) -> list[tuple[DrawnItem, tuple[int, int, int, int]]]:
        """List the items of picture k with their boxes (left, upper, right, lower) in its pixels."""
        placed = [(item, PITCH * place + item.x) for place, box in enumerate(ORDERS[k]) for item in self.boxes[box]]
        return [(item, (left, item.y, left + item.size, item.y + item.size)) for item, left in placed]


def load(root: Path | str | None, split: str, *, protocol: str = PROTOCOLS[0], seed: int = 0) -> Dataset:
    """Load a split under one protocol.

    grounded: the gallery is one picture of each scene, without text; its order of boxes is drawn with `seed`. A query
    is that picture and a sentence true of it. Relevant are the other scenes of which the sentence is annotated true,
    rejected those of which it is annotated false, ignored is its own scene; the rest was not judged, and rankings leave
    it out. Where annotations of a sentence and a scene contradict each other, none counts; a query without a relevant
    scene is left out. Groups join rows that share a presentation (n), a sentence or a scene.
    paper: queries and gallery are the same, all six pictures of every row, each with its sentence. Relevant are all
    other pictures with the same sentence. `ignore` holds all pictures of the query's own items, and groups join rows
    that share their items as well; the leak-free evaluation applies both, the paper's own does not.

    split: `train`, `dev`, `test`, or the name of any other folder in the original layout. Raises TwinlensError when a
    file is missing.
    """
    check(_NAME, protocol=(protocol, PROTOCOLS))
    annotated = sorted(rows(root, split), key=lambda row: _digest([seed, row.identifier]))
    return _grounded(annotated, seed) if protocol == "grounded" else _paper(annotated, seed)


def rows(root: Path | str | None, split: str) -> list[Row]:
    """Read the annotated rows of a split in file order. Raises TwinlensError when a file is missing or malformed."""
    here = folder(_NAME, root)
    if not _annotations(here, split).is_file():
        check(_NAME, split=(split, SPLITS))
    pictures = _pictures(here, split)
    return [_row(line, split, pictures, place) for place, line in _lines(here, split)]


def expected_files(root: Path) -> Iterator[Path]:
    """List every annotation file, and the six pictures of every row of those that exist."""
    for split in SPLITS:
        yield _annotations(root, split)
    for split in SPLITS:
        if _annotations(root, split).is_file():
            pictures = _pictures(root, split)
            for place, line in _lines(root, split):
                names = _names(split, str(_entry(line, place)["identifier"]))
                yield from (pictures.get(name, root / split / "images" / name) for name in names)


def _annotations(root: Path, split: str) -> Path:
    return root / split / f"{split}.json"


def _pictures(root: Path, split: str) -> dict[str, Path]:
    """Find all pictures, name → path: not every split's annotations name the folders of pictures."""
    return {name: Path(where, name) for where, _, names in os.walk(root / split / "images") for name in names}


def _lines(root: Path, split: str) -> list[tuple[str, str]]:
    """Read the lines of an annotation file, each after its place for error messages."""
    file = _annotations(root, split)
    lines = [
        (f"{file}, line {n}", line) for n, line in enumerate(read_text(file, _NAME).split("\n"), 1) if line.strip()
    ]
    if not lines:
        raise TwinlensError(f"{file} is empty; download it again")
    return lines


def _entry(line: str, place: str) -> dict[str, Any]:
    try:
        entry = json.loads(line)
    except json.JSONDecodeError as error:
        raise TwinlensError(f"{place}: not valid JSON ({error})") from error
    keys = ("identifier", "sentence", "label", "structured_rep")
    if not isinstance(entry, dict) or not entry.keys() >= set(keys):
        raise TwinlensError(f"{place}: not a row of NLVR, which has {', '.join(keys)}")
    return entry


def _row(line: str, split: str, pictures: dict[str, Path], place: str) -> Row:
    entry = _entry(line, place)
    names = _names(split, str(entry["identifier"]))
    if missing := [name for name in names if name not in pictures]:
        raise TwinlensError(
            f"{place}: there is no picture {missing[0]} below {split}/images;"
            f" `twinlens data {_NAME}` tells how to get it"
        )
    try:
        return Row(
            identifier=str(entry["identifier"]),
            sentence=entry["sentence"],
            label={"true": True, "false": False}[str(entry["label"]).lower()],
            boxes=tuple(tuple(_item(item) for item in box) for box in entry["structured_rep"]),
            pictures=tuple(pictures[name] for name in names),
        )
    except (KeyError, TypeError) as error:
        raise TwinlensError(f"{place}: not a row of NLVR ({type(error).__name__}: {error})") from error


def _item(item: dict[str, Any]) -> DrawnItem:
    return DrawnItem(item["x_loc"], item["y_loc"], item["size"], item["type"], item["color"])


def _names(split: str, identifier: str) -> list[str]:
    return [f"{split}-{identifier}-{k}.png" for k in range(len(ORDERS))]


def _grounded(annotated: list[Row], seed: int) -> Dataset:
    by_scene = {row.scene: row for row in reversed(annotated)}
    pictures = {scene: _one_of(row.pictures, seed, scene) for scene, row in by_scene.items()}
    true, false = _truths(annotated)
    chosen = {(row.key, row.scene): row for row in annotated if row.scene in true[row.key] and len(true[row.key]) > 1}
    queries = {at: Sample(f"query-{row.identifier}", pictures[row.scene], row.sentence) for at, row in chosen.items()}
    groups = _groups(annotated)
    items = {row.scene: row.items for row in annotated}

    def ids(scenes: Iterable[str]) -> frozenset[str]:
        return frozenset(pictures[scene].stem for scene in scenes)

    return Dataset(
        queries=tuple(queries.values()),
        gallery=tuple(Sample(picture.stem, picture) for picture in pictures.values()),
        relevant={query.id: ids(true[key] - {scene}) for (key, scene), query in queries.items()},
        rejected={query.id: ids(false[key]) for (key, _), query in queries.items()},
        ignore={query.id: ids([scene]) for (_, scene), query in queries.items()},
        groups={pictures[row.scene].stem: groups[row.identifier] for row in annotated}
        | {query.id: groups[chosen[at].identifier] for at, query in queries.items()},
        siblings={picture.stem: items[scene] for scene, picture in pictures.items()}
        | {query.id: items[scene] for (_, scene), query in queries.items()},
        judged_only=True,
    )


def _truths(annotated: list[Row]) -> tuple[dict[str, set[str]], dict[str, set[str]]]:
    """Map sentences to the scenes of which they are annotated true, and false, without contradictions."""
    sides: dict[bool, dict[str, set[str]]] = {True: defaultdict(set), False: defaultdict(set)}
    for row in annotated:
        sides[row.label][row.key].add(row.scene)
    true, false = sides[True], sides[False]
    for key in true.keys() & false.keys():
        both = true[key] & false[key]
        true[key] -= both
        false[key] -= both
    return true, false


def _paper(annotated: list[Row], seed: int) -> Dataset:
    by_sentence: dict[str, set[str]] = defaultdict(set)
    by_items: dict[str, set[str]] = defaultdict(set)
    placed = [(row, picture) for row in annotated for picture in row.pictures]
    placed.sort(key=lambda pair: _digest([seed, pair[1].stem]))
    for row, picture in placed:
        by_sentence[row.key].add(picture.stem)
        by_items[row.items].add(picture.stem)
    samples = tuple(Sample(picture.stem, picture, row.sentence) for row, picture in placed)
    same_items = {items: frozenset(ids) for items, ids in by_items.items()}
    groups = _groups(annotated, by_items=True)
    return Dataset(
        queries=samples,
        gallery=samples,
        relevant={picture.stem: frozenset(by_sentence[row.key] - {picture.stem}) for row, picture in placed},
        ignore={picture.stem: same_items[row.items] for row, picture in placed},
        groups={picture.stem: groups[row.identifier] for row, picture in placed},
        siblings={picture.stem: row.items for row, picture in placed},
    )


def _groups(annotated: list[Row], *, by_items: bool = False) -> dict[str, str]:
    """Map row identifiers to leak-free groups, which join rows of the same items if `by_items`."""
    return connect(
        {
            row.identifier: (
                ("presentation", row.identifier.split("-")[0]),
                ("sentence", row.key),
                ("scene", row.scene),
                *([("items", row.items)] if by_items else ()),
            )
            for row in sorted(annotated, key=lambda row: row.identifier)
        }
    )


def _one_of(pictures: tuple[Path, ...], seed: int, scene: str) -> Path:
    return pictures[int(_digest([seed, scene]), 16) % len(pictures)]


def _digest(value: Any) -> str:
    return sha256(repr(value).encode()).hexdigest()[:16]
