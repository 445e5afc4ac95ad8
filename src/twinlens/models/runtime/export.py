"""Export of a composer's parts: as torch modules with positional tensors, and as ONNX graphs."""

from __future__ import annotations

import contextlib
import copy
import io
import itertools
import logging
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from tokenizers import Tokenizer
from torch import Tensor, nn

from twinlens.core.types import Arrays, Encoded, Features, Sample
from twinlens.encoders import Encoder
from twinlens.fusions import Fusion
from twinlens.models.composer import Composer, joined
from twinlens.models.runtime.parts import GATE, VECTORS, Preparations, Tower, head_name, stacked
from twinlens.preparation import Preparation
from twinlens.preparation.absent import Absent
from twinlens.preparation.words import Words

Grid = tuple[int, int] | None
SENTENCES = ("A red CAR", "two dogs on a beach, one of them small and far away; it rains", "x", "")
"""Texts on which `preparations` checks that a tokenizer alone prepares sentences as the encoder does."""
_SIDES = ("image", "text")
_TENSORS = tuple(field.name for field in fields(Features) if field.name != "grid")


class TowerModule(nn.Module):
    """An encoder with positional arrays and features, in the order of `Tower.inputs` and `Tower.outputs`."""

    def __init__(self, encoder: nn.Module, inputs: Sequence[str]) -> None:
        super().__init__()
        self.encoder, self.keys = encoder, [key.partition(".")[2] for key in inputs]

    def forward(self, *arrays: Tensor) -> tuple[Tensor, ...]:
        """Return the features (B, …) of arrays (B, …)."""
        encoded: Encoded = self.encoder(dict(zip(self.keys, arrays, strict=True)))
        return tuple(flat(encoded).values())


class HeadModule(nn.Module):
    """A fusion of some towers' features into unit vectors; it takes them in the order of the towers' outputs.

    gated: the fusion's gate over the picture's map is a second output.
    """

    def __init__(self, fusion: Fusion, names: Sequence[str], grids: Mapping[str, Grid]) -> None:
        super().__init__()
        self.fusion, self.names, self.grids, self.gated = fusion, list(names), dict(grids), False

    def forward(self, *features: Tensor) -> tuple[Tensor, ...]:
        """Return the unit vectors (B, D), and the gate (B, H, W) if there is one."""
        both = self._encoded(features)
        vectors: Tensor = self.fusion(both.image, both.text)
        gate = self.fusion.gate_map(both.image, both.text) if self.gated else None
        return (vectors,) if gate is None else (vectors, gate)

    @torch.inference_mode()
    def has_gate(self, features: Mapping[str, Tensor]) -> bool:
        """Return True if the fusion has a gate over a map of more than one cell of the picture."""
        both, training = self._encoded([features[name] for name in self.names]), self.fusion.training
        gate = self.fusion.eval().gate_map(both.image, both.text) if both.image is not None else None
        self.fusion.train(training)
        return gate is not None and gate[0].numel() > 1

    def _encoded(self, features: Sequence[Tensor]) -> Encoded:
        outputs = []
        for _, group in itertools.groupby(zip(self.names, features, strict=True), lambda pair: pair[0].split(".")[0]):
            named = dict(group)
            sides = {side: self._side(named, side) for side in _SIDES}
            outputs.append(Encoded(**sides))
        return joined(outputs)

    def _side(self, named: Mapping[str, Tensor], side: str) -> Features | None:
        tensors = {name.split(".")[2]: tensor for name, tensor in named.items() if name.split(".")[1] == side}
        number = next(iter(named)).split(".")[0]
        return Features(**tensors, grid=self.grids.get(f"{number}.{side}")) if tensors else None


class TorchPart:
    """A part run by torch: in float32, or in bfloat16 if `half`; on the CPU or a GPU."""

    def __init__(self, module: nn.Module, inputs: Sequence[str], outputs: Sequence[str], *, half: bool = False) -> None:
        self.module, self.inputs, self.outputs, self.half = module, inputs, outputs, half
        self.device = next(module.parameters(), torch.empty(0)).device

    @torch.inference_mode()
    def __call__(self, arrays: Arrays) -> Arrays:
        """Return named outputs (B, …) of named inputs (B, …); floating ones in float32."""
        tensors = [torch.from_numpy(np.asarray(arrays[name])).to(self.device) for name in self.inputs]
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.half):
            outputs = self.module(*tensors)
        return {name: _array(tensor) for name, tensor in zip(self.outputs, outputs, strict=True)}


def modules(composer: Composer, sample: Arrays) -> tuple[list[Tower], dict[str, TorchPart]]:
    """Return the towers of a composer and all its parts by name; `sample` (stacked arrays) shows shapes."""
    towers, parts, grids, features = [], dict[str, TorchPart](), dict[str, Grid](), dict[str, Tensor]()
    for n, encoder in enumerate(composer.encoders):
        assert isinstance(encoder, Encoder)
        inputs = tuple(key for key in sample if key.startswith(f"{n}."))
        encoded = _tried(encoder, {key.partition(".")[2]: sample[key] for key in inputs})
        grids |= {f"{n}.{side}": found.grid for side in _SIDES if (found := getattr(encoded, side)) is not None}
        features |= {f"{n}.{name}": tensor for name, tensor in flat(encoded).items()}
        outputs = tuple(name for name in features if name.startswith(f"{n}."))
        towers.append(Tower(str(n), n, tuple(sorted(encoder.reads)), inputs, outputs))
        parts[str(n)] = TorchPart(TowerModule(encoder, inputs), inputs, outputs)
    assert isinstance(composer.fusion, Fusion)
    for some in _together(towers):
        names = [name for tower in some for name in tower.outputs]
        head = HeadModule(composer.fusion, names, grids)
        head.gated = head.has_gate(features)
        parts[head_name(some)] = TorchPart(head, names, [VECTORS, GATE] if head.gated else [VECTORS])
    return towers, parts


