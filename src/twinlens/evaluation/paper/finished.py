"""Finished repeats of protocol A as small JSON files, from which a later run on any machine goes on."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from twinlens.core.atomic import whole_file
from twinlens.core.recipe import Recipe
from twinlens.core.types import Dataset, TwinlensError
from twinlens.training import feature_cache

FORMAT = 3
"""Version of the measures; another number runs all repeats anew."""


def key_of(recipe: Recipe, dataset: Dataset) -> str:
    """Hash all that decides a repeat but its seed: measures, recipe, ids, pictures, sentences and their relations.

    The pictures' folder, the recipe's name and description, and settings left at their defaults do not count.
    """
    settings = recipe.model_dump(mode="json", exclude={"name", "description", "rerank"}, exclude_defaults=True)
    digest = hashlib.blake2b(json.dumps([FORMAT, settings], sort_keys=True).encode(), digest_size=16)
    feature_cache.take_dataset(digest, dataset)
    return digest.hexdigest()


def read(folder: Path, seed: int, key: str) -> dict[str, Any] | None:
    """Read a repeat; None if its file is missing or damaged. Raises TwinlensError if its key is another."""
    file = folder / f"{seed}.json"
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
        its_key, values = found["key"], found["values"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    if its_key != key:
        raise TwinlensError(f"{file} is a repeat of another recipe or dataset; give another folder with --runs")
    finished: dict[str, Any] = values
    return finished


def write(folder: Path, seed: int, key: str, values: dict[str, Any], *, recipe: str, seconds: float) -> None:
    """Write a repeat: complete or not at all."""
    record = {"key": key, "recipe": recipe, "seed": seed, "seconds": round(seconds), "values": values}
    with whole_file(folder / f"{seed}.json") as draft:
        draft.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
