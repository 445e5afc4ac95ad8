"""BERT: a sentence as contextual word embeddings."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal

from transformers import BertConfig, BertModel

from twinlens.core import hub, wordpiece
from twinlens.core.types import Batch, Encoded, Features, Sample, TwinlensError
from twinlens.encoders import Encoder
from twinlens.encoders._transformer import check_length, longest, masked_mean, sizes, without_pooler
from twinlens.preparation.words import TOKENIZER, Words, load_tokenizer, save_tokenizer


class Bert(Encoder):
    """Devlin et al. 2019, "BERT: pre-training of deep bidirectional transformers for language understanding".

    A word's embedding is the sum of its token, segment and position embeddings; a sentence is segment 0. `checkpoint`
    is any BERT-family checkpoint (BERT, MiniLM, RoBERTa, DistilBERT, MPNet, ELECTRA …) by hub name or local folder,
    `revision` its branch, tag or commit at the hub; without one, a BERT of `layers` × `dim` with `heads` is trained
    from scratch, and `fit` learns a WordPiece vocabulary of at most `vocabulary` entries. `pooling`: the vector is that
    of [CLS], or the mean over the words.
    """

    reads = frozenset({"text"})

    def __init__(
        self,
        *,
        checkpoint: str | None = None,
        revision: str | None = None,
        layers: int | None = None,
        dim: int | None = None,
        heads: int | None = None,
        vocabulary: int | None = None,
        max_tokens: int = 32,
        pooling: Literal["cls", "mean"] = "cls",
    ) -> None:
        super().__init__()
        if pooling not in ("cls", "mean"):
            raise TwinlensError(f"pooling must be 'cls' or 'mean', not {pooling!r}")
        size = sizes(checkpoint, layers=layers, dim=dim, heads=heads, vocabulary=vocabulary)
        self.checkpoint, self.max_tokens, self.pooling = checkpoint, max_tokens, pooling
        self.vocabulary = size["vocabulary"]
        self.bert = (
            _small(size, max_tokens) if checkpoint is None else without_pooler(hub.model(checkpoint, revision=revision))
        )
        self.tokenizer = (
            wordpiece.learn((), self.vocabulary)
            if checkpoint is None or hub.is_kept(checkpoint)
            else hub.tokenizer(checkpoint, revision)
        )
        check_length(max_tokens, self.bert.config.max_position_embeddings)
        self.dim = self.bert.config.hidden_size

    def fit(self, samples: Iterable[Sample]) -> None:
        """Learn the WordPiece vocabulary from the texts; a checkpoint has its own."""
        if self.checkpoint is None:
            self.tokenizer = wordpiece.learn((sample.text for sample in samples), self.vocabulary)

    def preparations(self) -> tuple[Words]:
        """Return the preparation of words (L,) int64, words_mask (L,) bool, text_present () bool, L = `max_tokens`."""
        return (Words(self.tokenizer, self.max_tokens),)

    def forward(self, batch: Batch) -> Encoded:
        """Encode words in context (B, L, D), L the longest text of the batch, and one vector (B, D)."""
        mask = batch["words_mask"]
        mask = mask[:, : longest(mask)]
        words = self.bert(input_ids=batch["words"][:, : mask.shape[1]], attention_mask=mask).last_hidden_state
        vector = words[:, 0] if self.pooling == "cls" else masked_mean(words, mask)
        return Encoded(text=Features(vector, words, mask, present=batch["text_present"]))

    def save_assets(self, folder: Path) -> None:
        """Write the tokenizer and the checkpoint's architecture: the model then loads without the checkpoint."""
        save_tokenizer(self.tokenizer, folder / TOKENIZER)
        if self.checkpoint is not None:
            hub.keep(self.bert.config.to_dict(), folder / "checkpoint")

    def load_assets(self, folder: Path) -> None:
        """Read the tokenizer. Raises TwinlensError when it is missing."""
        self.tokenizer = load_tokenizer(folder)


def _small(size: dict[str, int], max_tokens: int) -> Any:
    config = BertConfig(
        vocab_size=size["vocabulary"],
        hidden_size=size["dim"],
        num_hidden_layers=size["layers"],
        num_attention_heads=size["heads"],
        intermediate_size=4 * size["dim"],
        max_position_embeddings=max_tokens,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
    )
    return BertModel(config, add_pooling_layer=False)
