"""Features of frozen encoders, computed once and kept on disk by content: training then costs the fusion alone.

A shard is one safetensors file with the features of up to `SHARD` samples and their keys, written beside and renamed,
so that a kill leaves no half of one. Shards are read through the page cache: processes share them, memory stays small.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self, TypeVar

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor

from twinlens.core import digests
from twinlens.core.atomic import whole_file
from twinlens.core.batches import stack_tensors
from twinlens.core.progress import bar
from twinlens.core.recipe import Variant
from twinlens.core.types import Arrays, Batch, Dataset, Encoded, Features, Picture, Sample, TwinlensError
from twinlens.encoders import Encoder
from twinlens.media import content
from twinlens.media.content import HashedPicture
from twinlens.models.composer import Composer, to_device
from twinlens.version import __version__

SHARD, BATCH = 4096, 64
T = TypeVar("T")
_KEYS = "keys"
_SIDES = ("image", "text")
_TENSORS = ("vector", "tokens", "mask", "present", "boxes")
_NOTHING = Sample("", None, "")


def keyed(samples: Iterable[Sample]) -> tuple[Sample, ...]:
    """Replace every picture by a `HashedPicture`; a picture that several samples share is read once."""
    known: dict[int, tuple[Picture, HashedPicture]] = {}  # holds the picture, so that no other can take its id

    def key(picture: Picture) -> HashedPicture:
        if isinstance(picture, HashedPicture):
            return picture
        if id(picture) not in known:
            known[id(picture)] = picture, HashedPicture(picture, content.key(picture))
        return known[id(picture)][1]

    return tuple(s if s.image is None else replace(s, image=key(s.image)) for s in samples)


def sample_key(sample: Sample, reads: frozenset[str] = frozenset(_SIDES)) -> bytes:
    """16 bytes for the content of the sides in `reads`: a picture's pixels or file, a text's letters, never the id."""
    digest = hashlib.blake2b(digest_size=16)
    if "image" in reads and sample.image is not None:
        digest.update(content.key(sample.image))
    if "text" in reads:
        digest.update(b"\0" + sample.text.encode())
    return digest.digest()


def take_dataset(digest: hashlib.blake2b, dataset: Dataset) -> None:
    """Let a digest take in a dataset: every sample's id and content, and all that is known about them."""
    for sample in (*dataset.queries, *dataset.gallery):
        digest.update(sample.id.encode() + sample_key(sample))
    for known in (dataset.relevant, dataset.ignore, dataset.rejected):
        digest.update(repr([(query, sorted(ids)) for query, ids in sorted(known.items())]).encode())
    for key_of in (dataset.groups, dataset.siblings):
        digest.update(repr(sorted(key_of.items())).encode())


def encoder_digest(part: Variant, encoder: Encoder) -> str:
    """Return a content hash (hex) of an encoder: options, tensors, vocabulary, and the version of twinlens."""
    if isinstance(encoder, CachedEncoder):
        return encoder.shards.folder.name
    digest = hashlib.blake2b(f"{__version__} {part.model_dump_json()}".encode(), digest_size=16)
    digests.update_with_tensors(digest, encoder.state_dict())
    with tempfile.TemporaryDirectory() as folder:
        encoder.save_assets(Path(folder))
        for path in sorted(p for p in Path(folder).rglob("*") if p.is_file()):
            digest.update(path.read_bytes())
    return digest.hexdigest()


def cache_features(composer: Composer, samples: Sequence[Sample], folder: Path, *, progress: bool = False) -> Composer:
    """Replace a composer's frozen encoders by cached features of these samples, kept in `folder`.

    What is not there yet is computed and written first. Fusion and trained encoders are the composer's own, so that
    training the answer trains the composer. The answer knows no other samples; one that is empty it always knows.
    """
    encoders = parts_of(composer)
    for n, part in enumerate(composer.recipe.encoders):
        if part.name in composer.frozen:
            shards = Shards.open(folder / encoder_digest(part, encoders[n]))
            shards.add(encoders[n], [*samples, _NOTHING], progress=progress)
            encoders[n] = CachedEncoder(encoders[n].reads, encoders[n].dim, shards)
    return type(composer)(composer.recipe, encoders, composer.fusion)


def cache_sides(composer: Composer, samples: Sequence[Sample], folder: Path) -> Composer:
    """Replace encoders of one side by cached features of these samples: each picture and text is encoded once.

    Fusion, and encoders that need both sides, are the composer's own. The answer knows the sides of no other samples;
    one that is missing it always knows.
    """
    samples = keyed(samples)

    def cached(encoder: Encoder) -> CachedEncoder:
        shards = Shards.open(Path(tempfile.mkdtemp(dir=folder)))
        shards.add(encoder, [*samples, _NOTHING])
        return CachedEncoder(encoder.reads, encoder.dim, shards)

    encoders = [encoder.with_sides(cached) for encoder in parts_of(composer)]
    return type(composer)(composer.recipe, encoders, composer.fusion)


def parts_of(composer: Composer) -> list[Encoder]:
    """List a composer's encoders, in the recipe's order."""
    return [encoder for encoder in composer.encoders if isinstance(encoder, Encoder)]


class CachedEncoder(Encoder):
    """Stands in for a frozen encoder by the features of the samples in its shards. It has no weights."""

    def __init__(self, reads: frozenset[str], dim: int, shards: Shards) -> None:
        super().__init__()
        self.reads, self.dim, self.shards = reads, dim, shards

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        """Return itself: a copy could change nothing in it."""
        return self

    def prepare(self, sample: Sample) -> Arrays:
        """Return place (2,) int64: shard and row. Raises TwinlensError for a sample whose features are not cached."""
        place = self.shards.places.get(sample_key(sample, self.reads))
        if place is None:
            raise TwinlensError(f"the features of {sample.id!r} were not computed; remember it with the others")
        return {"place": np.array(place, dtype=np.int64)}

    def forward(self, batch: Batch) -> Encoded:
        """Return the encoder's features, without gradients."""
        places = batch["place"]
        sides = {name: self.shards.gather(name, places.cpu(), places.device) for name in _SIDES}
        return Encoded(**sides)


