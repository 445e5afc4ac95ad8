"""Truths of sentences about pictures, as scores of a ranking and as a way to sort queries."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from twinlens.core.types import Sample
from twinlens.media import images
from twinlens.metrics import Scores
from twinlens.reading.execution import Execution
from twinlens.reading.grammar.parse import parse
from twinlens.reading.items import read_items
from twinlens.reading.meanings import Meaning
from twinlens.reading.table import Table

UNREAD = 0.5
"""Score of a picture where the sentence is not read or the picture is of another world: its pairs count one half."""


def sentence_kinds(queries: Sequence[Sample], known: Collection[str] = ()) -> Iterator[tuple[str, NDArray[np.bool_]]]:
    """Yield names of kinds of sentences with masks of their queries (Q,).

    "all", "read" and "unread" come first, and "new" if sentences are known, those that are none of them; then the
    classes of meanings (docs/reading.md), the commonest first. Kinds without a query are left out.
    """
    meanings = {text: parse(text) for text in {query.text for query in queries}}
    kinds = np.array([_kind(meanings[query.text]) for query in queries])
    named, counts = np.unique(kinds[kinds != ""], return_counts=True)
    masks = {"all": np.ones(len(kinds), dtype=bool), "read": kinds != "", "unread": kinds == ""}
    if known:
        same = {plain(text) for text in known}
        masks["new"] = np.array([plain(query.text) not in same for query in queries])
    masks |= {str(kind): kinds == kind for kind in named[np.argsort(-counts, kind="stable")]}
    yield from ((name, mask) for name, mask in masks.items() if mask.any())


def plain(sentence: str) -> str:
    """Return a sentence without capitals, its period and repeated spaces."""
    return " ".join(sentence.casefold().split()).rstrip(". ")


def _kind(meaning: Meaning | None) -> str:
    return "" if meaning is None else type(meaning).__name__


def truth_scores(queries: Sequence[Sample], gallery: Sequence[Sample]) -> Scores:
    """Score Q sentences on N pictures (Q, N): 1 for true, 0 for false, UNREAD where that cannot be said."""
    scenes = [read_items(images.load(entry.image)) if entry.image is not None else None for entry in gallery]
    known = [column for column, scene in enumerate(scenes) if scene is not None]
    execution = Execution(Table.of(scene for scene in scenes if scene is not None))
    scores = np.full((len(queries), len(scenes)), UNREAD, dtype=np.float32)
    meanings = {text: parse(text) for text in {query.text for query in queries}}
    truths = {text: execution.truth(meaning) for text, meaning in meanings.items() if meaning is not None}
    for row, query in zip(scores, queries, strict=True):
        if query.text in truths:
            row[known] = truths[query.text]
    return scores