def torch_parts(composer: Composer) -> dict[str, TorchPart]:
    """Return all parts of a composer, by name, run by plain torch."""
    return modules(composer, stacked([composer.prepare(Sample("", None, "some words"))] * 2, trims=False))[1]


def as_way(part: TorchPart, way: str) -> TorchPart:
    """Return a plain part run in another way by torch: "bf16" or "cuda"; any other name leaves it plain."""
    if way == "cuda":
        return TorchPart(copy.deepcopy(part.module).cuda(), part.inputs, part.outputs)
    return TorchPart(part.module, part.inputs, part.outputs, half=way == "bf16")


def flat(encoded: Encoded) -> dict[str, Tensor]:
    """Flatten both sides into named tensors, always in one order: "image.vector" → (B, D) and so on."""
    named = {f"{side}.{name}": getattr(getattr(encoded, side), name, None) for side in _SIDES for name in _TENSORS}
    return {name: tensor for name, tensor in named.items() if tensor is not None}


def export(part: TorchPart, arrays: Arrays, file: Path) -> str | None:
    """Write a part as an ONNX graph for batches of any size; return the reason if it cannot be exported.

    arrays: an example of its inputs (B, …) with B ≥ 2; the second dimension of words is dynamic too.
    """
    dynamic = torch.export.Dim.DYNAMIC
    shapes = tuple({0: dynamic, 1: dynamic} if _varies(name, arrays[name]) else {0: dynamic} for name in part.inputs)
    example = tuple(torch.from_numpy(np.array(arrays[name])) for name in part.inputs)
    try:
        with quiet(), torch.no_grad():
            program = torch.onnx.export(
                part.module.eval(),
                example,
                dynamo=True,
                dynamic_shapes=(shapes,),
                input_names=list(part.inputs),
                output_names=list(part.outputs),
                verbose=False,
            )
            assert program is not None
            # torch 2.8 renames an input that is an output too.
            for given, name in zip(program.model.graph.inputs, part.inputs, strict=True):
                given.name = name
            program.save(file)
    except Exception as error:  # the exporter raises errors of many kinds for unsupported operators
        file.unlink(missing_ok=True)
        return (str(error).strip().splitlines() or [type(error).__name__])[0]
    return None


def _varies(name: str, array: NDArray[np.generic]) -> bool:
    """Return True if the second dimension is the length of the batch's longest text."""
    of_text = name.split(".")[1] == "text" and not name.endswith("vector")
    return array.ndim > 1 and (of_text or name.endswith(("words", "words_mask")))


def _together(towers: Sequence[Tower]) -> Iterator[list[Tower]]:
    """Yield the sets of towers that may run for a batch: all, or those left when every picture or text is missing."""
    names = set()
    for missing in (None, "image", "text"):
        running = [tower for tower in towers if tower.reads != (missing,)]
        if running and head_name(running) not in names:
            names.add(head_name(running))
            yield running


@torch.inference_mode()
def _tried(encoder: Encoder, arrays: Arrays) -> Encoded:
    encoded: Encoded = encoder({key: torch.from_numpy(np.asarray(array)) for key, array in arrays.items()})
    return encoded


def _array(tensor: Tensor) -> NDArray[np.generic]:
    return (tensor.float() if tensor.is_floating_point() else tensor).cpu().numpy()


@contextmanager
def quiet() -> Iterator[None]:
    """Silence the exporter's output and warnings; `export` returns the reason of a failure itself."""
    level = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        with (
            warnings.catch_warnings(),
            contextlib.redirect_stdout(io.StringIO()),
            contextlib.redirect_stderr(io.StringIO()),
        ):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(level)


def preparations(composer: Composer) -> tuple[Preparations | None, bool]:
    """Return what prepares samples for the encoders without torch, and True if that includes pictures.

    None where not even sentences can be prepared so.
    """
    encoders = [encoder for encoder in composer.encoders if isinstance(encoder, Encoder)]
    whole = [encoder.preparations() for encoder in encoders]
    found = [made or _of_sentences(encoder) for made, encoder in zip(whole, encoders, strict=True)]
    return (Preparations(found) if all(found) else None), all(whole)


def _of_sentences(encoder: Encoder) -> tuple[Preparation, ...]:
    """Return what prepares sentences alone as an encoder does: its tokenizer, and arrays of a missing picture."""
    reference, made = encoder.prepare(Sample("", None, "x")), list[Preparation]()
    if isinstance(tokenizer := getattr(encoder, "tokenizer", None), Tokenizer):
        made.append(Words(tokenizer, getattr(encoder, "max_tokens", 0)))
    encoded = made[0].prepare(Sample("", None)) if made else {}
    made.append(Absent({key: array for key, array in reference.items() if key not in encoded}))
    for text in SENTENCES:
        sample = Sample("", None, text)
        arrays = {key: array for one in made for key, array in one.prepare(sample).items()}
        if not _equal(arrays, encoder.prepare(sample)):
            return ()
    return tuple(made)


def _equal(one: Arrays, other: Arrays) -> bool:
    return one.keys() == other.keys() and all(np.array_equal(one[key], other[key]) for key in one)