@dataclass
class Shards:
    """The features of one encoder on disk: tensors of each shard, the grids of its maps, and key → (shard, row)."""

    folder: Path
    tensors: list[dict[str, Tensor]]
    grids: dict[str, tuple[int, int]]
    places: dict[bytes, tuple[int, int]]

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Open the shards of an encoder. Raises TwinlensError that names a damaged file."""
        shards = cls(folder, [], {}, {})
        for path in sorted(folder.glob("*.safetensors")):
            shards._take(path)
        return shards

    def __reduce__(self) -> tuple[Any, ...]:
        """Let another process open the same files."""
        return type(self).open, (self.folder,)

    def add(self, encoder: Encoder, samples: Sequence[Sample], *, progress: bool = False) -> None:
        """Compute and write the features of those samples that are not there yet."""
        wanted = {sample_key(sample, encoder.reads): sample for sample in samples}
        missing = [(key, sample) for key, sample in wanted.items() if key not in self.places]
        with bar("features", len(missing), unit="samples", progress=progress and bool(missing)) as advance:
            for part in _parts(missing, SHARD):
                outputs = []
                for few in _parts(part, BATCH):
                    outputs.append(_encoded(encoder, [sample for _, sample in few]))
                    advance(len(few))
                self._take(self._write([key for key, _ in part], outputs))

    def gather(self, side: str, places: Tensor, device: torch.device) -> Features | None:
        """Return one side of the samples at places (B, 2), or None where the encoder has no such side."""
        found = {name: self._rows(f"{side}.{name}", places) for name in _TENSORS}
        on_device = {name: tensor.to(device) for name, tensor in found.items() if tensor is not None}
        return Features(**on_device, grid=self.grids.get(side)) if on_device else None

    def _rows(self, name: str, places: Tensor) -> Tensor | None:
        """Return rows of one tensor, those of shards with shorter texts padded with zeros."""
        numbers = np.unique(places[:, 0].numpy()).tolist()
        if any(name not in self.tensors[number] for number in numbers):
            return None
        members = [(places[:, 0] == number).nonzero().squeeze(1) for number in numbers]
        parts = [self.tensors[number][name][places[rows, 1]] for number, rows in zip(numbers, members, strict=True)]
        return _stacked(parts)[torch.cat(members).argsort()]

    def _take(self, path: Path) -> None:
        try:
            tensors = load_file(path)
            with safe_open(path, framework="pt") as file:
                grids = json.loads((file.metadata() or {})["grids"])
        except (SafetensorError, OSError, KeyError, ValueError) as error:
            raise TwinlensError(f"{path} is damaged; delete it, and its features are computed again") from error
        for row, key in enumerate(tensors.pop(_KEYS).numpy()):
            self.places[key.tobytes()] = len(self.tensors), row
        self.grids |= {side: (rows, columns) for side, (rows, columns) in grids.items()}
        self.tensors.append(tensors)

    def _write(self, keys: Sequence[bytes], outputs: Sequence[Encoded]) -> Path:
        """Write a shard under the hash of its keys: equal shards are the same file."""
        named = _by_name(outputs)
        tensors = {name: _stacked(parts).clone(memory_format=torch.contiguous_format) for name, parts in named.items()}
        tensors[_KEYS] = torch.from_numpy(np.frombuffer(b"".join(keys), dtype=np.uint8).reshape(-1, 16).copy())
        grids = {side: getattr(outputs[0], side).grid for side in _SIDES if getattr(outputs[0], side) is not None}
        metadata = {"grids": json.dumps({side: grid for side, grid in grids.items() if grid is not None})}
        path = self.folder / f"{hashlib.blake2b(b''.join(keys), digest_size=16).hexdigest()}.safetensors"
        with whole_file(path) as beside:
            save_file(tensors, beside, metadata=metadata)
        return path


@torch.inference_mode()
def _encoded(encoder: Encoder, samples: Sequence[Sample]) -> Encoded:
    was_training, device = encoder.training, next(encoder.parameters(), torch.empty(0)).device
    batch = stack_tensors([encoder.prepare(sample) for sample in samples])
    encoded: Encoded = encoder.eval()(to_device(batch, device))
    encoder.train(was_training)
    return encoded


def _parts(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    return (items[start : start + size] for start in range(0, len(items), size))


def _by_name(outputs: Sequence[Encoded]) -> dict[str, list[Tensor]]:
    """Collect the tensors of several batches by name: "image.vector" → [(B, D), …]."""
    named: dict[str, list[Tensor]] = {}
    for output in outputs:
        for side in _SIDES:
            for name in _TENSORS:
                tensor = getattr(getattr(output, side), name, None)
                if tensor is not None:
                    named.setdefault(f"{side}.{name}", []).append(tensor.cpu())
    return named


def _stacked(parts: Sequence[Tensor]) -> Tensor:
    """Concatenate rows; of tensors (B, L, …) the shorter ones are padded with zeros, where their mask is False."""
    if parts[0].ndim > 1 and len({part.shape[1] for part in parts}) > 1:
        length = max(part.shape[1] for part in parts)
        parts = [_padded(part, length) for part in parts]
    return parts[0] if len(parts) == 1 else torch.cat(list(parts))


def _padded(part: Tensor, length: int) -> Tensor:
    longer = part.new_zeros(part.shape[0], length, *part.shape[2:])
    longer[:, : part.shape[1]] = part
    return longer
