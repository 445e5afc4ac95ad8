"""Composer: encoders and a fusion as one module, samples → unit vectors; saved as a model folder."""

from __future__ import annotations

import copy
import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from twinlens.calibration import Channel
from twinlens.core import checksums, digests, hub, plugins, variants
from twinlens.core.arguments import as_folder, as_kind, as_names, as_samples
from twinlens.core.atomic import whole_file
from twinlens.core.batches import stack_tensors
from twinlens.core.progress import bar
from twinlens.core.recipe import Recipe, Variant
from twinlens.core.types import Arrays, Batch, Encoded, Features, Sample, Similarity, TwinlensError
from twinlens.encoders import Encoder
from twinlens.fusions import Fusion
from twinlens.models import shipped
from twinlens.models.seeding import drawing

RECIPE, WEIGHTS, PROVENANCE, EXPORT = "recipe.toml", "model.safetensors", "provenance.json", "export.json"


class Composer(nn.Module):
    """Embedding of samples (picture, sentence, or both) as unit vectors (B, D) of one shared space."""

    def __init__(self, recipe: Recipe, encoders: Sequence[Encoder], fusion: Fusion) -> None:
        super().__init__()
        self.recipe = recipe
        self.encoders = nn.ModuleList(encoders)
        self.fusion = fusion
        self.dim = fusion.dim
        self.folder: Path | None = None
        self.provenance: dict[str, Any] = {}

    @classmethod
    def build(cls, recipe: Recipe, *, seed: int = 0, folder: Path | None = None) -> Self:
        """Build an untrained composer; the same recipe and seed give the same weights.

        folder: of a saved model, whose architecture files then replace the checkpoints.
        """
        as_kind("build", recipe, Recipe, "give find_recipe(name) or Recipe.read(path)")
        options_of_parts = [
            part.options if folder is None else hub.kept(part.options, folder / f"encoder-{n}")
            for n, part in enumerate(recipe.encoders)
        ]
        # Weights that are loaded over these need no exact draw, nor a change of torch's state that all threads see.
        with drawing(seed, dtype=torch.float64 if folder is None else torch.float32):
            encoders = [
                variants.make("encoders", part.name, **options)
                for part, options in zip(recipe.encoders, options_of_parts, strict=True)
            ]
            image_dim, text_dim = (_width(encoders, side) for side in ("image", "text"))
            sizes = {"image_dim": image_dim or text_dim, "text_dim": text_dim or image_dim, "dim": recipe.dim}
            fusion = _fusion(recipe, sizes)
        return cls(recipe, encoders, fusion).float()

    def with_fusion(self, part: Variant, *, seed: int = 0) -> Self:
        """Put a fresh fusion, whose weights the seed draws, on the same encoders (shared, not copied).

        Raises TwinlensError for an unknown option, and for a fusion that does not fit the encoders.
        """
        recipe = self.recipe.model_copy(update={"fusion": part})
        sizes = {"image_dim": self.fusion.image_dim, "text_dim": self.fusion.text_dim, "dim": recipe.dim}
        with drawing(seed):
            fusion = _fusion(recipe, sizes)
        composer = type(self)(recipe, self._encoders(), fusion.float())
        composer.folder = self.folder
        return composer

    def fit(self, samples: Sequence[Sample]) -> None:
        """Fit every encoder before training: vocabularies of words and of visual words."""
        as_samples("fit", samples)
        for encoder in self._encoders():
            encoder.fit(samples)

    def cache_to(self, folder: Path) -> None:
        """Cache in this folder every array that does not depend on training; see `Encoder.cache_to`."""
        for encoder in self._encoders():
            encoder.cache_to(folder)

    def prepare(self, sample: Sample) -> Arrays:
        """Prepare one sample on the CPU; each key starts with the number of its encoder."""
        parts = ((n, encoder.prepare(sample)) for n, encoder in enumerate(self._encoders()))
        return {f"{n}.{key}": array for n, arrays in parts for key, array in arrays.items()}

    def cuts(self, text: str) -> bool:
        """Return True if an encoder reads a text but not its end."""
        return any(encoder.cuts(text) for encoder in self._encoders())

    def guesses(self, text: str) -> bool:
        """Return True if an encoder guesses the meaning of a text that it does not read."""
        return any(encoder.guesses(text) for encoder in self._encoders())

    def stack(self, prepared: Sequence[Arrays]) -> Batch:
        """Stack prepared samples of any kind into one batch."""
        return stack_tensors(prepared)

    def encode(self, batch: Batch) -> Encoded:
        """Encode a batch with every encoder and join their outputs per side; see `joined`."""
        return joined([encoder(_strip(batch, n)) for n, encoder in enumerate(self._encoders())])

    def forward(self, batch: Batch) -> Tensor:
        """Return the unit vectors (B, D) of a batch."""
        return self.fuse(self.encode(batch))

    def fuse(self, encoded: Encoded) -> Tensor:
        """Fuse the output of `encode` into unit vectors (B, D)."""
        vectors: Tensor = self.fusion(encoded.image, encoded.text)
        return self.fusion.checked(vectors, encoded.image or encoded.text)

    @property
    def device(self) -> torch.device:
        """Return the device of the weights; that of none is the CPU."""
        return next(self.parameters(), torch.empty(0)).device

    @torch.inference_mode()
    def embed(self, samples: Sequence[Sample], *, batch_size: int = 64, progress: bool = False) -> NDArray[np.float32]:
        """Embed samples as unit vectors (N, D), in evaluation mode, with a progress bar if `progress`."""
        as_samples("embed", samples)
        was_training, out = self.training, np.empty((len(samples), self.dim), dtype=np.float32)
        self.eval()
        with bar("embedding", len(samples), unit="pictures", progress=progress) as advance:
            for start in range(0, len(samples), batch_size):
                part = samples[start : start + batch_size]
                out[start : start + len(part)] = self.embed_prepared([self.prepare(sample) for sample in part])
                advance(len(part))
        self.train(was_training)
        return out

    @torch.inference_mode()
    def gate_map(self, sample: Sample) -> NDArray[np.float32] | None:
        """Return how far the fusion's gate is open over the picture of a sample (H, W), 0 to 1, in evaluation mode.

        None for a fusion without a gate, and for a picture that is a single vector.
        """
        was_training = self.training
        self.eval()
        encoded = self.encode(to_device(self.stack([self.prepare(sample)]), self.device))
        gate: Tensor | None = self.fusion.gate_map(encoded.image, encoded.text)
        self.train(was_training)
        return None if gate is None or gate[0].numel() == 1 else np.asarray(gate[0].float().cpu().numpy())

    @torch.inference_mode()
    def embed_prepared(self, prepared: Sequence[Arrays]) -> NDArray[np.float32]:
        """Embed prepared samples as one batch of unit vectors (B, D), in the current mode."""
        vectors: Tensor = self(to_device(self.stack(prepared), self.device))
        return np.asarray(vectors.float().cpu().numpy(), dtype=np.float32)

    def save(self, folder: Path | str, *, provenance: Mapping[str, Any] | None = None) -> None:
        """Write a model folder: recipe.toml, model.safetensors, provenance.json and the encoders' files.

        provenance: None keeps the one that was loaded. Raises OSError or TwinlensError when the disk is full.
        """
        folder = as_folder("the model folder", folder)
        self.provenance = dict(self.provenance if provenance is None else provenance)
        folder.mkdir(parents=True, exist_ok=True)
        self.save_assets(folder)
        (folder / RECIPE).write_text(self.recipe.to_toml(), encoding="utf-8")
        (folder / PROVENANCE).write_text(json.dumps(self.provenance, indent=2) + "\n", encoding="utf-8")
        try:
            with whole_file(folder / WEIGHTS) as draft:
                save_file({key: tensor.contiguous().cpu() for key, tensor in self.state_dict().items()}, draft)
        except SafetensorError as error:  # a full disk
            raise TwinlensError(f"cannot write {folder / WEIGHTS}: {error}; make room and try again") from error

    def save_assets(self, folder: Path) -> None:
        """Write the encoders' files alone."""
        for n, encoder in enumerate(self._encoders()):
            (folder / f"encoder-{n}").mkdir(exist_ok=True)
            encoder.save_assets(folder / f"encoder-{n}")

    @classmethod
    def load(cls, folder: Path | str, *, allow_plugins: Sequence[str] = ()) -> Self:
        """Read a model by folder, or by the name of one that ships. Raises TwinlensError where a file does not fit.

        allow_plugins: names of plug-ins whose code may run if the model's recipe names them; see `core.plugins`.
        """
        folder = shipped.located(as_folder("the model folder", folder))
        checksums.check(folder)
        for name in (RECIPE, WEIGHTS):
            if not (folder / name).is_file():
                cure = "give it to Collection.create" if (folder / EXPORT).is_file() else "copy the whole folder again"
                raise TwinlensError(f"the model folder {folder} lacks {name}; {cure}")
        recipe = Recipe.read_saved(folder / RECIPE)
        plugins.check(recipe.model_dump(), folder, as_names(allow_plugins))
        composer = cls.build(recipe, folder=folder)
        for n, encoder in enumerate(composer._encoders()):
            encoder.load_assets(folder / f"encoder-{n}")
        try:
            composer.load_state_dict(load_file(folder / WEIGHTS))
        except (SafetensorError, RuntimeError) as error:
            reason = f"{str(error).splitlines()[0]} (edited, or of an earlier version; train it anew)"
            raise TwinlensError(f"{folder / WEIGHTS} does not fit its recipe: {reason}") from error
        composer.folder, composer.provenance = folder, provenance_of(folder)
        return composer.eval()

    def untrained(self, *, seed: int = 0) -> Self:
        """Return a copy with fresh weights; vocabularies and frozen encoders, which training does not change, stay."""
        copied = copy.deepcopy(self)
        fresh = self.build(self.recipe, seed=seed, folder=self.folder).state_dict()
        frozen = tuple(f"encoders.{n}." for n, part in enumerate(self.recipe.encoders) if part.name in self.frozen)
        with torch.no_grad():
            for key, parameter in copied.named_parameters():
                if not key.startswith(frozen):
                    parameter.copy_(fresh[key])
        return copied

    @property
    def rerank(self) -> str | None:
        """Return the stage of reranking that the recipe names."""
        return self.recipe.rerank

    @property
    def channels(self) -> Sequence[Channel]:
        """Return the channels that are compared separately; empty when whole vectors are compared by cosine."""
        channels: Sequence[Channel] = self.fusion.channels
        return channels

    @property
    def own_similarity(self) -> Similarity | None:
        """Return the fusion's own similarity, or None when an inner product gives the same scores."""
        return None if self.fusion.by_inner_product else self.similarity

    @torch.inference_mode()
    def similarity(self, queries: NDArray[np.float32], gallery: NDArray[np.float32]) -> NDArray[np.float32]:
        """Score vectors (Q, D) against vectors (N, D) by the fusion's own similarity: (Q, N)."""
        sides = (torch.from_numpy(np.array(vectors)).to(self.device) for vectors in (queries, gallery))
        return np.asarray(self.fusion.similarity(*sides).cpu().numpy(), dtype=np.float32)

    @property
    def frozen(self) -> tuple[str, ...]:
        """Return the names of the encoders that are not trained."""
        return self.recipe.training.frozen

    @property
    def digest(self) -> str:
        """Return a content hash (hex) of all tensors and vector options: equal digests give equal vectors."""
        digest = hashlib.blake2b(self.recipe.of_vectors.encode(), digest_size=16)
        digests.update_with_tensors(digest, self.state_dict())
        return digest.hexdigest()

    def _encoders(self) -> list[Encoder]:
        return [encoder for encoder in self.encoders if isinstance(encoder, Encoder)]


