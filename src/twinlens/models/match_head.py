"""Cross-encoders, networks that read a sentence and a picture together and score how well they match."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeAlias

from twinlens.core import hub
from twinlens.core.types import Picture, TwinlensError
from twinlens.media import images

if TYPE_CHECKING:
    from PIL.Image import Image
    from torch import Tensor

    Placed: TypeAlias = list[tuple[int, Image]]

CHECKPOINT = "dandelin/vilt-b32-finetuned-coco"
BATCH = 8
"""Pictures in a pass of the network."""


class MatchHead:
    """The match head of a ViLT (Kim et al. 2021) or BLIP (Li et al. 2022) that was trained for image–text retrieval.

    `checkpoint` is one by hub name or folder, `revision` its branch, tag or commit at the hub. Raises TwinlensError for
    a checkpoint of another kind.
    """

    def __init__(self, checkpoint: str = CHECKPOINT, revision: str | None = None) -> None:
        self.checkpoint, self.revision = checkpoint, revision
        kind = hub.config(checkpoint, revision).model_type
        if kind not in _HEADS:
            raise TwinlensError(
                f"the checkpoint {checkpoint!r} is a {kind}, which has no match head; choose one of {', '.join(_HEADS)}"
            )
        self.kind = kind

    def scores(self, text: str, pictures: Sequence[Picture | None]) -> Iterator[tuple[int, float]]:
        """Yield places and scores of the pictures that can be read; the higher, the better they match."""
        import torch

        readable = [(place, image) for place, picture in enumerate(pictures) if (image := _read(picture)) is not None]
        if not readable:
            return
        words = self._words(text)
        for start in range(0, len(readable), BATCH):
            part, pixels = _prepared(self._process, readable[start : start + BATCH])
            if not part:
                continue
            with torch.inference_mode():
                output = self._network(**{name: ids.expand(len(part), -1) for name, ids in words.items()}, **pixels)
            yield from zip((place for place, _ in part), _logits(output).tolist(), strict=True)

    @cached_property
    def _network(self) -> Any:
        return hub.model(self.checkpoint, auto=_HEADS[self.kind](), new="$.", revision=self.revision).eval()

    @cached_property
    def _process(self) -> Any:
        return hub.image_processor(self.checkpoint, self.revision)

    @cached_property
    def _tokenizer(self) -> Any:
        """The tokenizer, which cuts a sentence to the length that the network has places for."""
        tokenizer, config = hub.tokenizer(self.checkpoint, self.revision), self._network.config
        tokenizer.enable_truncation(getattr(config, "text_config", config).max_position_embeddings)
        return tokenizer

    def _words(self, text: str) -> Mapping[str, Tensor]:
        """Tokenise a sentence as a batch of one."""
        import torch

        encoding = self._tokenizer.encode(text)
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


def _read(picture: Picture | None) -> Image | None:
    try:
        return None if picture is None else images.load(picture)
    except TwinlensError:
        return None


def _prepared(process: Any, part: Placed) -> tuple[Placed, Mapping[str, Tensor]]:
    """Prepare pictures as a batch, without those that the processor refuses: of one too long nothing may be left."""
    try:
        return part, process(images=[picture for _, picture in part], return_tensors="pt")
    except (ValueError, ZeroDivisionError, RuntimeError):  # the last is of torch, which resizes in older versions
        if len(part) == 1:
            return [], {}
    fit = [one for one in part if _prepared(process, [one])[0]]
    return (fit, process(images=[picture for _, picture in fit], return_tensors="pt")) if fit else ([], {})
