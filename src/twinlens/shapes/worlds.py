"""What a dataset of drawn scenes is made of: scenes that no other split has, sentences with near-misses, and edits."""

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
_POOL = 2000
_NEAR = 48
_CHANGES = 4
_SHOWN = 4
_TRIES = 150


@dataclass(frozen=True)
class Statement:
    """A sentence that is true of a scene, and near scenes, a few small changes away: true of few, false of most."""

    scene: Scene
    sentence: Sentence
    near: tuple[Scene, ...]


@dataclass(frozen=True)
class Presentation:
    """As NLVR showed them to writers: a sentence, two scenes of which it is true, then two of which it is false."""

    sentence: Sentence
    scenes: tuple[Scene, ...]


@dataclass(frozen=True)
class World:
    """Everything about one split that follows from its seed.

    seed: 0 or more. items: fewest and most items of a box of scattered items.
    """

    split: str
    seed: int = 0
    items: tuple[int, int] = ITEMS

    def scenes(self, count: int, *, tower_share: float = TOWER_SHARE) -> list[Scene]:
        """So many scenes of this split, no two of them equal up to the order of their boxes."""
        rng = self._generator("scenes")
        found: dict[str, Scene] = {}
        while len(found) < count:
            scene = random_scene(rng, items=self.items, tower_share=tower_share)
            if split_of(scene) == self.split:
                found.setdefault(scene.digest(), scene)
        return list(found.values())

    def statements(self, count: int, per_scene: int) -> list[Statement]:
        """Up to `per_scene` sentences about each of `count` scenes, with near scenes of this split."""
        rng = self._generator("statements")
        scenes, pool = self.scenes(count), informative_sentences(rng, min(_POOL, 10 * count))
        taken = {scene.digest() for scene in scenes}
        near = [list(islice(self._near(rng, scene, taken), _NEAR)) for scene in scenes]
        table, ends = Table.of([scene for found in near for scene in found]), np.cumsum([len(found) for found in near])
        chosen = _choose(rng, truths(pool, Table.of(scenes)), per_scene)
        return [
            statement
            for scene, found, end, row in zip(scenes, near, ends.tolist(), chosen, strict=True)
            for statement in _state(
                rng, scene, [pool[which] for which in row], found, table.part(slice(end - len(found), end))
            )
        ]

    def edits(self, count: int, per_scene: int) -> list[tuple[Scene, Edit]]:
        """(reference, edit) for `per_scene` edits of each of `count` scenes of scattered items.

        References belong to this split by rule. Edited scenes do so because what is left of their reference lies at
        pixels drawn at random: with the default `items`, a thousand references of one split meet those of another by a
        chance of less than one in ten thousand.
        """
        rng = self._generator("edits")
        return [
            (scene, edit)
            for scene in self.scenes(count, tower_share=0.0)
            for edit in {edit.target: edit for edit in (random_edit(rng, scene) for _ in range(per_scene))}.values()
        ]

    def presentations(self, count: int) -> list[Presentation]:
        """As many presentations as can be made of `count` scenes, each used at most once, each sentence used once."""
        rng = self._generator("presentations")
        scenes, pool = self.scenes(count), informative_sentences(rng, min(_POOL, 10 * count))
        free = np.ones(len(scenes), dtype=np.bool_)
        towers = np.array([scene.is_towers for scene in scenes], dtype=np.bool_)
        made: list[Presentation] = []
        for sentence, true in zip(pool, truths(pool, Table.of(scenes)), strict=True):
            four = _four(rng, true, free, towers)
            if four:
                free[four] = False
                made.append(Presentation(sentence, tuple(scenes[row] for row in four)))
        return made

    def _near(self, rng: np.random.Generator, scene: Scene, taken: set[str]) -> Iterator[Scene]:
        """Scenes of this split that are a few small changes away and near no other scene.

        Towers have few neighbours: shared ones would tie hundreds of scenes into one group. taken: digests, added to.
        """
        for _ in range(_TRIES):
            changed = _changed(rng, scene, int(rng.integers(1, _CHANGES, endpoint=True)))
            if changed and split_of(changed) == self.split and changed.digest() not in taken:
                taken.add(changed.digest())
                yield changed

    def _generator(self, purpose: str) -> np.random.Generator:
        return np.random.default_rng([self.seed, SPLITS.index(self.split), *purpose.encode()])


def split_of(scene: Scene) -> str:
    """The one split that may show a scene, whatever the order of its boxes: drawn by its digest, a third each."""
    return SPLITS[int(scene.digest(), 16) % len(SPLITS)]


def _changed(rng: np.random.Generator, scene: Scene, changes: int) -> Scene | None:
    """The scene after so many random changes; None where one changes nothing."""
    changed: Scene | None = scene
    for _ in range(changes):
        changed = changed and random_change(rng, changed)
    return changed


def _choose(rng: np.random.Generator, true: NDArray[np.bool_], per_scene: int) -> list[list[int]]:
    """For each scene some of the sentences that are true (S, N) of it, rare ones as often as common ones."""
    weights = true / np.maximum(true.sum(1, keepdims=True), 1)
    return [_weighted(rng, column, per_scene) for column in weights.T]


def _weighted(rng: np.random.Generator, weights: NDArray[np.float64], count: int) -> list[int]:
    count = min(count, int((weights > 0).sum()))
    chosen: list[int] = (
        rng.choice(len(weights), count, replace=False, p=weights / weights.sum()).tolist() if count else []
    )
    return chosen


def _state(
    rng: np.random.Generator, scene: Scene, sentences: Sequence[Sentence], near: Sequence[Scene], table: Table
) -> Iterator[Statement]:
    """Each sentence with near scenes of which it is true as often as of any scene, so that likeness tells nothing.

    Near scenes are seldom shown that keep another of the sentences, too: they would be right for looking alike.
    """
    true = truths(sentences, table)  # (sentences, near)
    count = true.sum(0)
    for sentence, row in zip(sentences, true, strict=True):
        kept = np.flatnonzero(row & (count == 1))[: rng.binomial(_SHOWN, share_true(sentence))]
        fewest = count[~row].min(initial=len(sentences))
        broken = np.flatnonzero(~row & (count == fewest))[: 1 if fewest else _SHOWN - len(kept)]
        yield Statement(scene, sentence, tuple(near[which] for which in (*kept.tolist(), *broken.tolist())))


def _four(
    rng: np.random.Generator, true: NDArray[np.bool_], free: NDArray[np.bool_], towers: NDArray[np.bool_]
) -> list[int]:
    """Two free scenes of which a sentence is true and two of which it is false, all of one kind; or none."""
    for kind in (towers, ~towers):
        sides = [np.flatnonzero(free & kind & side) for side in (true, ~true)]
        if all(len(side) >= 2 for side in sides):
            return [row for side in sides for row in rng.choice(side, 2, replace=False).tolist()]
    return []