def _fusion(recipe: Recipe, sizes: Mapping[str, int]) -> Fusion:
    fusion: Fusion = variants.make("fusions", recipe.fusion.name, **sizes, **recipe.fusion.options)
    return fusion


def provenance_of(folder: Path) -> dict[str, Any]:
    """Return what a model's folder tells of its run; {} when it is missing or damaged, since a model runs without."""
    try:
        provenance = json.loads((folder / PROVENANCE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return provenance if isinstance(provenance, dict) else {}


def to_device(batch: Batch, device: torch.device) -> Batch:
    """Return the batch on a device."""
    return {key: tensor.to(device, non_blocking=True) for key, tensor in batch.items()}


def joined(outputs: Sequence[Encoded]) -> Encoded:
    """Join the outputs of several encoders; a side that several encode gets their vectors concatenated."""
    return Encoded(
        image=_join([output.image for output in outputs if output.image is not None]),
        text=_join([output.text for output in outputs if output.text is not None]),
    )


def _strip(batch: Batch, n: int) -> Batch:
    prefix = f"{n}."
    return {key.removeprefix(prefix): tensor for key, tensor in batch.items() if key.startswith(prefix)}


def _width(encoders: Sequence[Encoder], side: str) -> int:
    return sum(encoder.dim for encoder in encoders if side in encoder.reads)


def _join(sides: Sequence[Features]) -> Features | None:
    """Concatenate one side's vectors; tokens are kept only when a single encoder gives them."""
    if len(sides) < 2:
        return sides[0] if sides else None
    return Features(torch.cat([side.vector for side in sides], dim=-1), present=sides[0].present)
