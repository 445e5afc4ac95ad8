"""VisualBERT: words and regions of a picture through one transformer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import torch
from transformers import VisualBertConfig, VisualBertModel

from twinlens import variants, wordpiece
from twinlens.encoders import Encoder
from twinlens.types import Arrays, Batch, Encoded, Features, Sample


class VisualBert(Encoder):
    """Li et al. 2019, "VisualBERT: a simple and performant baseline for vision and language".

    [word + type + position ; W·region + visual type + visual position] → LayerNorm → transformer layers. `visual` is the
    encoder that gives the regions: {name = "patches", …}. The picture's side of the answer is the regions' outputs, laid on
    the visual encoder's map where it has one; the text's side is the words' outputs, its vector that of [CLS]. A missing
    text is the empty one; a missing picture is what the visual encoder makes of none.
    """

    def __init__(
        self,
        *,
        visual: Mapping[str, Any],
        layers: int = 3,
        dim: int = 128,
        heads: int = 4,
        vocabulary: int = 2000,
        max_tokens: int = 32,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        options = dict(visual)
        self.visual: Encoder = variants.make("encoders", options.pop("name"), **options)
        config = VisualBertConfig(
            vocab_size=vocabulary,
            hidden_size=dim,
            num_hidden_layers=layers,
            num_attention_heads=heads,
            intermediate_size=4 * dim,
            visual_embedding_dim=self.visual.dim,
            max_position_embeddings=max_tokens,
            hidden_dropout_prob=dropout,
            attention_probs_dropout_prob=dropout,
        )
        self.dim, self.vocabulary, self.max_tokens = dim, vocabulary, max_tokens
        self.bert = VisualBertModel(config, add_pooling_layer=False)
        self.tokenizer = wordpiece.learn((), vocabulary)

    def fit(self, samples: Iterable[Sample]) -> None:
        """Learn the WordPiece vocabulary from the texts, and what the visual encoder learns from the pictures."""
        samples = list(samples)
        self.tokenizer = wordpiece.learn((sample.text for sample in samples), self.vocabulary)
        self.visual.fit(samples)

    def prepare(self, sample: Sample) -> Arrays:
        """words, words_mask, text_present, and the visual encoder's arrays."""
        return {**wordpiece.encode(self.tokenizer, sample.text, self.max_tokens), **self.visual.prepare(sample)}

    def forward(self, batch: Batch) -> Encoded:
        """Regions' outputs (B, R, D) and words' outputs (B, L, D), L the longest text of the batch."""
        regions = self.visual(batch).image
        longest = int(batch["words_mask"].sum(1).max())
        mask = batch["words_mask"][:, :longest]
        output = self.bert(
            input_ids=batch["words"][:, :longest],
            attention_mask=mask,
            visual_embeds=regions.tokens,
            visual_attention_mask=_ones(regions) if regions.mask is None else regions.mask,
        ).last_hidden_state
        words, seen = output[:, :longest], output[:, longest:]
        return Encoded(
            image=Features(_mean(seen, regions.mask), seen, regions.mask, regions.grid),
            text=Features(words[:, 0], words, mask),
        )

    def save_assets(self, folder: Path) -> None:
        """The tokenizer as JSON, and the visual encoder's files."""
        self.tokenizer.save(str(folder / wordpiece.FILE))
        self.visual.save_assets(folder)

    def load_assets(self, folder: Path) -> None:
        """Raises TwinlensError when the tokenizer is missing."""
        self.tokenizer = wordpiece.load(folder)
        self.visual.load_assets(folder)


def _ones(regions: Features) -> torch.Tensor:
    assert regions.tokens is not None
    return torch.ones(regions.tokens.shape[:2], dtype=torch.bool, device=regions.tokens.device)


def _mean(tokens: torch.Tensor, mask: torch.Tensor | None) -> torch.Tensor:
    if mask is None:
        return tokens.mean(1)
    weight = mask.to(tokens.dtype).unsqueeze(-1)
    return (tokens * weight).sum(1) / weight.sum(1).clamp(min=1)
