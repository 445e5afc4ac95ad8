"""One graph of each network for all processes of a run: torch takes seconds to export a toy, and many tests do.

The same network gives the same graph for all examples of a shape, as torch traces it without their numbers: the first
test that exports it makes the graph, the others get a copy. Where a number, a setting or the code of a network differs,
it is another one. One that cannot be pickled is always exported, and so is one after a failure.
"""

from __future__ import annotations

import hashlib
import io
import pickle
from dataclasses import dataclass
from pathlib import Path
from types import CodeType
from typing import Any

import onnx_ir
import pytest
import torch.onnx
from filelock import FileLock
from tokenizers import Tokenizer
from torch import Tensor, nn


@dataclass(frozen=True)
class Kept:
    """What an export returns, as far as it is used: a graph whose parts can be named, and saved."""

    model: onnx_ir.Model

    def save(self, file: Path) -> None:
        onnx_ir.save(self.model, file)


def keep(patch: pytest.MonkeyPatch, run: Path) -> None:
    """Let `torch.onnx.export` keep graphs below the temporary folder of all processes of a run."""
    folder, export = run / "graphs", torch.onnx.export
    folder.mkdir(exist_ok=True)

    def kept(module: nn.Module, example: tuple[Tensor, ...], **options: Any) -> Any:
        try:
            name = digest(module, example, options, run)
        except Exception:  # what cannot be pickled says so by errors of many kinds
            return export(module, example, **options)
        file = folder / f"{name}.onnx"
        with FileLock(folder / f"{name}.lock"):
            if not file.exists():
                draft = folder / f"{name}.new"
                export(module, example, **options).save(draft)
                draft.rename(file)
        return Kept(onnx_ir.load(file))

    patch.setattr(torch.onnx, "export", kept)


def digest(module: nn.Module, example: tuple[Tensor, ...], options: dict[str, Any], run: Path) -> str:
    """Hash all that decides a graph."""
    shapes = [(tuple(tensor.shape), str(tensor.dtype)) for tensor in example]
    code = [_code(type(part)) for part in module.modules()]
    written = io.BytesIO()
    _Pickler(written, str(run)).dump((module, code, shapes, repr(sorted(options.items()))))
    return hashlib.blake2b(written.getbuffer(), digest_size=16).hexdigest()


def _code(kind: type[nn.Module]) -> tuple[object, ...]:
    code = kind.forward.__code__
    return code.co_code, code.co_names, [value for value in code.co_consts if not isinstance(value, CodeType)]


class _Pickler(pickle.Pickler):
    """Pickles tensors by their numbers, without addresses, and none of what no graph has: folders and tokenizers."""

    def __init__(self, file: io.BytesIO, run: str) -> None:
        super().__init__(file)
        self.run = run

    def persistent_id(self, value: Any) -> object:
        if isinstance(value, Tokenizer):
            return "tokenizer"
        if isinstance(value, set | frozenset):
            return sorted(map(repr, value))  # another order in each process
        return "folder" if isinstance(value, str) and value.startswith(self.run) else None

    def reducer_override(self, value: Any) -> Any:
        if isinstance(value, Tensor):
            return type(value), (str(value.dtype), tuple(value.shape), value.detach().numpy().tobytes())
        return NotImplemented
