"""Values of a recipe that are set from outside, as by `--set training.learning_rate=0.001`."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from twinlens.core import plugins, variants
from twinlens.core.recipe import Recipe
from twinlens.core.types import TwinlensError

_NAME = "name"


def with_overrides(recipe: Recipe, given: Sequence[str]) -> Recipe:
    """Return a recipe with some values replaced, each given as KEY=VALUE.

    A key is the path to a value, such as `training.epochs` or `encoders.0.dim`; a value is written as in TOML, and text
    needs no quotes. Another name of a variant drops the options of the one before. Plug-ins are loaded, by paths that
    are relative to the working folder. Raises TwinlensError for an unknown key, with the known ones, and a wrong value.
    """
    if not given:
        return recipe
    content = recipe.model_dump(mode="json", exclude_none=True)
    pairs = [_pair(text) for text in given]
    for keys, value in sorted(pairs, key=lambda pair: pair[0][-1] != _NAME):  # names first, then their options
        _put(content, keys, value)
    plugins.use_in(content, folder=Path())
    changed = Recipe.of(content, source=f"--set {' '.join(given)}")
    variants.check_options("fusions", changed.fusion.name, changed.fusion.options)
    for part in changed.encoders:
        variants.check_options("encoders", part.name, part.options)
    return changed


def _pair(text: str) -> tuple[list[str], Any]:
    key, equals, value = text.partition("=")
    if not equals or not all(keys := key.strip().split(".")):
        raise TwinlensError(f"--set wants KEY=VALUE, such as training.epochs=5, not {text!r}")
    return keys, _value(value.strip())


def _value(text: str) -> Any:
    """Read a value of TOML; a number may begin or end with its point, and what is none of these is text."""
    for read in (lambda: tomllib.loads(f"value = {text}")["value"], lambda: float(text)):
        try:
            return read()
        except ValueError:
            continue
    return text


def _put(content: dict[str, Any], keys: Sequence[str], value: Any) -> None:
    table: Any = content
    for depth, key in enumerate(keys[:-1]):
        if isinstance(table, dict):
            table = table.setdefault(key, {})
        elif isinstance(table, list) and key.isdecimal() and int(key) < len(table):
            table = table[int(key)]
        else:
            raise TwinlensError(f"--set {'.'.join(keys)}: {'.'.join(keys[:depth])} has no {key!r}")
    if not isinstance(table, dict):
        raise TwinlensError(f"--set {'.'.join(keys)}: {'.'.join(keys[:-1])} is no table of keys and values")
    if keys[-1] == _NAME and len(keys) > 1 and table.get(_NAME) != value:
        table.clear()
    table[keys[-1]] = value
