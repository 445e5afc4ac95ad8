"""The layout of Transformers.js: graphs in `onnx/`, configuration files as those of transformers."""

from __future__ import annotations

from typing import Any

from twinlens.core.source import Source
from twinlens.models.exported.layouts import Layout, Tower
from twinlens.models.exported.layouts._json import padding, read_json
from twinlens.preparation.square import Square

PRECISIONS = ("", "_fp16", "_quantized", "_int8", "_uint8")
"""Endings of the graphs' names; the first that both towers have is taken."""
TOKENIZER = "tokenizer.json"
_VECTORS = ("pooler_output",)  # of SigLIP
_LONGEST = 1024  # a tokenizer's configuration has a huge number where it does not know
_LENGTHS = {"clip": 77, "siglip": 64}
"""Tokens of a text by the checkpoint's kind, which configurations leave out where it is the usual number."""


def fits(source: Source) -> bool:
    """Return True if both graphs are there in one precision."""
    return _precision(source) is not None


def read(source: Source) -> Layout:
    """Read the configuration files. Raises TwinlensError."""
    ending = _precision(source)
    config, names = read_json(source, "config.json"), read_json(source, "tokenizer_config.json")
    pictures = read_json(source, "preprocessor_config.json")
    normalises = pictures.get("do_normalize", True)
    siglip = str(config.get("model_type", "")).startswith("siglip")
    return Layout(
        image=Tower(_file("vision", ending), ("pixel_values",), ("image_embeds", *_VECTORS)),
        text=Tower(_file("text", ending), ("input_ids",), ("text_embeds", *_VECTORS)),
        square=Square.of_processor(pictures),
        mean=tuple(pictures["image_mean"]) if normalises else (0.0,) * 3,
        deviation=tuple(pictures["image_std"]) if normalises else (1.0,) * 3,
        tokenizer=TOKENIZER,
        words={
            "max_tokens": _length(config, names),
            "pad": padding(source, TOKENIZER, names),
            "lower": siglip,
        },
    )


def _precision(source: Source) -> str | None:
    files = ((_file("vision", ending), _file("text", ending), ending) for ending in PRECISIONS)
    return next((ending for image, text, ending in files if source.has(image) and source.has(text)), None)


def _file(tower: str, ending: str | None) -> str:
    return f"onnx/{tower}_model{ending or ''}.onnx"


def _length(config: dict[str, Any], names: dict[str, Any]) -> int:
    given = (config.get("text_config") or {}).get("max_position_embeddings")
    longest = names.get("model_max_length")
    if given is None and isinstance(longest, int) and longest <= _LONGEST:
        given = longest
    return int(given or _LENGTHS.get(str(config.get("model_type")), _LENGTHS["clip"]))
