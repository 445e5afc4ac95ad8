"""VisualBERT: words of a text and regions of a picture in one transformer."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from transformers import VisualBertConfig, VisualBertModel

from twinlens.core import hub, variants, wordpiece
from twinlens.core.types import Arrays, Batch, Encoded, Features, Sample, TwinlensError
from twinlens.encoders import Encoder
from twinlens.encoders._boxes import lay_on_map
from twinlens.encoders._transformer import check_length, longest, masked_mean, sizes, without_pooler
from twinlens.preparation import Preparation
from twinlens.preparation.words import TOKENIZER, Words, load_tokenizer, save_tokenizer

# Options of a VisualBERT whose text tables have BERT's weights.
_BERT_OPTIONS = (
    *("vocab_size", "hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size", "hidden_act"),
    *("hidden_dropout_prob", "attention_probs_dropout_prob", "max_position_embeddings", "type_vocab_size"),
    *("layer_norm_eps", "pad_token_id"),
)


class VisualBert(Encoder):
    """Li et al. 2019, "VisualBERT: a simple and performant baseline for vision and language".

    [word + type + position ; W·region + visual type + visual position] → LayerNorm → transformer layers. `visual` is
    the encoder of the regions: {name = "patches", …}. The picture's features are the regions' outputs, on the visual
    encoder's map where it has one; regions with boxes are laid on a map of `cells` (rows, columns). The text's features
    are the words' outputs, its vector that of [CLS]. A missing text is the empty one, [CLS] [SEP]. Attention skips the
    regions outside the visual encoder's mask, and all regions of a missing picture. These still attend to the words, so
    that a text alone has features on the picture's side too.

    `checkpoint` is a VisualBERT by hub name or folder ("uclanlp/visualbert-nlvr2-pre"), `revision` the branch, tag or
    commit at the hub that the weights are from; the projection W is new where its regions are of another width. `bert`
    is a BERT: beside a checkpoint, the source of the vocabulary (published VisualBERTs have none of their own); alone,
    also of the weights, its text tables initialising the visual ones. Without either, a transformer of `layers` × `dim`
    with `heads` is trained from scratch, its vocabulary in `fit`.
    """

    def __init__(
        self,
        *,
        visual: Mapping[str, Any],
        checkpoint: str | None = None,
        bert: str | None = None,
        revision: str | None = None,
        layers: int | None = None,
        dim: int | None = None,
        heads: int | None = None,
        vocabulary: int | None = None,
        max_tokens: int = 32,
        dropout: float = 0.0,
        cells: tuple[int, int] = (7, 7),
    ) -> None:
        super().__init__()
        self.source = checkpoint or bert
        size = sizes(self.source, layers=layers, dim=dim, heads=heads, vocabulary=vocabulary)
        options = dict(visual)
        self.visual: Encoder = variants.make("encoders", options.pop("name"), **options)
        self.kept_as = "checkpoint" if checkpoint else "bert"
        self.vocabulary, self.max_tokens, self.cells = size["vocabulary"], max_tokens, (cells[0], cells[1])
        self.bert = _network(checkpoint, bert, revision, size, max_tokens, self.visual.dim)
        learned = self.source is None or hub.is_kept(self.source)
        self.tokenizer = wordpiece.learn((), self.vocabulary) if learned else _tokenizer(checkpoint, bert, revision)
        check_length(max_tokens, self.bert.config.max_position_embeddings)
        _set_dropout(self.bert, dropout)
        self.dim = self.bert.config.hidden_size

    def fit(self, samples: Iterable[Sample]) -> None:
        """Fit the visual encoder to the pictures, and learn the WordPiece vocabulary from the texts, in one pass."""
        texts: list[str] = []
        stream = _collecting(samples, texts)
        self.visual.fit(stream)
        for _ in stream:  # samples that the visual encoder did not read
            pass
        if self.source is None:
            self.tokenizer = wordpiece.learn(texts, self.vocabulary)

    def cache_to(self, folder: Path) -> None:
        """Cache the visual encoder's features."""
        self.visual.cache_to(folder)

    def with_sides(self, replace: Callable[[Encoder], Encoder]) -> Encoder:
        """Replace the visual encoder of a copy, which shares all weights."""
        copied = copy.copy(self)
        copied._modules = {**self._modules, "visual": replace(self.visual)}
        return copied

    def preparations(self) -> tuple[Preparation, ...]:
        """Return the preparations of words, words_mask, text_present, and of the visual encoder, if it has one."""
        of_picture = self.visual.preparations()
        return (self._words(), *of_picture) if of_picture else ()

    def prepare(self, sample: Sample) -> Arrays:
        """Return words, words_mask, text_present, and the visual encoder's arrays."""
        return {**self._words().prepare(sample), **self.visual.prepare(sample)}

    def cuts(self, text: str) -> bool:
        """Return True if a text is longer than `max_tokens`."""
        return self._words().cuts(text)

    def _words(self) -> Words:
        return Words(self.tokenizer, self.max_tokens)

    def forward(self, batch: Batch) -> Encoded:
        """Encode regions (B, R, D), or (B, H·W, D) on the map, and words (B, L, D), L the batch's longest text."""
        regions = self.visual(batch).image
        attended = _attended(regions)
        length = longest(batch["words_mask"])
        mask = batch["words_mask"][:, :length]
        output = self.bert(
            input_ids=batch["words"][:, :length],
            attention_mask=mask,
            visual_embeds=regions.tokens,
            visual_attention_mask=attended,
        ).last_hidden_state
        words, outputs = output[:, :length], output[:, length:]
        return Encoded(image=self._image_features(outputs, regions, attended), text=Features(words[:, 0], words, mask))

    def _image_features(self, outputs: Tensor, regions: Features, attended: Tensor) -> Features:
        """Return the regions' outputs as the picture's features, on a map where there is one.

        A missing picture has features too: the output of its first region, which attends to the words.
        """
        if regions.grid is not None:
            return Features(outputs.mean(1), outputs, grid=regions.grid)
        counts = torch.cat([attended[:, :1] | ~attended.any(1, keepdim=True), attended[:, 1:]], dim=1)
        vector = masked_mean(outputs, counts)
        if regions.boxes is None:
            return Features(vector, outputs, counts)
        return Features(vector, lay_on_map(outputs, regions.boxes, counts, self.cells), grid=self.cells)

    def save_assets(self, folder: Path) -> None:
        """Write the tokenizer, the architecture of a checkpoint, and the visual encoder's files in `visual`."""
        save_tokenizer(self.tokenizer, folder / TOKENIZER)
        if self.source is not None:
            hub.keep(self.bert.config.to_dict(), folder / self.kept_as)
        (folder / "visual").mkdir(exist_ok=True)
        self.visual.save_assets(folder / "visual")

    def load_assets(self, folder: Path) -> None:
        """Read the tokenizer and the visual encoder's files. Raises TwinlensError when one is missing."""
        self.tokenizer = load_tokenizer(folder)
        self.visual.load_assets(folder / "visual")


