"""The layout of Immich, a photo server: `visual/` and `textual/`, exported from OpenCLIP."""

from __future__ import annotations

from typing import Any

from PIL import Image

from twinlens.core.source import Source
from twinlens.core.types import TwinlensError
from twinlens.models.exported.layouts import Layout, Tower
from twinlens.models.exported.layouts._json import padding, read_json
from twinlens.preparation.square import Fit, Square

VISUAL, TEXTUAL = "visual/model.onnx", "textual/model.onnx"
TOKENIZER = "textual/tokenizer.json"
_FITS: dict[str, Fit] = {"shortest": "crop", "squash": "stretch"}
_LENGTH = 77  # tokens of an OpenCLIP text, unless its configuration says otherwise


def fits(source: Source) -> bool:
    """Return True if both graphs are there."""
    return source.has(VISUAL) and source.has(TEXTUAL)


def read(source: Source) -> Layout:
    """Read the configuration files. Raises TwinlensError."""
    pictures, text = read_json(source, "visual/preprocess_cfg.json"), read_json(source, "config.json")["text_cfg"]
    names = read_json(source, "textual/tokenizer_config.json")
    canonical = (text.get("tokenizer_kwargs") or {}).get("clean") == "canonicalize"
    return Layout(
        image=Tower(VISUAL, ("image",), ("embedding", "image_embedding")),
        text=Tower(TEXTUAL, ("text", "input_ids"), ("embedding", "text_embedding")),
        square=_square(pictures),
        mean=tuple(pictures["mean"]),
        deviation=tuple(pictures["std"]),
        tokenizer=TOKENIZER,
        words={
            "max_tokens": int(text.get("context_length", _LENGTH)),
            "pad": padding(source, TOKENIZER, names),
            "lower": canonical,
            "spaces": True,
            "punctuation": not canonical,
        },
    )


def _square(pictures: dict[str, Any]) -> Square:
    size, mode = pictures["size"], pictures.get("resize_mode", "shortest")
    size = size if isinstance(size, list) else [size, size]
    if mode not in _FITS or size[0] != size[-1]:
        raise TwinlensError(f"it reads pictures of {size}, {mode}; known are squares, {' or '.join(_FITS)}")
    resample = Image.Resampling[str(pictures.get("interpolation", "bicubic")).upper()]
    return Square(int(size[0]), _FITS[mode], 0, int(resample))
