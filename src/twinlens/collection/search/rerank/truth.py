"""Truth: pictures of which the sentence is true come before those of which it is false."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from twinlens.collection.search.request import SearchRequest
from twinlens.collection.search.rerank import Candidate, Reranker
from twinlens.collection.search.rerank._candidates import reordered, with_reason
from twinlens.core.types import TwinlensError
from twinlens.media import images
from twinlens.reading.grammar.parse import parse
from twinlens.reading.items import read_items
from twinlens.reading.meanings import And, Meaning, Untrue

UNREAD = {"abstains": "the sentence is not read"}


class Truth(Reranker):
    """Executes the query's sentences on the items of each candidate's picture, read from its pixels.

    It knows one closed world, drawn scenes of three boxes, and abstains elsewhere: the order stays as it is where a
    sentence is not read, and a picture of another world keeps its place.
    """

    def rerank(self, request: SearchRequest, candidates: Sequence[Candidate]) -> Sequence[Candidate]:
        """Put true before false, each in the order of the search; the reason is the truth, or why there is none."""
        meaning = _meaning(request)
        if meaning is None:
            return [with_reason(candidate, "truth", UNREAD) for candidate in candidates]
        truths = [_truth(meaning, candidate.entry.path) for candidate in candidates]
        order = reordered(len(candidates), {n: truth for n, truth in enumerate(truths) if truth is not None})
        return [with_reason(candidates[place], "truth", _reason(truths[place])) for place in order]


def _meaning(request: SearchRequest) -> Meaning | None:
    """Read all sentences of a request: those to look for, and those that count against an answer."""
    wanted = [parse(text) for text in request.texts]
    unwanted = [parse(text) for text in request.without]
    read = [*wanted, *(Untrue(meaning) if meaning is not None else None for meaning in unwanted)]
    parts = tuple(meaning for meaning in read if meaning is not None)
    return And(parts) if parts and len(parts) == len(read) else None


def _truth(meaning: Meaning, path: Path) -> bool | None:
    """Execute a meaning on a picture; None where it cannot be read, or is of another world."""
    try:
        scene = read_items(images.load(path))
    except TwinlensError:
        return None
    return None if scene is None else meaning.true_of(scene)


def _reason(truth: bool | None) -> dict[str, object]:
    return {"abstains": "the picture shows no scene of three boxes"} if truth is None else {"true": truth}
