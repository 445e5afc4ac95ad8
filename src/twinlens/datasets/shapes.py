"""Shapes: scenes drawn here in the style of NLVR, sentences that execute on them, and edits; no download."""

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
from twinlens.shapes.scenes import ITEMS, Scene
from twinlens.shapes.sentences import Table
from twinlens.shapes.worlds import SPLITS, Statement, World
from twinlens.splits import connect

PROTOCOLS = ("grounded", "edits", "all", "paper")
METRICS: tuple[str, ...] = ("hit@1", "hit@5", "hit@10", "map", "grounding_accuracy")
NOTE = (
    "Shapes: no scene is in two splits, in whatever order of its boxes. Under `grounded` a query is a picture and a "
    "sentence true of it, its own scene is excluded, and every other picture is judged by executing the sentence; near "
    "scenes, a few small changes away and seldom true, are in the gallery. Under `edits` a query is a picture and an "
    "instruction, the gallery holds every reference, target and distractor, and one picture is right. `all` asks both "
    "of one gallery. Under `paper` queries and gallery are the same pictures with their sentences, as in NLVR."
)
SCENES = 1000
REJECTED = 50
"""Most false scenes that are listed for a sentence; near ones come first. Which are true is always complete."""
_NAME = "shapes"
_ORDERS = tuple(permutations(range(3)))


@dataclass(frozen=True)
class _Asked:
    """A query about a scene, and what is known of the gallery."""

    query: Sample
    scene: Scene
    relevant: frozenset[str]
    rejected: frozenset[str]
    ignore: frozenset[str] = frozenset()


@dataclass(frozen=True)
class _Gallery:
    """Scenes with their ids, in the order of these: an id is a digest, and says nothing about a scene's part.

    digests: scene → its digest that ignores the order of boxes.
    """

    ids: Mapping[Scene, str]
    digests: Mapping[Scene, str]

    @classmethod
    def of(cls, scenes: Iterable[Scene]) -> _Gallery:
        """Each scene once."""
        ids = {scene: scene.digest(ordered=True) for scene in dict.fromkeys(scenes)}
        return cls(dict(sorted(ids.items(), key=lambda pair: pair[1])), {scene: scene.digest() for scene in ids})

    def named(self, scenes: Iterable[Scene]) -> frozenset[str]:
        """The ids of scenes."""
        return frozenset(self.ids[scene] for scene in scenes)


