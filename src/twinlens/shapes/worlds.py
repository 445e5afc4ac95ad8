"""The content of a dataset of drawn scenes: scenes that no other split has, sentences with near scenes, and edits."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from twinlens.shapes.changes import random_change
from twinlens.shapes.edits import Edit, random_edit
from twinlens.shapes.scenes import ITEMS, TOWER_SHARE, Scene, random_scene
from twinlens.shapes.sentences import Sentence, Table, informative_sentences, share_true, truths

SPLITS = ("train", "val", "test")
_POOL = 2000  # most sentences to choose from
_NEAR_CANDIDATES = 48  # near scenes drawn per scene
_CHANGES = 4  # most changes between a scene and a near one
_NEAR_PER_SENTENCE = 4
_TRIES = 150  # to draw near scenes


@dataclass(frozen=True)
class Statement:
    """A sentence that is true of a scene, and near scenes, a few small changes away, of most of which it is false."""

    scene: Scene
    sentence: Sentence
    near: tuple[Scene, ...]


@dataclass(frozen=True)
class Presentation:
    """A presentation to NLVR's writers: a sentence, two scenes of which it is true, then two of which it is false."""

    sentence: Sentence
    scenes: tuple[Scene, ...]


@dataclass(frozen=True)
class World:
    """The content of one split, determined by its seed.

    seed: 0 or more. items: fewest and most items of a box of scattered items. tower_share: share of scenes with towers,
    but for those that edits are about.
    """

    split: str
    seed: int = 0
    items: tuple[int, int] = ITEMS
    tower_share: float = TOWER_SHARE

    def scenes(self, count: int, *, tower_share: float | None = None) -> list[Scene]:
        """Draw `count` scenes of this split, no two of them equal up to the order of their boxes.

        tower_share: None for that of the world.
        """
        tower_share = self.tower_share if tower_share is None else tower_share
        rng = self._generator("scenes")
        by_digest: dict[str, Scene] = {}
        while len(by_digest) < count:
            scene = random_scene(rng, items=self.items, tower_share=tower_share)
            if split_of(scene) == self.split:
                by_digest.setdefault(scene.digest(), scene)
        return list(by_digest.values())

    def statements(self, count: int, per_scene: int) -> list[Statement]:
        """Draw up to `per_scene` sentences about each of `count` scenes, with near scenes of this split."""
        rng = self._generator("statements")
        scenes, pool = self.scenes(count), informative_sentences(rng, min(_POOL, 10 * count))
        taken = {scene.digest() for scene in scenes}
        near = [list(islice(self._near(rng, scene, taken), _NEAR_CANDIDATES)) for scene in scenes]
        table = Table.of([scene for scenes_near in near for scene in scenes_near])
        chosen = _choose(rng, truths(pool, Table.of(scenes)), per_scene)
        statements: list[Statement] = []
        start = 0
        for scene, scenes_near, row in zip(scenes, near, chosen, strict=True):
            part = table.part(slice(start, start + len(scenes_near)))
            statements += _statements(rng, scene, [pool[which] for which in row], scenes_near, part)
            start += len(scenes_near)
        return statements

    def edits(self, count: int, per_scene: int) -> list[tuple[Scene, Edit]]:
        """Draw (reference, edit) for `per_scene` edits of each of `count` scenes of scattered items.

        References belong to this split by their digest. Edited scenes do not, but those of two splits hardly ever
        coincide, as items lie at random pixels: with the default `items` and a thousand references per split, with a
        probability of less than one in ten thousand.
        """
        rng = self._generator("edits")
        pairs: list[tuple[Scene, Edit]] = []
        for scene in self.scenes(count, tower_share=0.0):
            by_target = {edit.target: edit for edit in (random_edit(rng, scene) for _ in range(per_scene))}
            pairs += [(scene, edit) for edit in by_target.values()]
        return pairs

    def presentations(self, count: int) -> list[Presentation]:
        """Form as many presentations of `count` scenes as possible, using each scene and each sentence at most once."""
        rng = self._generator("presentations")
        scenes, pool = self.scenes(count), informative_sentences(rng, min(_POOL, 10 * count))
        free = np.ones(len(scenes), dtype=np.bool_)
        towers = np.array([scene.is_towers for scene in scenes], dtype=np.bool_)
        presentations: list[Presentation] = []
        for sentence, true in zip(pool, truths(pool, Table.of(scenes)), strict=True):
            four = _four(rng, true, free, towers)
            if four:
                free[four] = False
                presentations.append(Presentation(sentence, tuple(scenes[row] for row in four)))
        return presentations

    def _near(self, rng: np.random.Generator, scene: Scene, taken: set[str]) -> Iterator[Scene]:
        """Draw scenes of this split that are a few small changes away and near no other scene.

        Towers have few neighbours: shared ones would join hundreds of scenes into one group. taken: digests of scenes
        in use, extended in place.
        """
        for _ in range(_TRIES):
            changed = _changed(rng, scene, int(rng.integers(1, _CHANGES, endpoint=True)))
            if changed and split_of(changed) == self.split and changed.digest() not in taken:
                taken.add(changed.digest())
                yield changed

    def _generator(self, purpose: str) -> np.random.Generator:
        return np.random.default_rng([self.seed, SPLITS.index(self.split), *purpose.encode()])


