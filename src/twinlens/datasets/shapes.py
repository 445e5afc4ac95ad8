"""Shapes: drawn scenes in the style of NLVR, sentences that execute on them, and edits; no download."""

from __future__ import annotations

import functools
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import permutations
from pathlib import Path

import numpy as np
from PIL.Image import Image

from twinlens.core.types import Dataset, Sample, TwinlensError
from twinlens.datasets._files import check
from twinlens.shapes.drawing import draw
from twinlens.shapes.edits import Edit
from twinlens.shapes.scenes import ITEMS, TOWER_SHARE, Scene
from twinlens.shapes.sentences import Table
from twinlens.shapes.worlds import SPLITS, Statement, World
from twinlens.splits import connect

PROTOCOLS = ("grounded", "edits", "all", "paper")
METRICS: tuple[str, ...] = ("hit@1", "hit@5", "hit@10", "map", "grounding_accuracy")
NOTE = (
    "Shapes: no scene is in two splits, in whatever order of its boxes. Under `grounded` a query is a picture and a "
    "sentence true of it, its own scene is excluded, and executing the sentence decides which other pictures are "
    "relevant; near scenes, a few small changes away and seldom relevant, are in the gallery. Under `edits` a query is "
    "a picture and an instruction, the gallery holds every reference, target and distractor, and one picture is "
    "relevant. `all` has both kinds of queries over one gallery. Under `paper` queries and gallery are the same "
    "pictures with their sentences, as in NLVR."
)
SCENES = 1000
REJECTED = 50
"""Most false scenes listed for a sentence, near ones first; its true scenes are all listed."""
_NAME = "shapes"
_ORDERS = tuple(permutations(range(3)))


@dataclass(frozen=True)
class _Query:
    """A query about a scene, with its relevant, rejected and ignored gallery entries."""

    sample: Sample
    scene: Scene
    relevant: frozenset[str]
    rejected: frozenset[str]
    ignore: frozenset[str] = frozenset()


@dataclass(frozen=True)
class _Gallery:
    """Scenes in the order of their ids, which are digests: their order does not give answers away.

    digests: scene → its digest that ignores the order of boxes.
    """

    ids: Mapping[Scene, str]
    digests: Mapping[Scene, str]

    @classmethod
    def of(cls, scenes: Iterable[Scene]) -> _Gallery:
        """Build the gallery of these scenes, without repetitions."""
        ids = {scene: scene.digest(ordered=True) for scene in dict.fromkeys(scenes)}
        return cls(dict(sorted(ids.items(), key=lambda pair: pair[1])), {scene: scene.digest() for scene in ids})

    def ids_of(self, scenes: Iterable[Scene]) -> frozenset[str]:
        """Return the ids of scenes."""
        return frozenset(self.ids[scene] for scene in scenes)


