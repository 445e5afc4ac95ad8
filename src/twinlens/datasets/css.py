"""CSS: rendered scenes of coloured shapes, and an instruction that adds, removes or changes an object.

Vo et al., "Composing Text and Image for Image Retrieval - An Empirical Odyssey" (CVPR 2019). Layout:
`css_toy_dataset_novel2_small.dup.npy` (one dictionary per split) and `images/css_{split}_{number:06d}.png`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from twinlens.core.counting import counted
from twinlens.core.types import Dataset, Sample, TwinlensError
from twinlens.datasets._files import check, folder
from twinlens.datasets._safe_numpy import load_object
from twinlens.datasets._source import Source

PROTOCOLS = ("benchmark",)
SPLITS = ("train", "test")
METRICS: tuple[str, ...] = ("hit@1",)
NOTE = (
    "CSS (3D to 3D): the gallery is every rendered picture of the split; the source picture is excluded. A hit is any "
    "picture of the target's scene (the literature's R@1; pictures share a scene where the file labels them so)."
)
SOURCE = Source(
    homepage="https://github.com/google/tirg",
    licence="none stated for the data (the code beside it: Apache-2.0)",
    size="about 16,000 queries for training and as many for testing, with their pictures; the authors print no size",
    files=("css_toy_dataset_novel2_small.dup.npy and images/: the link on https://github.com/google/tirg",),
)
_NAME = "css"


def load(root: Path | str | None, split: str, *, protocol: str = PROTOCOLS[0]) -> Dataset:
    """Load a query for every "from → to" pair of every instruction; its text is the instruction ("add red cube").

    Gallery ids are picture names. Groups are scenes: a query belongs to its source's. Raises TwinlensError for an
    unknown option and for a missing, damaged or unsafe file.
    """
    check(_NAME, split=(split, SPLITS), protocol=(protocol, PROTOCOLS))
    here = folder(_NAME, root)
    content = _content(here, split)
    scenes = _scenes(here, content)
    names = [_picture_name(split, number) for number in range(len(scenes))]
    pictures: dict[str, set[str]] = defaultdict(set)
    for name, scene in zip(names, scenes, strict=True):
        pictures[scene].add(name)
    of_scene = {scene: frozenset(members) for scene, members in pictures.items()}
    queries = {f"q{number}": pair for number, pair in enumerate(_pairs(here, content, len(scenes)))}
    return Dataset(
        queries=tuple(Sample(key, _picture(here, names[source]), text) for key, (source, _, text) in queries.items()),
        gallery=tuple(Sample(name, _picture(here, name)) for name in names),
        relevant={key: of_scene[scenes[target]] for key, (_, target, _) in queries.items()},
        ignore={key: frozenset({names[source]}) for key, (source, _, _) in queries.items()},
        groups=dict(zip(names, scenes, strict=True)) | {key: scenes[pair[0]] for key, pair in queries.items()},
    )


def expected_files(root: Path) -> Iterator[Path]:
    """List the annotation file and, if it exists, every picture that it counts."""
    yield _file(root)
    if _file(root).is_file():
        for split in SPLITS:
            count = len(_content(root, split)["objects_img"])
            yield from (_picture(root, _picture_name(split, number)) for number in range(count))


def _content(root: Path, split: str) -> dict[str, Any]:
    """Read one split of the annotation file: "mods", "objects_img" and perhaps "labels"."""
    if not _file(root).is_file():
        raise TwinlensError(f"{_file(root)} is missing; `twinlens data {_NAME}` tells how to get it")
    whole = load_object(_file(root))
    content = whole.get(split) if isinstance(whole, dict) else None
    if not isinstance(content, dict) or not {"mods", "objects_img"} <= content.keys():
        raise TwinlensError(f"{_file(root)} must hold 'mods' and 'objects_img' of the split {split!r}")
    return content


def _scenes(root: Path, content: dict[str, Any]) -> list[str]:
    """List every picture's scene: its label if the file has labels, else the picture's own number."""
    count = len(content["objects_img"])
    scenes = [f"scene {label}" for label in content.get("labels", range(count))]
    if len(scenes) != count:
        raise TwinlensError(f"{_file(root)}: {counted(len(scenes), 'label')} for {counted(count, 'picture')}")
    return scenes


def _pairs(root: Path, content: dict[str, Any], pictures: int) -> list[tuple[int, int, str]]:
    """List every (source picture, target picture, instruction)."""
    try:
        pairs = [
            (int(source), int(target), str(mod["to_str"]))
            for mod in content["mods"]
            for source, target in zip(mod["from"], mod["to"], strict=True)
        ]
    except (KeyError, TypeError, ValueError) as error:
        raise TwinlensError(f"{_file(root)}: every 'mods' entry must have 'from', 'to' and 'to_str'") from error
    if not all(0 <= number < pictures for source, target, _ in pairs for number in (source, target)):
        raise TwinlensError(f"{_file(root)}: an instruction names a picture that it does not count")
    return pairs


def _file(root: Path) -> Path:
    return root / "css_toy_dataset_novel2_small.dup.npy"


def _picture_name(split: str, number: int) -> str:
    return f"css_{split}_{number:06d}"


def _picture(root: Path, name: str) -> Path:
    return root / "images" / f"{name}.png"
