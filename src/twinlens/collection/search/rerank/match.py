"""Match: pictures that a cross-encoder, which reads sentence and picture together, finds to belong to the sentence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from twinlens.collection.search.request import SearchRequest
from twinlens.collection.search.rerank import Candidate, Reranker
from twinlens.collection.search.rerank._candidates import reordered, with_reason
from twinlens.models.match_head import CHECKPOINT, MatchHead

NO_SENTENCE = {"abstains": "there is no sentence to read"}
UNREADABLE = {"abstains": "the picture cannot be read, or has a shape that the checkpoint does not take"}


class Match(Reranker):
    """The match head of a cross-encoder; see `MatchHead`.

    `checkpoint` is one by hub name or folder ("dandelin/vilt-b32-finetuned-coco", "Salesforce/blip-itm-base-coco"),
    `revision` its branch, tag or commit at the hub. It reads the query's sentences; where there is none it abstains,
    and a picture that cannot be read keeps its place. Raises TwinlensError for a checkpoint of another kind.
    """

    def __init__(self, *, checkpoint: str = CHECKPOINT, revision: str | None = None) -> None:
        self.head = MatchHead(checkpoint, revision)

    def rerank(self, request: SearchRequest, candidates: Sequence[Candidate]) -> Sequence[Candidate]:
        """Order by the score of the match head, the highest first; the score is the reason."""
        text = " ".join(request.texts)
        if not text:
            return [with_reason(candidate, "match", NO_SENTENCE) for candidate in candidates]
        scores = dict(self.head.scores(text, [Path(candidate.entry.path) for candidate in candidates]))
        order = reordered(len(candidates), scores)
        return [with_reason(candidates[place], "match", _reason(scores.get(place))) for place in order]


def _reason(score: float | None) -> Mapping[str, object]:
    return UNREADABLE if score is None else {"score": score}
