"""Truth: pictures of which the sentence is true come before those of which it is false."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from twinlens.collection.search.request import SearchRequest
from twinlens.collection.search.rerank import Candidate, Reranker
from twinlens.collection.search.rerank._candidates import reordered, with_reason
from twinlens.core.types import TwinlensError
from twinlens.media import images
from twinlens.reading.evidence import facts
from twinlens.reading.grammar.parse import parse
from twinlens.reading.items import read_items
from twinlens.reading.meanings import And, Meaning, Untrue
from twinlens.reading.world import Scene

UNREAD = {"abstains": "the sentence is not read"}


class Truth(Reranker):
    """Executes the query's sentences on the items of each candidate's picture, read from its pixels.

    It knows one closed world, drawn scenes of three boxes, and abstains elsewhere: the order stays as it is where a
    sentence is not read, and a picture of another world keeps its place.
    """

    def rerank(self, request: SearchRequest, candidates: Sequence[Candidate]) -> Sequence[Candidate]:
        """Put true before false, each in the order of the search; the reason is the truth with the
        statements that decide it, or why there is none.
        """
        meaning = _meaning(request)
        if meaning is None:
            return [with_reason(candidate, "truth", UNREAD) for candidate in candidates]
        scenes = [_scene(candidate.entry.path) for candidate in candidates]
        truths = {n: meaning.true_of(scene) for n, scene in enumerate(scenes) if not isinstance(scene, str)}
        order = reordered(len(candidates), truths)
        return [with_reason(candidates[n], "truth", _reason(meaning, scenes[n])) for n in order]


def _meaning(request: SearchRequest) -> Meaning | None:
    """Read all sentences of a request: those to look for, and those that count against an answer."""
    wanted = [parse(text) for text in request.texts]
    unwanted = [parse(text) for text in request.without]
    read = [*wanted, *(Untrue(meaning) if meaning is not None else None for meaning in unwanted)]
    parts = tuple(meaning for meaning in read if meaning is not None)
    return And(parts) if parts and len(parts) == len(read) else None


def _scene(path: Path) -> Scene | str:
    """Read the items of a picture, or return the reason why there are none."""
    try:
        scene = read_items(images.load(path))
    except TwinlensError:
        return "the picture cannot be read"
    return "the picture shows no scene of three boxes" if scene is None else scene


def _reason(meaning: Meaning, scene: Scene | str) -> dict[str, object]:
    """Tell the sentence's truth, and that of the statements which decide it."""
    if isinstance(scene, str):
        return {"abstains": scene}
    return {"true": meaning.true_of(scene), "facts": [fact._asdict() for fact in facts(meaning, scene)]}
