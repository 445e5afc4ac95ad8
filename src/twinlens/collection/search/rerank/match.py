"""Match: pictures that a cross-encoder, which reads sentence and picture together, finds to belong to the sentence."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from twinlens.collection.search.request import SearchRequest
from twinlens.collection.search.rerank import Candidate, Reranker
from twinlens.collection.search.rerank._candidates import reordered, with_reason
from twinlens.core import hub
from twinlens.core.types import TwinlensError
from twinlens.media import images

if TYPE_CHECKING:
    from PIL.Image import Image
    from torch import Tensor

    Placed: TypeAlias = list[tuple[int, Image]]

CHECKPOINT = "dandelin/vilt-b32-finetuned-coco"
NO_SENTENCE = {"abstains": "there is no sentence to read"}
UNREADABLE = {"abstains": "the picture cannot be read, or has a shape that the checkpoint does not take"}
BATCH = 8
"""Pictures in a pass of the network."""


class Match(Reranker):
    """The match head of a ViLT (Kim et al. 2021) or BLIP (Li et al. 2022) that was trained for image–text retrieval.

    `checkpoint` is one by hub name or folder ("dandelin/vilt-b32-finetuned-coco", "Salesforce/blip-itm-base-coco"),
    `revision` its branch, tag or commit at the hub. It reads the query's sentences; where there is none it abstains,
    and a picture that cannot be read keeps its place. Raises TwinlensError for a checkpoint of another kind.
    """

    def __init__(self, *, checkpoint: str = CHECKPOINT, revision: str | None = None) -> None:
        self.checkpoint, self.revision = checkpoint, revision
        kind = hub.config(checkpoint, revision).model_type
        if kind not in _HEADS:
            raise TwinlensError(
                f"the checkpoint {checkpoint!r} is a {kind}, which has no match head; choose one of {', '.join(_HEADS)}"
            )
        self.kind = kind

    def rerank(self, request: SearchRequest, candidates: Sequence[Candidate]) -> Sequence[Candidate]:
        """Order by the score of the match head, the highest first; the score is the reason."""
        text = " ".join(request.texts)
        if not text:
            return [with_reason(candidate, "match", NO_SENTENCE) for candidate in candidates]
        scores = dict(self._scores(text, candidates)) if candidates else {}
        order = reordered(len(candidates), scores)
        return [with_reason(candidates[place], "match", _reason(scores.get(place))) for place in order]

    def _scores(self, text: str, candidates: Sequence[Candidate]) -> Iterator[tuple[int, float]]:
        """Yield places and scores of the candidates whose pictures can be read."""
        import torch

        network = hub.model(self.checkpoint, auto=_HEADS[self.kind](), new="$.", revision=self.revision).eval()
        words = self._words(text, network.config)
        readable = [(place, picture) for place, one in enumerate(candidates) if (picture := _read(one)) is not None]
        process = hub.image_processor(self.checkpoint, self.revision)
        for start in range(0, len(readable), BATCH):
            part, pixels = _prepared(process, readable[start : start + BATCH])
            if not part:
                continue
            with torch.inference_mode():
                output = network(**{name: ids.expand(len(part), -1) for name, ids in words.items()}, **pixels)
            yield from zip((place for place, _ in part), _logits(output).tolist(), strict=True)

    def _words(self, text: str, config: Any) -> Mapping[str, Tensor]:
        """Tokenise a sentence as a batch of one, cut to the length that the network has places for."""
        import torch

        tokenizer = hub.tokenizer(self.checkpoint, self.revision)
        tokenizer.enable_truncation(getattr(config, "text_config", config).max_position_embeddings)
        encoding = tokenizer.encode(text)
        return {"input_ids": torch.tensor([encoding.ids]), "attention_mask": torch.tensor([encoding.attention_mask])}


def _vilt() -> Any:
    from transformers import ViltForImageAndTextRetrieval

    return ViltForImageAndTextRetrieval


def _blip() -> Any:
    from transformers import BlipForImageTextRetrieval

    return BlipForImageTextRetrieval


_HEADS = {"vilt": _vilt, "blip": _blip}
"""Kinds of checkpoints, and the class with their match head, which is imported when it is needed."""


def _logits(output: Any) -> Tensor:
    """Return how far each pair is from no match (B,): ViLT's only logit, or BLIP's second less its first."""
    logits: Tensor = output.logits if "logits" in output else output.itm_score
    return logits[:, -1] - (logits[:, 0] if logits.shape[1] > 1 else 0)


def _read(candidate: Candidate) -> Image | None:
    try:
        return images.load(Path(candidate.entry.path))
    except TwinlensError:
        return None


def _prepared(process: Any, part: Placed) -> tuple[Placed, Mapping[str, Tensor]]:
    """Prepare pictures as a batch, without those that the processor refuses: of one too long nothing may be left."""
    try:
        return part, process(images=[picture for _, picture in part], return_tensors="pt")
    except (ValueError, ZeroDivisionError):
        if len(part) == 1:
            return [], {}
    fit = [one for one in part if _prepared(process, [one])[0]]
    return (fit, process(images=[picture for _, picture in fit], return_tensors="pt")) if fit else ([], {})


def _reason(score: float | None) -> Mapping[str, object]:
    return UNREADABLE if score is None else {"score": score}
