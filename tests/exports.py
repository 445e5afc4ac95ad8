"""Exported CLIPs in the layouts of others, made of the tests' own random checkpoints."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import onnx
import torch
from torch import Tensor, nn
from transformers import AutoModel

MEAN, DEVIATION = [0.5, 0.4, 0.3], [0.2, 0.3, 0.25]
SIZE, LENGTH = 32, 12


class Pictures(nn.Module):
    def __init__(self, network: Any, *, unit: bool) -> None:
        super().__init__()
        self.network, self.unit = network, unit

    def forward(self, pixels: Tensor) -> Tensor:
        vectors = self.network.get_image_features(pixel_values=pixels).pooler_output
        return nn.functional.normalize(vectors, dim=-1) if self.unit else vectors


class Texts(nn.Module):
    def __init__(self, network: Any, *, unit: bool) -> None:
        super().__init__()
        self.network, self.unit = network, unit

    def forward(self, words: Tensor) -> Tensor:
        vectors = self.network.get_text_features(input_ids=words).pooler_output
        return nn.functional.normalize(vectors, dim=-1) if self.unit else vectors


def graph(module: nn.Module, example: Tensor, file: Path, names: tuple[str, str], *, rows: bool) -> None:
    """Write a graph of one input and one output, for one row or for any number of them."""
    file.parent.mkdir(parents=True, exist_ok=True)
    shapes = ({0: torch.export.Dim.DYNAMIC},) if rows else None
    program = torch.onnx.export(
        module.eval(),
        (example.repeat(2, *[1] * (example.ndim - 1)) if rows else example,),
        dynamo=True,
        dynamic_shapes=shapes,
        input_names=[names[0]],
        output_names=["the_result"],
        verbose=False,
    )
    assert program is not None
    program.save(file)
    onnx.save(renamed(onnx.load(file), {names[1]: "inner_one", "the_result": names[1]}), file)


def renamed(model: onnx.ModelProto, names: dict[str, str]) -> onnx.ModelProto:
    """The same graph with other names of values; the exporter's own may be those that are wanted."""
    for node in model.graph.node:
        for places in (node.input, node.output):
            places[:] = [names.get(name, name) for name in places]
    for value in (*model.graph.output, *model.graph.value_info, *model.graph.initializer):
        value.name = names.get(value.name, value.name)
    return model


def immich(folder: Path, checkpoint: str, *, size: int = SIZE, length: int = LENGTH) -> str:
    """The layout of Immich: graphs of one row, whose vectors have unit length; the folder as a name."""
    network = AutoModel.from_pretrained(checkpoint)
    pixels = torch.zeros(1, 3, size, size)
    graph(Pictures(network, unit=True), pixels, folder / "visual" / "model.onnx", ("image", "embedding"), rows=False)
    words = torch.ones(1, length, dtype=torch.int32)
    graph(Texts(network, unit=True), words, folder / "textual" / "model.onnx", ("text", "embedding"), rows=False)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(Path(checkpoint) / name, folder / "textual" / name)
    pictures = {"size": [size, size], "mode": "RGB", "mean": MEAN, "std": DEVIATION, "interpolation": "bicubic"}
    (folder / "visual" / "preprocess_cfg.json").write_text(json.dumps({**pictures, "resize_mode": "shortest"}))
    (folder / "config.json").write_text(json.dumps({"embed_dim": 20, "text_cfg": {"context_length": length}}))
    return str(folder)


def transformers_js(folder: Path, checkpoint: str) -> str:
    """The layout of Transformers.js: graphs of any number of rows beside transformers' own configuration files."""
    network, siglip = AutoModel.from_pretrained(checkpoint), "siglip" in checkpoint
    outputs = ("pooler_output", "pooler_output") if siglip else ("image_embeds", "text_embeds")
    pixels, words = torch.zeros(1, 3, SIZE, SIZE), torch.ones(1, LENGTH, dtype=torch.int64)
    place = folder / "onnx"
    graph(Pictures(network, unit=False), pixels, place / "vision_model.onnx", ("pixel_values", outputs[0]), rows=True)
    graph(Texts(network, unit=False), words, place / "text_model.onnx", ("input_ids", outputs[1]), rows=True)
    for path in Path(checkpoint).glob("*.json"):
        shutil.copy(path, folder / path.name)
    return str(folder)