def split_of(scene: Scene) -> str:
    """Return the only split that may have a scene, in whatever order of its boxes: by its digest, a third each."""
    return SPLITS[int(scene.digest(), 16) % len(SPLITS)]


def _changed(rng: np.random.Generator, scene: Scene, changes: int) -> Scene | None:
    """Make `changes` random changes; None where one changes nothing."""
    changed: Scene | None = scene
    for _ in range(changes):
        changed = changed and random_change(rng, changed)
    return changed


def _choose(rng: np.random.Generator, true: NDArray[np.bool_], per_scene: int) -> list[list[int]]:
    """Draw for each scene some of the sentences true of it (S, N), weighted against common ones."""
    weights = true / np.maximum(true.sum(1, keepdims=True), 1)
    return [_weighted(rng, column, per_scene) for column in weights.T]


def _weighted(rng: np.random.Generator, weights: NDArray[np.float64], count: int) -> list[int]:
    count = min(count, int((weights > 0).sum()))
    chosen: list[int] = (
        rng.choice(len(weights), count, replace=False, p=weights / weights.sum()).tolist() if count else []
    )
    return chosen


def _statements(
    rng: np.random.Generator, scene: Scene, sentences: Sequence[Sentence], near: Sequence[Scene], table: Table
) -> Iterator[Statement]:
    """Choose near scenes for each sentence, which is true of them as often as of any scene.

    So similarity to the query's picture does not predict the answer. For the same reason near scenes are preferred of
    which none of the other sentences is true.
    """
    true = truths(sentences, table)  # (sentences, near)
    count = true.sum(0)
    for sentence, row in zip(sentences, true, strict=True):
        matching = np.flatnonzero(row & (count == 1))[: rng.binomial(_NEAR_PER_SENTENCE, share_true(sentence))]
        fewest = count[~row].min(initial=len(sentences))
        violating = np.flatnonzero(~row & (count == fewest))[: 1 if fewest else _NEAR_PER_SENTENCE - len(matching)]
        yield Statement(scene, sentence, tuple(near[which] for which in (*matching.tolist(), *violating.tolist())))


def _four(
    rng: np.random.Generator, true: NDArray[np.bool_], free: NDArray[np.bool_], towers: NDArray[np.bool_]
) -> list[int]:
    """Draw two free scenes of which a sentence is true and two of which it is false, all of one kind; or none."""
    for kind in (towers, ~towers):
        sides = [np.flatnonzero(free & kind & side) for side in (true, ~true)]
        if all(len(side) >= 2 for side in sides):
            return [row for side in sides for row in rng.choice(side, 2, replace=False).tolist()]
    return []