def _tokenizer(checkpoint: str | None, bert: str | None, revision: str | None) -> Any:
    """Load the vocabulary of `bert`, or else of `checkpoint`; `revision` is of the one that the weights are from."""
    return hub.tokenizer(bert or str(checkpoint), revision if bert is None or checkpoint is None else None)


def _network(
    checkpoint: str | None,
    bert: str | None,
    revision: str | None,
    size: dict[str, int],
    max_tokens: int,
    visual_dim: int,
) -> Any:
    """Build or load a VisualBertModel without its pooler."""
    source = checkpoint or bert
    if source is None:
        return _small(size, max_tokens, visual_dim)
    if hub.is_kept(source):
        return without_pooler(hub.model(source))
    return (_from_visualbert if checkpoint else _from_bert)(source, revision, visual_dim)


def _small(size: dict[str, int], max_tokens: int, visual_dim: int) -> Any:
    config = VisualBertConfig(
        vocab_size=size["vocabulary"],
        hidden_size=size["dim"],
        num_hidden_layers=size["layers"],
        num_attention_heads=size["heads"],
        intermediate_size=4 * size["dim"],
        visual_embedding_dim=visual_dim,
        max_position_embeddings=max_tokens,
        pad_token_id=0,
    )
    return VisualBertModel(config, add_pooling_layer=False)


def _from_visualbert(name: str, revision: str | None, visual_dim: int) -> Any:
    """Load a published VisualBERT, with a new projection of regions if theirs are of another width."""
    options = {"visual_embedding_dim": visual_dim, "ignore_mismatched_sizes": True, "add_pooling_layer": False}
    return hub.model(name, auto=VisualBertModel, new="visual_projection", revision=revision, **options)


def _from_bert(name: str, revision: str | None, visual_dim: int) -> Any:
    """Load BERT's weights into a VisualBERT; its tables of segments and positions initialise the visual ones."""
    bert = without_pooler(hub.model(name, revision=revision))
    if bert.config.model_type != "bert":
        raise TwinlensError(f"the checkpoint {name!r} is a {bert.config.model_type}, not a BERT; choose another")
    shared = {key: getattr(bert.config, key) for key in _BERT_OPTIONS}
    model = VisualBertModel(VisualBertConfig(**shared, visual_embedding_dim=visual_dim), add_pooling_layer=False)
    tables = bert.state_dict()
    for table in ("token_type", "position"):
        tables[f"embeddings.visual_{table}_embeddings.weight"] = tables[f"embeddings.{table}_embeddings.weight"]
    model.load_state_dict({**model.state_dict(), **tables})
    return model


def _set_dropout(model: Any, share: float) -> None:
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = share


def _collecting(samples: Iterable[Sample], texts: list[str]) -> Iterator[Sample]:
    """Yield the samples unchanged, appending their texts to a list."""
    for sample in samples:
        texts.append(sample.text)
        yield sample


def _attended(regions: Features) -> Tensor:
    """Return the attention mask (B, R) of regions: the visual encoder's, none of a missing picture."""
    assert regions.tokens is not None
    mask = regions.mask
    if mask is None:
        mask = torch.ones(regions.tokens.shape[:2], dtype=torch.bool, device=regions.tokens.device)
    return mask if regions.present is None else mask & regions.present.unsqueeze(1)
