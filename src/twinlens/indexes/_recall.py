"""Recall of an approximate index, measured against the exact answers, and the least effort that reaches one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from twinlens.core.arguments import as_number
from twinlens.core.types import TwinlensError
from twinlens.indexes import Rows, Vectors
from twinlens.indexes._scan import nearest, nearest_among
from twinlens.indexes._shortlist import ShortlistIndex

K = 10
"""Answers of which the share is counted."""
ENTRIES = 500
"""Entries of the gallery that are searched for."""
HIDDEN = 100
"""One entry in so many is hidden at most."""
CONFIDENCE = 1.645
"""Standard errors below a measured mean: the true mean lies above in 95 of 100 samples."""
SAME = 1e-6
"""Scores that differ by less are the same, so that of equal entries any may be found."""
STEPS = 4
"""Halvings between an effort that is too low and one that suffices."""
Scores = NDArray[np.float64]


@dataclass(frozen=True)
class Question:
    """Unit queries (P, D) whose candidates together answer one search, and how these are scored, vectors (N, D) → (N,);
    by the cosine with the only query where nothing is given."""

    queries: Vectors
    score: Callable[[Vectors], Scores] | None = None

    def scores(self, vectors: Vectors) -> Scores:
        """Score vectors (N, D) as (N,)."""
        if self.score is not None:
            return self.score(vectors)
        return np.asarray(-np.square(vectors.astype(np.float64) - self.queries[0]).sum(axis=1))


Index = TypeVar("Index", bound=ShortlistIndex)


def calibrated(
    index: Index, *, recall: float = 0.99, questions: Mapping[str, Sequence[Question]] | None = None, seed: int = 0
) -> Index:
    """Choose the least effort with which a fitted index has a recall among the `K` nearest, and return the index.

    Recall is measured on entries of the gallery, each of which has to find the others, on vectors beside them, on
    entries that the structure is made to forget meanwhile, and on questions of further kinds by their name; every kind
    has to reach it by the lower bound of its one-sided 95 % interval, since the least of many efforts whose mean alone
    suffices would owe that to the sample. The index keeps the means in `measured`; where the bounds stay below the
    recall at the highest effort, that one is set. Raises TwinlensError for a recall of 0 or below, or above 1.
    """
    if not 0 < as_number("recall", recall) <= 1:
        raise TwinlensError(f"recall must be above 0 and at most 1, not {recall}")
    index.measured = {}
    if not index.most_effort:
        return index
    rows = np.random.default_rng(seed).permutation(len(index.vectors))
    new, old = np.split(rows, [min(ENTRIES, len(rows) // HIDDEN)])
    with index.without(new) as hidden:
        kinds = {**_own(index, old[:ENTRIES], hidden, seed), **(questions or {})}
        visible = np.setdiff1d(rows, hidden)
        return _calibrate(index, recall, {name: (asked, _truth(index, asked, visible))
                                          for name, asked in kinds.items() if asked})  # fmt: skip


def _calibrate(index: Index, recall: float, kinds: Mapping[str, tuple[Sequence[Question], list[float]]]) -> Index:
    """Choose the effort for questions of some kinds, each with the scores of their last right answers."""

    def measure(effort: int) -> dict[str, Scores]:
        index.effort = effort
        return {name: _recalls(index, asked, truth) for name, (asked, truth) in kinds.items()}

    low, high = 0, 1
    found = measure(high)
    while _surely(found) < recall and high < index.most_effort:
        low, high = high, min(2 * high, index.most_effort)
        found = measure(high)
    for _ in range(STEPS):
        if high - low < 2 or _surely(found) < recall:
            break
        middle = (low + high) // 2
        tried = measure(middle)
        if _surely(tried) >= recall:
            high, found = middle, tried
        else:
            low = middle
    index.effort, index.measured = high, {name: float(shares.mean()) for name, shares in found.items()}
    return index


def _surely(found: Mapping[str, Scores]) -> float:
    """Return the least of the kinds' lower bounds, of the shares (Q,) that their questions have found."""
    return min(float(shares.mean() - CONFIDENCE * shares.std() / len(shares) ** 0.5) for shares in found.values())


def _own(index: ShortlistIndex, rows: Rows, hidden: Rows, seed: int) -> dict[str, list[Question]]:
    """Return entries as questions, and vectors as far beside them as the nearest other entry is, in any direction.

    An entry is in the structure itself, and a graph leads to it and its neighbors more easily than to those of a new
    vector, even of one beside it. Entries that are hidden are as new ones, and are asked by themselves.
    """
    rng, rows = np.random.default_rng(seed), np.sort(rows)
    entries = np.array(index.vectors[rows])
    _, squares = nearest(index.vectors, index.squares, entries, min(2, len(index.vectors)))
    away = rng.standard_normal(entries.shape)
    away *= np.sqrt(squares[:, -1:]) / np.linalg.norm(away, axis=1, keepdims=True)
    lengths = np.linalg.norm(entries, axis=1, keepdims=True)
    beside = entries + away
    beside *= lengths / np.maximum(np.linalg.norm(beside, axis=1, keepdims=True), 1e-12)
    kinds = {"entries": entries, "beside entries": beside.astype(np.float32), "new entries": index.vectors[hidden]}
    return {kind: _questions(np.asarray(queries)) for kind, queries in kinds.items()}


def _questions(queries: Vectors) -> list[Question]:
    return [Question(query[None]) for query in queries]


def _truth(index: ShortlistIndex, asked: Sequence[Question], visible: Rows) -> list[float]:
    """Return for each question the score of its last right answer, with every visible row (M,) compared.

    An entry is its own first answer, and is not counted: so there is one answer more than `K`.
    """
    every = np.concatenate([question.queries for question in asked])
    rows, _ = nearest_among(index.vectors, index.squares, every, min(K + 1, len(visible)), visible)
    scored = [_scores(index, question, part) for question, part in zip(asked, _split(rows, asked), strict=True)]
    return [float(np.sort(scores)[::-1][: K + 1][-1]) for scores in scored]


def _recalls(index: ShortlistIndex, asked: Sequence[Question], truths: Sequence[float]) -> Scores:
    """Return the share (Q,) of the right answers that each question has found."""
    every = np.concatenate([question.queries for question in asked])
    rows, _ = index.search(every, min(K + 1, len(index.vectors)))
    right = []
    for question, part, last in zip(asked, _split(rows, asked), truths, strict=True):
        scores = np.sort(_scores(index, question, part))[::-1][1 : K + 1]
        right.append(np.mean(scores >= last - SAME))
    return np.array(right)


def _scores(index: ShortlistIndex, question: Question, rows: Rows) -> Scores:
    return question.scores(index.vectors[np.unique(rows)])


def _split(rows: Rows, asked: Sequence[Question]) -> list[Rows]:
    return np.split(rows, np.cumsum([len(question.queries) for question in asked])[:-1])
