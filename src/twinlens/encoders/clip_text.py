"""The text tower of a CLIP or SigLIP checkpoint."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from twinlens.core import hub, wordpiece
from twinlens.core.types import Batch, Encoded, Features
from twinlens.encoders import Encoder
from twinlens.encoders._contrastive import architecture, tower, vector, width
from twinlens.encoders._transformer import longest
from twinlens.preparation.words import TOKENIZER, Words, load_tokenizer, save_tokenizer


class ClipText(Encoder):
    """Radford et al. 2021, and its relatives; `checkpoint` and `revision` as in encoder `clip_image`.

    A text is cut to the checkpoint's length. CLIP reads it up to its last token; SigLIP was trained on lower-case texts
    padded to full length without a mask, and gets the same here.
    """

    reads = frozenset({"text"})
    pad: Tensor

    def __init__(self, *, checkpoint: str, revision: str | None = None) -> None:
        super().__init__()
        self.network = tower(checkpoint, "text", revision)
        self.dim = width(self.network)
        self.max_tokens = int(self.network.config.text_config.max_position_embeddings)
        self.padded = self.network.config.model_type.startswith("siglip")
        kept = hub.is_kept(checkpoint)
        self.tokenizer = wordpiece.learn((), 100) if kept else hub.tokenizer(checkpoint, revision)
        self.register_buffer("pad", torch.tensor(0 if kept else hub.padding(checkpoint, revision)))

    def preparations(self) -> tuple[Words]:
        """Return the preparation of words (L,) int64, words_mask (L,), text_present (), L the checkpoint's length."""
        return (Words(self.tokenizer, self.max_tokens, int(self.pad), lower=self.padded),)

    def forward(self, batch: Batch) -> Encoded:
        """Encode one vector (B, D)."""
        words, mask = batch["words"], batch["words_mask"]
        if self.padded:
            output = self.network.get_text_features(input_ids=words)
        else:
            length = longest(mask)
            output = self.network.get_text_features(input_ids=words[:, :length], attention_mask=mask[:, :length])
        return Encoded(text=Features(vector(output), present=batch["text_present"]))

    def save_assets(self, folder: Path) -> None:
        """Write the tokenizer and the tower's architecture: the model then loads without the checkpoint."""
        save_tokenizer(self.tokenizer, folder / TOKENIZER)
        hub.keep(architecture(self.network, "text"), folder / "checkpoint")

    def load_assets(self, folder: Path) -> None:
        """Read the tokenizer. Raises TwinlensError when it is missing."""
        self.tokenizer = load_tokenizer(folder)
