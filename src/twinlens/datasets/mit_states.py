"""MIT-States: objects in states ("ripe tomato"); a query asks for the same object in another state.

Isola, Lim, Adelson, "Discovering States and Transformations in Image Collections" (CVPR 2015); split and queries by
Vo et al., TIRG (CVPR 2019). Layout: `images/<adjective> <noun>/*.jpg`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from twinlens.core.types import Dataset, Sample, TwinlensError
from twinlens.datasets._files import check, folder
from twinlens.datasets._source import Source

PROTOCOLS = ("benchmark",)
SPLITS = ("train", "test")
METRICS: tuple[str, ...] = ("hit@1", "hit@5", "hit@10")
TEST_NOUNS = frozenset(
    (
        *("armor", "bracelet", "bush", "camera", "candy", "castle", "ceramic", "cheese", "clock", "clothes", "coffee"),
        *("fan", "fig", "fish", "foam", "forest", "fruit", "furniture", "garden", "gate", "glass", "horse", "island"),
        *("laptop", "lead", "lightning", "mirror", "orange", "paint", "persimmon", "plastic", "plate", "potato"),
        *("road", "rubber", "sand", "shell", "sky", "smoke", "steel", "stream", "table", "tea", "tomato", "vacuum"),
        *("wax", "wheel", "window", "wool"),
    )
)
NOTE = (
    "MIT-States: the gallery is every picture of the split's nouns (49 for test, never seen in training), without "
    "the folders 'adj …'; the source picture is excluded. The query is a picture and another adjective that its noun "
    "has; a hit is any picture of that adjective and noun (the literature's R@1/5/10)."
)
SOURCE = Source(
    homepage="http://web.mit.edu/phillipi/Public/states_and_transformations/index.html",
    licence="none stated by the authors; pictures found on the web, copyright with their owners",
    size="about 53,000 pictures, about 2 GB",
    files=(
        "images/<adjective> <noun>/: the download on "
        "http://web.mit.edu/phillipi/Public/states_and_transformations/index.html",
    ),
)
_NAME = "mit_states"


def load(root: Path | str | None, split: str, *, protocol: str = PROTOCOLS[0]) -> Dataset:
    """Load a query for every picture of the split and every other state of its noun; the text is the adjective.

    Gallery ids are "<adjective> <noun>/<file>", query ids "<gallery id> > <adjective>". Groups are nouns, as the
    benchmark's own split is by noun. Raises TwinlensError for an unknown option and for a missing or empty folder.
    """
    check(_NAME, split=(split, SPLITS), protocol=(protocol, PROTOCOLS))
    images = folder(_NAME, root) / "images"
    classes = {key: ids for key, ids in _classes(images).items() if (key[1] in TEST_NOUNS) == (split == "test")}
    if not classes:
        raise TwinlensError(
            f"{images} has no pictures of the {split} split; `twinlens data {_NAME}` tells how to get it"
        )
    states = _states(classes)
    queries: dict[str, tuple[str, tuple[str, str]]] = {}  # id → source picture, wanted (adjective, noun)
    for (adjective, noun), ids in classes.items():
        others = [state for state in states[noun] if state != adjective]
        queries |= {f"{source} > {wanted}": (source, (wanted, noun)) for source in ids for wanted in others}
    answers = {key: frozenset(ids) for key, ids in classes.items()}
    return Dataset(
        queries=tuple(Sample(key, images / source, wanted) for key, (source, (wanted, _)) in queries.items()),
        gallery=tuple(Sample(name, images / name) for ids in classes.values() for name in ids),
        relevant={key: answers[target] for key, (_, target) in queries.items()},
        ignore={key: frozenset({source}) for key, (source, _) in queries.items()},
        groups={name: noun for (_, noun), ids in classes.items() for name in ids}
        | {key: noun for key, (_, (_, noun)) in queries.items()},
    )


def expected_files(root: Path) -> Iterator[Path]:
    """List the folder of pictures, and a folder for each test noun that has none (the layout has no list of files)."""
    images = root / "images"
    yield images
    nouns = {noun for _, noun in _classes(images)} if images.is_dir() else set()
    yield from (images / f"<adjective> {noun}" for noun in sorted(TEST_NOUNS - nouns))


def _classes(images: Path) -> dict[tuple[str, str], list[str]]:
    """Map (adjective, noun) to the ids of its pictures, both sorted, without empty folders."""
    if not images.is_dir():
        raise TwinlensError(f"{images} is missing; `twinlens data {_NAME}` tells how to get it")
    classes = {}
    for place in sorted(images.iterdir()):
        words = place.name.split()
        if len(words) != 2 or words[0] == "adj" or not place.is_dir():
            continue
        if ids := [f"{place.name}/{path.name}" for path in sorted(place.glob("*.jpg"))]:
            classes[words[0], words[1]] = ids
    return classes


def _states(classes: dict[tuple[str, str], list[str]]) -> dict[str, list[str]]:
    """Map nouns to their adjectives."""
    states: dict[str, list[str]] = defaultdict(list)
    for adjective, noun in classes:
        states[noun].append(adjective)
    return states
