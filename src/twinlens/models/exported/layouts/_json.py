"""JSON files of checkpoints."""

from __future__ import annotations

import json
from typing import Any

from tokenizers import Tokenizer

from twinlens.core.source import Source
from twinlens.core.types import TwinlensError


def read_json(source: Source, file: str) -> dict[str, Any]:
    """Read an object. Raises TwinlensError where the file is missing or holds none."""
    path = source.file(file)
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise TwinlensError(f"{path} cannot be read: {error}") from error
    if not isinstance(content, dict):
        raise TwinlensError(f"{path} holds no object")
    return content


def padding(source: Source, tokenizer: str, config: dict[str, Any]) -> int:
    """Return the id of the padding token that the tokenizer's configuration names, 0 where it names none."""
    token = config.get("pad_token")
    token = token.get("content") if isinstance(token, dict) else token
    try:
        found = Tokenizer.from_file(str(source.file(tokenizer))).token_to_id(token) if token else None
    except TwinlensError:
        raise
    except Exception as error:  # the library raises bare Exception for every malformed file
        raise TwinlensError(f"{source.file(tokenizer)} is not a tokenizer file: {error}") from error
    return found or 0
