"""The parts of a composer as torch modules, and as files for ONNX Runtime."""

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
from torch import Tensor, nn

from twinlens.core.types import Arrays, Encoded, Features, Sample
from twinlens.encoders import Encoder
from twinlens.fusions import Fusion
from twinlens.models.composer import Composer, joined
from twinlens.models.runtime.parts import VECTORS, Tower, head_name, stacked

Grid = tuple[int, int] | None
_SIDES = ("image", "text")
_TENSORS = tuple(field.name for field in fields(Features) if field.name != "grid")


class TowerModule(nn.Module):
    """An encoder whose arrays and features are positional, in the order of `Tower.inputs` and `Tower.outputs`."""

    def __init__(self, encoder: nn.Module, inputs: Sequence[str]) -> None:
        super().__init__()
        self.encoder, self.keys = encoder, [key.partition(".")[2] for key in inputs]

    def forward(self, *arrays: Tensor) -> tuple[Tensor, ...]:
        """Features (B, …) of arrays (B, …)."""
        encoded: Encoded = self.encoder(dict(zip(self.keys, arrays, strict=True)))
        return tuple(flat(encoded).values())


class HeadModule(nn.Module):
    """What joins the features of some towers into unit vectors; takes them in the order of the towers' outputs."""

    def __init__(self, fusion: Fusion, names: Sequence[str], grids: Mapping[str, Grid]) -> None:
        super().__init__()
        self.fusion, self.names, self.grids = fusion, list(names), dict(grids)

    def forward(self, *features: Tensor) -> tuple[Tensor]:
        """Unit vectors (B, D)."""
        outputs = []
        for _, group in itertools.groupby(zip(self.names, features, strict=True), lambda pair: pair[0].split(".")[0]):
            named = dict(group)
            sides = {side: self._side(named, side) for side in _SIDES}
            outputs.append(Encoded(**sides))
        both = joined(outputs)
        return (self.fusion(both.image, both.text),)

    def _side(self, named: Mapping[str, Tensor], side: str) -> Features | None:
        tensors = {name.split(".")[2]: tensor for name, tensor in named.items() if name.split(".")[1] == side}
        number = next(iter(named)).split(".")[0]
        return Features(**tensors, grid=self.grids.get(f"{number}.{side}")) if tensors else None


class TorchPart:
    """A part as torch runs it: in float32, or in bfloat16 where that is exact enough; on the CPU or a GPU."""

    def __init__(self, module: nn.Module, inputs: Sequence[str], outputs: Sequence[str], *, half: bool = False) -> None:
        self.module, self.inputs, self.outputs, self.half = module, inputs, outputs, half
        self.device = next(module.parameters(), torch.empty(0)).device

    @torch.inference_mode()
    def __call__(self, arrays: Arrays) -> Arrays:
        """Named outputs (B, …) of named inputs (B, …); floating ones in float32."""
        tensors = [torch.from_numpy(np.asarray(arrays[name])).to(self.device) for name in self.inputs]
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.half):
            found = self.module(*tensors)
        return {name: _array(tensor) for name, tensor in zip(self.outputs, found, strict=True)}


def modules(composer: Composer, sample: Arrays) -> tuple[list[Tower], dict[str, TorchPart]]:
    """The towers of a composer and all its parts by name, found out with stacked arrays (B, …)."""
    towers, parts, grids = [], dict[str, TorchPart](), dict[str, Grid]()
    for n, encoder in enumerate(composer.encoders):
        assert isinstance(encoder, Encoder)
        inputs = tuple(key for key in sample if key.startswith(f"{n}."))
        encoded = _tried(encoder, {key.partition(".")[2]: sample[key] for key in inputs})
        grids |= {f"{n}.{side}": features.grid for side in _SIDES if (features := getattr(encoded, side)) is not None}
        outputs = tuple(f"{n}.{name}" for name in flat(encoded))
        towers.append(Tower(str(n), n, tuple(sorted(encoder.reads)), inputs, outputs))
        parts[str(n)] = TorchPart(TowerModule(encoder, inputs), inputs, outputs)
    assert isinstance(composer.fusion, Fusion)
    for some in _together(towers):
        names = [name for tower in some for name in tower.outputs]
        parts[head_name(some)] = TorchPart(HeadModule(composer.fusion, names, grids), names, [VECTORS])
    return towers, parts


def torch_parts(composer: Composer) -> dict[str, TorchPart]:
    """All parts of a composer as plain torch runs them."""
    return modules(composer, stacked([composer.prepare(Sample("", None, "some words"))] * 2, trims=False))[1]


def as_way(part: TorchPart, way: str) -> TorchPart:
    """A plain part run another way of torch's: "bf16", "cuda"; any other name leaves it plain."""
    if way == "cuda":
        return TorchPart(copy.deepcopy(part.module).cuda(), part.inputs, part.outputs)
    return TorchPart(part.module, part.inputs, part.outputs, half=way == "bf16")


def flat(encoded: Encoded) -> dict[str, Tensor]:
    """The tensors of both sides: "image.vector" → (B, D) and so on, always in one order."""
    named = {f"{side}.{name}": getattr(getattr(encoded, side), name, None) for side in _SIDES for name in _TENSORS}
    return {name: tensor for name, tensor in named.items() if tensor is not None}


def export(part: TorchPart, arrays: Arrays, file: Path) -> str | None:
    """Write a part as an ONNX graph that takes batches of any size; says why where that cannot be done.

    arrays: an example of its inputs (B, …) with B ≥ 2; the second dimension of words varies too.
    """
    free = torch.export.Dim.DYNAMIC
    shapes = tuple({0: free, 1: free} if _varies(name, arrays[name]) else {0: free} for name in part.inputs)
    example = tuple(torch.from_numpy(np.array(arrays[name])) for name in part.inputs)
    try:
        with _quiet(), torch.no_grad():
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
            program.save(file)
    except Exception as error:  # the exporter raises whatever it likes for what it does not know
        file.unlink(missing_ok=True)
        return (str(error).strip().splitlines() or [type(error).__name__])[0]
    return None


def _varies(name: str, array: NDArray[np.generic]) -> bool:
    """Whether the second dimension is the length of the batch's longest text."""
    of_text = name.split(".")[1] == "text" and not name.endswith("vector")
    return array.ndim > 1 and (of_text or name.endswith(("words", "words_mask")))


def _together(towers: Sequence[Tower]) -> Iterator[list[Tower]]:
    """Which towers may run for one batch: all, or those that are left where no sample has a picture, or a text."""
    seen = set()
    for missing in (None, "image", "text"):
        some = [tower for tower in towers if tower.reads != (missing,)]
        if some and head_name(some) not in seen:
            seen.add(head_name(some))
            yield some


@torch.inference_mode()
def _tried(encoder: Encoder, arrays: Arrays) -> Encoded:
    encoded: Encoded = encoder({key: torch.from_numpy(np.asarray(array)) for key, array in arrays.items()})
    return encoded


def _array(tensor: Tensor) -> NDArray[np.generic]:
    return (tensor.float() if tensor.is_floating_point() else tensor).cpu().numpy()


@contextmanager
def _quiet() -> Iterator[None]:
    """Without what the exporter prints and warns of: a part that it cannot export is told by its reason."""
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
