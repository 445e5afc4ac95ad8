"""The names of ImageNet's classes as vectors of a sentence encoder."""

from __future__ import annotations

import torch
from torch import Tensor
from torchvision.models import EfficientNet_B0_Weights

from twinlens.core import hub
from twinlens.core.batches import stack_tensors
from twinlens.core.types import Sample
from twinlens.encoders._transformer import masked_mean
from twinlens.preparation.words import Words

CLASSES = 1000
_MAX_TOKENS = 16  # the longest name has fewer


@torch.no_grad()  # not inference_mode: the buffer is written to after a training
def label_vectors(checkpoint: str | None, revision: str | None = None) -> Tensor:
    """Encode the names of the 1000 classes, in ImageNet's order, as unit vectors (1000, W); W = 0 without checkpoint.

    Raises TwinlensError when the checkpoint cannot be loaded.
    """
    if checkpoint is None:
        return torch.zeros(CLASSES, 0)
    names = EfficientNet_B0_Weights.IMAGENET1K_V1.meta["categories"]
    network, tokenizer = hub.model(checkpoint, revision=revision).eval(), hub.tokenizer(checkpoint, revision)
    prepare = Words(tokenizer, _MAX_TOKENS).prepare
    batch = stack_tensors([prepare(Sample(name, None, name)) for name in names])
    words, mask = batch["words"], batch["words_mask"]
    vectors = masked_mean(network(input_ids=words, attention_mask=mask).last_hidden_state, mask)
    return torch.nn.functional.normalize(vectors, dim=-1).clone()