def load(
    root: Path | None = None,
    split: str = SPLITS[0],
    *,
    protocol: str = PROTOCOLS[0],
    scenes: int = SCENES,
    seed: int = 0,
    items: tuple[int, int] = ITEMS,
    texts: int = 2,
) -> Dataset:
    """A split under one protocol, the same for the same arguments; pictures are drawn when they are needed.

    scenes: how many scenes are drawn to ask about. items: fewest and most items of a box. texts: sentences or edits per
    scene. Gallery ids are digests of the pictures; a picture is in the gallery once.

    grounded (METHODS B): relevant are all other scenes of which the sentence is true, rejected those of which it is
    false: near ones and some others, at most 50; ignored is the query's own scene. edits (METHODS C): relevant is the
    target, rejected are the distractors, the reference among them; nothing is ignored. all: half of the scenes for each
    of the two, one gallery, query ids "grounded-…" and "edits-…". paper (METHODS A): scenes come in fours under one
    sentence, true of two of them, and in all six orders of their boxes; relevant is what shares the sentence, ignored
    the query's own scene in its six orders. Groups: what shares a scene, also through near scenes or edits, or a
    presentation. Raises TwinlensError for unknown options, and when a root is given.
    """
    check(_NAME, split=(split, SPLITS), protocol=(protocol, PROTOCOLS))
    if root is not None:
        raise TwinlensError(f"{_NAME} is drawn, not read from {root}; leave the folder out")
    if scenes < 1 or texts < 1:
        raise TwinlensError(f"{_NAME} needs at least one scene and one text per scene, not {scenes} and {texts}")
    world = World(split, seed, items)
    if protocol == "paper":
        return _paper(world, scenes)
    about = {"grounded": (scenes, 0), "edits": (0, scenes), "all": (scenes - scenes // 2, scenes // 2)}[protocol]
    return _joint(world.statements(about[0], texts), world.edits(about[1], texts), seed)


def _joint(statements: list[Statement], edits: list[tuple[Scene, Edit]], seed: int) -> Dataset:
    """Both kinds of queries over one gallery."""
    families = [(s.scene, *s.near) for s in statements] + [(r, edit.target, *edit.distractors) for r, edit in edits]
    gallery = _Gallery.of(scene for family in families for scene in family)
    asked = [*(_grounded(statements, gallery, seed) if statements else ()), *_edits(edits, gallery)]
    return Dataset(
        queries=tuple(one.query for one in asked),
        gallery=tuple(Sample(entry, _picture(scene)) for scene, entry in gallery.ids.items()),
        relevant={one.query.id: one.relevant for one in asked},
        rejected={one.query.id: one.rejected for one in asked},
        ignore={one.query.id: one.ignore for one in asked if one.ignore},
        groups=_groups(families, gallery, asked),
    )


def _grounded(statements: list[Statement], gallery: _Gallery, seed: int) -> Iterator[_Asked]:
    """Every statement as a query, judged by executing it on the gallery, unless nothing else there answers it."""
    rng = np.random.default_rng(seed)
    entries, table = np.array(list(gallery.ids.values()), dtype=object), Table.of(list(gallery.ids))
    same_scene: dict[str, set[str]] = defaultdict(set)
    for scene, entry in gallery.ids.items():
        same_scene[gallery.digests[scene]].add(entry)
    judged = functools.cache(lambda sentence: sentence.truths(table))
    for number, statement in enumerate(statements):
        true = judged(statement.sentence)
        own = frozenset(same_scene[gallery.digests[statement.scene]])
        relevant = frozenset(entries[true].tolist()) - own
        near = gallery.named(statement.near) - relevant - own
        others = rng.choice(entries[~true], min(REJECTED - len(near), int((~true).sum())), replace=False)
        if relevant:
            query = Sample(f"grounded-{number}", _picture(statement.scene), statement.sentence.text)
            yield _Asked(query, statement.scene, relevant, near | frozenset(others.tolist()), own)


def _edits(edits: list[tuple[Scene, Edit]], gallery: _Gallery) -> Iterator[_Asked]:
    for number, (reference, edit) in enumerate(edits):
        query = Sample(f"edits-{number}", _picture(reference), edit.instruction)
        yield _Asked(query, reference, gallery.named([edit.target]), gallery.named(edit.distractors))


def _groups(families: Iterable[Sequence[Scene]], gallery: _Gallery, asked: Iterable[_Asked]) -> dict[str, str]:
    """Joined are pictures of one scene, whatever the order of its boxes, and all that was made from one scene."""
    keys: dict[str, set[str]] = {entry: {gallery.digests[scene]} for scene, entry in gallery.ids.items()}
    for origin, *made in families:
        for scene in made:
            keys[gallery.ids[scene]].add(gallery.digests[origin])
    return connect(keys | {one.query.id: {gallery.digests[one.scene]} for one in asked})


def _paper(world: World, scenes: int) -> Dataset:
    by_sentence: dict[str, set[str]] = defaultdict(set)
    by_scene: dict[str, frozenset[str]] = {}
    shown: dict[str, Sample] = {}
    for presentation in world.presentations(scenes):
        for scene in presentation.scenes:
            pictures = {f"{scene.digest()}-{k}": scene.reordered(order) for k, order in enumerate(_ORDERS)}
            by_sentence[presentation.sentence.text].update(pictures)
            by_scene |= dict.fromkeys(pictures, frozenset(pictures))
            text = presentation.sentence.text
            shown |= {entry: Sample(entry, _picture(turned), text) for entry, turned in pictures.items()}
    samples = tuple(shown[entry] for entry in sorted(shown))
    return Dataset(
        queries=samples,
        gallery=samples,
        relevant={sample.id: frozenset(by_sentence[sample.text] - {sample.id}) for sample in samples},
        ignore=by_scene,
        groups=connect({sample.id: [sample.text] for sample in samples}),
    )


def _picture(scene: Scene) -> Callable[[], Image]:
    """Draws the scene when it is called; travels to worker processes."""
    return functools.partial(draw, scene)
