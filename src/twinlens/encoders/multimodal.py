"""Checkpoints that embed a picture and a text in one pass: Qwen3-VL-Embedding."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from twinlens.core import hub
from twinlens.core.types import Arrays, Batch, Encoded, Features, Sample, TwinlensError
from twinlens.encoders import Encoder
from twinlens.encoders._prompts import Prompts
from twinlens.encoders._transformer import longest
from twinlens.encoders._whole_patches import WholePatches, flat, unflat

KINDS = ("qwen3_vl",)
"""Model types of transformers whose checkpoints are read."""
INSTRUCTION = "Represent the user's input."
"""The authors' own."""


class Multimodal(Encoder):
    """Li et al. 2026, "Qwen3-VL-Embedding and Qwen3-VL-Reranker", arXiv 2601.04720.

    A chat of the `instruction` as the system's message, and the picture followed by the text as the user's; the vector
    is the last layer's output at the last token of the prompt, behind which the assistant would answer. A picture
    alone, a text alone and both pass through the same network in the same way, so that both sides of `Encoded` are that
    one vector: fusion `mean` gives it as it is. Prompt, pooling and resizing are those of the authors' code
    (`Qwen3VLEmbedder` in github.com/QwenLM/Qwen3-VL-Embedding), for one instruction and no videos.

    `checkpoint` is one by hub name ("Qwen/Qwen3-VL-Embedding-2B") or folder, in transformers' own form, `revision` its
    branch, tag or commit at the hub. A picture stands as at most `places` tokens (the authors' limit is 1800; cost
    grows with them), a text as at most `tokens`. Numbers are float32: four bytes per weight.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(
        self,
        *,
        checkpoint: str,
        revision: str | None = None,
        instruction: str = INSTRUCTION,
        places: int = 1800,
        tokens: int = 512,
    ) -> None:
        super().__init__()
        self.network = _network(checkpoint, revision)
        config = self.network.config
        vision = config.vision_config
        self.dim = int(config.text_config.hidden_size)
        if places < 4 or tokens < 1:
            raise TwinlensError("the encoder multimodal wants at least 4 places and 1 token")
        self.pictures = WholePatches(vision.patch_size, vision.spatial_merge_size, vision.temporal_patch_size, places)
        kept = hub.is_kept(checkpoint)
        self.prompts = None if kept else _prompts(checkpoint, revision, instruction, config.image_token_id, tokens)
        mean, deviation = ([0.0] * 3, [1.0] * 3) if kept else hub.standard(checkpoint, revision)
        self.register_buffer("mean", 255 * torch.tensor(mean)[:, None, None])
        self.register_buffer("deviation", 255 * torch.tensor(deviation)[:, None, None])

    def prepare(self, sample: Sample) -> Arrays:
        """Return words (L,) int64, words_mask (L,), pixels (P, 3) uint8 and size (2,), the height and width of these.

        L and P are those of the longest prompt and the largest picture.
        """
        prompts, pictures = self._prompts(), self.pictures
        pixels = None if sample.image is None else pictures.resized(sample.image)
        places = 0 if pixels is None else pixels.shape[0] * pixels.shape[1] // pictures.step**2
        ids = prompts.encode(sample.text.strip(), pixels is not None, places)
        length = prompts.longest(pictures.places)
        words = np.zeros(length, dtype=np.int64)
        words[: len(ids)] = ids
        padded, size = flat(pixels, pictures.places * pictures.step**2)
        return {"words": words, "words_mask": np.arange(length) < len(ids), "pixels": padded, "size": size}

    def cuts(self, text: str) -> bool:
        """Return True if a text is longer than `tokens`."""
        return self._prompts().cuts(text.strip())

    def forward(self, batch: Batch) -> Encoded:
        """Encode one vector (B, D), the same for both sides. Raises NotImplementedError where a graph is traced."""
        if torch.compiler.is_exporting():
            raise NotImplementedError("pictures have sizes of their own, which a graph would fix")
        length = longest(batch["words_mask"])
        words, mask = batch["words"][:, :length], batch["words_mask"][:, :length]
        output = self.network(
            input_ids=words,
            attention_mask=mask.long(),
            mm_token_type_ids=(words == self.network.config.image_token_id).int(),
            use_cache=False,
            **self._patches(batch),
        ).last_hidden_state
        last = mask.sum(1) - 1
        features = Features(output[torch.arange(len(last), device=last.device), last])
        return Encoded(image=features, text=features)

    def _patches(self, batch: Batch) -> dict[str, Tensor]:
        """Return the patches of all pictures of a batch, and their grids (frames, rows, columns)."""
        patches, grids = [], []
        for padded, (height, width) in zip(batch["pixels"], batch["size"].tolist(), strict=True):
            if height:
                pixels = (unflat(padded, height, width) - self.mean) / self.deviation
                patches.append(self.pictures.patches(pixels))
                grids.append(self.pictures.grid(height, width))
        if not patches:
            return {}
        return {"pixel_values": torch.cat(patches), "image_grid_thw": torch.tensor(grids, device=self.mean.device)}

    def save_assets(self, folder: Path) -> None:
        """Write the prompts and the architecture: the model then loads without the checkpoint."""
        self._prompts().save(folder)
        hub.keep(self.network.config.to_dict(), folder / "checkpoint")

    def load_assets(self, folder: Path) -> None:
        """Read the prompts. Raises TwinlensError when they are missing."""
        self.prompts = Prompts.load(folder)

    def _prompts(self) -> Prompts:
        assert self.prompts is not None  # a saved model's are read before it is used
        return self.prompts


def _network(checkpoint: str, revision: str | None) -> Any:
    network = hub.model(checkpoint, revision=revision)
    kind = network.config.model_type
    if kind not in KINDS:
        raise TwinlensError(f"the checkpoint {checkpoint!r} is a {kind}, not one of {', '.join(KINDS)}; choose another")
    return network


def _prompts(checkpoint: str, revision: str | None, instruction: str, image: int, tokens: int) -> Prompts:
    render, tokenizer = hub.chat(checkpoint, revision), hub.tokenizer(checkpoint, revision)
    return Prompts.of_chat(render, tokenizer, instruction=instruction, image=image, tokens=tokens)