def load(
    root: Path | str | None = None,
    split: str = SPLITS[0],
    *,
    protocol: str = PROTOCOLS[0],
    scenes: int = SCENES,
    seed: int = 0,
    items: tuple[int, int] = ITEMS,
    towers: float = TOWER_SHARE,
    texts: int = 2,
) -> Dataset:
    """Draw a split under one protocol, equal for equal arguments; pictures are drawn on demand.

    scenes: number of scenes that queries are about. items: fewest and most items of a box. towers: share of scenes with
    towers, but for edits; items (1, 7) and towers .7 are those of NLVR. texts: sentences or edits per scene. Gallery
    ids are digests of the pictures; a picture is in the gallery once.

    grounded: relevant are all other scenes of which the sentence is true, rejected those of which it is false: near
    ones and some others, at most 50; ignored is the query's own scene. edits: relevant is the target, rejected are the
    distractors, the reference among them; nothing is ignored. all: half of the scenes for either, one gallery, query
    ids "grounded-…" and "edits-…". paper: scenes come in fours under one sentence, true of two of them, and in all six
    orders of their boxes; relevant are pictures with the same sentence, ignored those of the query's own items. Groups
    join entries and queries of one scene, its near scenes and its edits, or, under `paper`, of one presentation or the
    same items. Raises TwinlensError for unknown options, and when a root is given.
    """
    check(_NAME, split=(split, SPLITS), protocol=(protocol, PROTOCOLS))
    if root is not None:
        raise TwinlensError(f"{_NAME} is drawn, not read from {root}; leave the folder out")
    if scenes < 1 or texts < 1:
        raise TwinlensError(f"{_NAME} needs at least one scene and one text per scene, not {scenes} and {texts}")
    if not 0 <= towers <= 1:
        raise TwinlensError(f"towers is a share of the scenes, from 0 to 1, not {towers}")
    world = World(split, seed, (items[0], items[1]), towers)
    if protocol == "paper":
        return _paper(world, scenes)
    stated, edited = {"grounded": (scenes, 0), "edits": (0, scenes), "all": (scenes - scenes // 2, scenes // 2)}[
        protocol
    ]
    return _joint(world.statements(stated, texts), world.edits(edited, texts), seed)


def _joint(statements: list[Statement], edits: list[tuple[Scene, Edit]], seed: int) -> Dataset:
    """Put both kinds of queries over one gallery."""
    families = [(s.scene, *s.near) for s in statements] + [(r, edit.target, *edit.distractors) for r, edit in edits]
    gallery = _Gallery.of(scene for family in families for scene in family)
    queries = [*(_grounded(statements, gallery, seed) if statements else ()), *_edits(edits, gallery)]
    return Dataset(
        queries=tuple(query.sample for query in queries),
        gallery=tuple(Sample(entry, _picture(scene)) for scene, entry in gallery.ids.items()),
        relevant={query.sample.id: query.relevant for query in queries},
        rejected={query.sample.id: query.rejected for query in queries},
        ignore={query.sample.id: query.ignore for query in queries if query.ignore},
        groups=_groups(families, gallery, queries),
    )


def _grounded(statements: list[Statement], gallery: _Gallery, seed: int) -> Iterator[_Query]:
    """Turn every statement that another scene of the gallery satisfies into a query, executing it on the gallery."""
    rng = np.random.default_rng(seed)
    entries, table = np.array(list(gallery.ids.values()), dtype=object), Table.of(list(gallery.ids))
    same_scene: dict[str, set[str]] = defaultdict(set)
    for scene, entry in gallery.ids.items():
        same_scene[gallery.digests[scene]].add(entry)
    truths = functools.cache(lambda sentence: sentence.truths(table))
    for number, statement in enumerate(statements):
        true = truths(statement.sentence)
        own = frozenset(same_scene[gallery.digests[statement.scene]])
        relevant = frozenset(entries[true].tolist()) - own
        near = gallery.ids_of(statement.near) - relevant - own
        others = rng.choice(entries[~true], min(REJECTED - len(near), int((~true).sum())), replace=False)
        if relevant:
            sample = Sample(f"grounded-{number}", _picture(statement.scene), statement.sentence.text)
            yield _Query(sample, statement.scene, relevant, near | frozenset(others.tolist()), own)


def _edits(edits: list[tuple[Scene, Edit]], gallery: _Gallery) -> Iterator[_Query]:
    for number, (reference, edit) in enumerate(edits):
        sample = Sample(f"edits-{number}", _picture(reference), edit.instruction)
        yield _Query(sample, reference, gallery.ids_of([edit.target]), gallery.ids_of(edit.distractors))


def _groups(families: Iterable[Sequence[Scene]], gallery: _Gallery, queries: Iterable[_Query]) -> dict[str, str]:
    """Group the pictures of one scene, in whatever order of its boxes, with the scenes derived from it."""
    keys: dict[str, set[str]] = {entry: {gallery.digests[scene]} for scene, entry in gallery.ids.items()}
    for origin, *derived in families:
        for scene in derived:
            keys[gallery.ids[scene]].add(gallery.digests[origin])
    return connect(keys | {query.sample.id: {gallery.digests[query.scene]} for query in queries})


def _paper(world: World, scenes: int) -> Dataset:
    by_sentence: dict[str, set[str]] = defaultdict(set)
    by_items: dict[str, set[str]] = defaultdict(set)
    items: dict[str, str] = {}
    by_id: dict[str, Sample] = {}
    for presentation in world.presentations(scenes):
        text = presentation.sentence.text
        for scene in presentation.scenes:
            pictures = {f"{scene.digest()}-{k}": scene.reordered(order) for k, order in enumerate(_ORDERS)}
            by_sentence[text].update(pictures)
            by_items[scene.items_digest()].update(pictures)
            items |= dict.fromkeys(pictures, scene.items_digest())
            by_id |= {entry: Sample(entry, _picture(ordered), text) for entry, ordered in pictures.items()}
    samples = tuple(by_id[entry] for entry in sorted(by_id))
    return Dataset(
        queries=samples,
        gallery=samples,
        relevant={sample.id: frozenset(by_sentence[sample.text] - {sample.id}) for sample in samples},
        ignore={entry: frozenset(by_items[key]) for entry, key in items.items()},
        groups=connect({sample.id: [("sentence", sample.text), ("items", items[sample.id])] for sample in samples}),
        siblings=items,
    )


def _picture(scene: Scene) -> Callable[[], Image]:
    """Return a function that draws the scene; it can be pickled for worker processes."""
    return functools.partial(draw, scene)
