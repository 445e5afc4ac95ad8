"""Recipe: a pipeline as data, read from TOML without unknown keys and saved with its model."""

from __future__ import annotations

import json
import tomllib
from importlib import resources
from pathlib import Path
from typing import Any, Literal, Self

import tomli_w
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from twinlens.core import faults, plugins, suggestions
from twinlens.core.arguments import as_path, as_stage, as_text
from twinlens.core.types import TwinlensError

EXACT = {"name": "exact"}
"""The [index] table of recipes from earlier versions, which is accepted and dropped."""
NO_INDEX = "a recipe names no index; leave [index] out: collections search exactly, twinlens.indexes has the others"


class Variant(BaseModel):
    """A variant by its file name, with options that its constructor checks."""

    model_config = ConfigDict(extra="allow", frozen=True)
    name: str

    @property
    def options(self) -> dict[str, Any]:
        """Return all keys except the name."""
        return dict(self.model_extra or {})


class Training(BaseModel):
    """Settings of `training/loop.py`; lengths are in epochs over the training queries."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    epochs: int = Field(default=20, ge=1)
    batch_size: int = Field(default=64, ge=2)
    learning_rate: float = Field(default=1e-3, gt=0)
    weight_decay: float = Field(default=0.01, ge=0)
    warmup: float = Field(default=0.05, ge=0, le=1, description="share of all steps with a rising learning rate")
    rejected_per_query: int = Field(default=1, ge=0, description="hard negatives drawn for each query of a step")
    patience: int = Field(default=5, ge=1, description="epochs without a better validation score before stopping")
    validation: float = Field(default=0.1, gt=0, lt=1, description="share of groups held out for early stopping")
    frozen: tuple[str, ...] = Field(default=(), description="names of encoders that are not trained")
    precision: Literal["float32", "bfloat16"] = Field(default="float32", description="numbers that products take")


class Recipe(BaseModel):
    """A pipeline of encoders and a fusion that gives unit vectors, with its loss and training settings."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    name: str
    description: str = ""
    dim: int = Field(default=128, ge=1, description="width D of the shared space")
    encoders: tuple[Variant, ...] = Field(min_length=1)
    fusion: Variant
    rerank: str | None = Field(default=None, description="stage of reranking, NAME or NAME:N, that searches use")
    loss: Variant = Variant(name="batch_softmax")
    training: Training = Training()

    @field_validator("rerank")
    @classmethod
    def _is_stage(cls, given: str | None) -> str | None:
        if given is not None:
            as_stage("rerank", given)
        return given

    @classmethod
    def read(cls, path: Path | str) -> Self:
        """Read a recipe file of the user's, and load the plug-ins that it names; paths are relative to its folder.

        Raises TwinlensError naming the file, the key and the known keys, and for a plug-in that cannot be loaded.
        """
        path = as_path("the recipe", path)
        content = cls.read_saved(path).model_dump(mode="json", exclude_none=True)
        plugins.use_in(content, folder=path.parent)
        return cls.of(content, source=str(path))

    @classmethod
    def read_saved(cls, path: Path | str) -> Self:
        """Read a recipe file as `read` does, and load nothing: a model folder has no say about code."""
        path = as_path("the recipe", path)
        try:
            text = path.read_text(encoding="utf-8")
        except OSError as error:
            raise TwinlensError(f"cannot read the recipe {path}: {error.strerror}") from error
        except ValueError as error:
            raise TwinlensError(f"{path} is no recipe: it is not UTF-8") from error
        return cls.parse(text, source=str(path))

    @classmethod
    def parse(cls, text: str, *, source: str) -> Self:
        """Read a recipe from TOML text; `source` is named in errors."""
        as_text("a recipe", text)
        try:
            content = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            raise TwinlensError(f"{source} is not valid TOML: {error}") from error
        return cls.of(content, source=source)

    @classmethod
    def of(cls, content: dict[str, Any], *, source: str) -> Self:
        """Check the content of a recipe's TOML; `source` is named in errors."""
        if content.pop("index", EXACT) != EXACT:
            raise TwinlensError(f"{source}: {NO_INDEX}")
        try:
            return cls.model_validate(content)
        except ValidationError as error:
            raise TwinlensError(f"{source}: {_first_fault(cls, error)}") from error

    @property
    def of_vectors(self) -> str:
        """Return as JSON the keys that, besides the weights, determine a model's vectors."""
        content = self.model_dump(mode="json", include={"dim", "encoders", "fusion"})
        return json.dumps(content, sort_keys=True)

    def to_toml(self) -> str:
        """Return the recipe as TOML text, which `parse` reads back to an equal recipe."""
        return tomli_w.dumps(self.model_dump(mode="json", exclude_none=True))


def presets() -> list[str]:
    """Return the names of the shipped recipes."""
    folder = resources.files("twinlens") / "recipes"
    return sorted(f.name.removesuffix(".toml") for f in folder.iterdir() if f.name.endswith(".toml"))


def find_recipe(name_or_path: str | Path) -> Recipe:
    """Read a shipped recipe by name, or any recipe by the path of its TOML file."""
    name_or_path = str(as_path("the name of a recipe", name_or_path))
    if name_or_path.endswith(".toml"):
        return Recipe.read(Path(name_or_path))
    known = presets()
    if name_or_path not in known:
        raise TwinlensError(f"{suggestions.unknown('recipe', name_or_path, known)}, or the path of a .toml file")
    text = (resources.files("twinlens") / "recipes" / f"{name_or_path}.toml").read_text(encoding="utf-8")
    return Recipe.parse(text, source=f"recipe {name_or_path}")


def _first_fault(model: type[BaseModel], error: ValidationError) -> str:
    """Describe a validation's first fault in one line; for an unknown key, list the known keys at that place."""
    fault = error.errors()[0]
    key = ".".join(str(part) for part in fault["loc"])
    if fault["type"] != "extra_forbidden":
        return f"key {key!r} {faults.in_words(fault)}"
    known = list(_fields_at(model, fault["loc"][:-1]))
    close = suggestions.closest(str(fault["loc"][-1]), known)
    return f"unknown key {key!r}{close}; known: {suggestions.listing(known)}"


def _fields_at(model: type[BaseModel], path: tuple[int | str, ...]) -> list[str]:
    for part in path:
        annotation = model.model_fields[str(part)].annotation
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            model = annotation
    return list(model.model_fields)
