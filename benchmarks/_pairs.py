"""Pairs of a composed query and the entry that it should find: edits of drawn scenes, and clip arts of one folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from _clipart import arts
from numpy.typing import NDArray

from twinlens.calibration import Calibration
from twinlens.collection.store import Rows, Vectors

PER_TARGET = 4
"""Pictures of its folder that ask for a clip art, at most."""


@dataclass(frozen=True)
class Pairs:
    """Unit vectors of a gallery (N, D) and of queries (Q, D), the row that each should find, and its group.

    Queries of one group are alike; none may be learned from where another is asked.
    """

    about: str
    gallery: Vectors
    queries: Vectors
    targets: Rows
    groups: Rows


def edits(scenes: int) -> Pairs:
    """A scene and an instruction, composed by the model `compact`, and the scene that the edit leads to."""
    from twinlens.datasets import shapes
    from twinlens.models import serving

    drawn, model = shapes.load(protocol="edits", scenes=scenes), serving.load("compact")
    places = {sample.id: n for n, sample in enumerate(drawn.gallery)}
    return Pairs(
        "edits of scenes",
        model.embed(drawn.gallery),
        model.embed(drawn.queries),
        np.array([places[next(iter(drawn.relevant[query.id]))] for query in drawn.queries]),
        np.unique([drawn.groups[query.id] for query in drawn.queries], return_inverse=True)[1],
    )


def clip_arts(root: Path, count: int) -> Pairs:
    """A clip art and the title of another of its folder, and that other, which has no caption; recipe `offline`.

    A query is the direction along which a collection of these scores it. A group has the queries of one target.
    """
    from _embedded import embedded

    of = embedded(arts(root, count, 0), 0)
    titles = of.channel("text")
    gallery = of.vectors.copy()
    gallery[:, titles.missing] = np.linalg.norm(gallery[0, titles.entry])
    gallery[:, titles.entry] = 0
    calibration = Calibration(of.channels, gallery, len(gallery))
    pattern = int(calibration.patterns(gallery[:1])[0])
    folders, rng = np.array(of.folders), np.random.default_rng(0)
    queries, targets = list[NDArray[np.float64]](), list[int]()
    for target, folder in enumerate(folders):
        others = np.flatnonzero((folders == folder) & (np.arange(len(folders)) != target))
        for other in rng.permutation(others)[:PER_TARGET]:
            composed = of.vectors[other].copy()
            composed[titles.query] = of.vectors[target, titles.query]
            directions = calibration.directions(composed)
            if directions is not None:
                queries.append(directions[pattern, :-1])
                targets.append(target)
    asked = np.stack(queries).astype(np.float32)
    asked /= np.linalg.norm(asked, axis=1, keepdims=True)
    return Pairs("clip arts", gallery, asked, np.array(targets), np.array(targets))
