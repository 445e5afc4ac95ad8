"""The methods of a comparison: which fusions it trains, with which options of the recipe."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from twinlens.core import variants
from twinlens.core.recipe import Recipe, Variant
from twinlens.core.types import Features, TwinlensError
from twinlens.evaluation.baselines import LATE_FUSIONS, SINGLE_SIDES
from twinlens.fusions import Fusion

CELLWISE, MAPWISE, LEARNED = "cellwise", "mapwise", "learned"
"""Fusions that apply other fusions, and are no methods of their own."""
MEAN = "mean"
"""The untrained `REFERENCE` for sides of one space."""
READERS = ("match", "program")
"""Fusions that only the encoder `facts` suits, and that learn nothing; named, they are compared as well."""
MAP = "map"
"""Switch of a row: the method on the whole map, where the recipe composes cell by cell."""
AUXILIARY_LOSS = "auxiliary loss"
"""Among a method's deviations: its own term of the training loss."""
RESIDUAL_GATE = "gate+residual"
REFERENCE = "sum"
"""The fusion whose single sides, and their late fusions, are the baselines."""
UNTRAINED_GATE = "untrained_gate"
BASELINES = (*SINGLE_SIDES, *LATE_FUSIONS, UNTRAINED_GATE, REFERENCE)


@dataclass(frozen=True)
class Method:
    """A row of the table: a fusion, trained or with its initial weights.

    name: of the fusion, with its switches: "gate+residual" is `gate` with the option `residual` on, and "val+map" is
    `val` on the whole map. learning_rate: None for the recipe's.
    """

    name: str
    fusion: Variant
    trained: bool = True
    learning_rate: float | None = None


def fusions() -> list[str]:
    """List the names of all fusions that are compared by default."""
    return [name for name in variants.names("fusions") if name not in (CELLWISE, MAPWISE, LEARNED, MEAN, *READERS)]


def rows(recipe: Recipe) -> list[str]:
    """List all rows: every fusion, the gate with a residual, and fusions of maps on the whole map of a cellwise recipe.

    Cell by cell the convolutions and the attention of such a fusion have nothing to look at beside the cell.
    """
    single = [*fusions(), RESIDUAL_GATE]
    if recipe.fusion.name != CELLWISE:
        return single
    return [*single, *(f"{row}+{MAP}" for row in single if "cells" in _parameters(row.partition("+")[0]))]


def fusion_part(recipe: Recipe, row: str) -> Variant:
    """Return a row's fusion with those options of the recipe's own fusion that it knows, such as `dropout`.

    Where the recipe's fusion is `cellwise`, so is every other that composes vectors, or `mapwise` with the switch
    "map". Raises TwinlensError for an unknown fusion or switch.
    """
    name, *switches = row.split("+")
    known, fusion = _parameters(name), recipe.fusion
    whole, switched = MAP in switches, dict.fromkeys([switch for switch in switches if switch != MAP], True)
    for switch in switched:
        if not isinstance(getattr(known.get(switch), "default", None), bool):
            raise TwinlensError(f"{row}: {name} has no option {switch!r} to switch on")
    if fusion.name != CELLWISE:
        if whole:
            raise TwinlensError(f"{row}: recipe {recipe.name} does not compose cell by cell; leave +{MAP} out")
        return Variant(name=name, **{key: value for key, value in fusion.options.items() if key in known} | switched)
    own = {**fusion.options.get("options", {}).get(name, {}), **switched}
    if not composes_vectors(name):
        return Variant(name=name, **own)
    shared = {**fusion.options, "method": name, "options": {name: own}}
    return Variant(name=MAPWISE if whole else CELLWISE, **shared)


def composes_vectors(name: str) -> bool:
    """Return True if a fusion composes vectors that are compared by their cosine, and not scores."""
    return bool(variants.variant_class("fusions", name).similarity is Fusion.similarity)


def deviations(fusion: Variant) -> dict[str, dict[str, Any]]:
    """List the options in which a method differs from its paper: option → {"published", "here"}.

    A constructor's defaults are the paper's values, but for those in `Fusion.published`. `AUXILIARY_LOSS` is among them
    for a method that has one where it is applied to cells or a map, which leave it out.
    """
    applied = fusion.name in (CELLWISE, MAPWISE)
    name = fusion.options["method"] if applied else fusion.name
    options = fusion.options["options"][name] if applied else fusion.options
    defaults = {key: parameter.default for key, parameter in _parameters(name).items()}
    published = {**defaults, **variants.variant_class("fusions", name).published}
    here = {key: options.get(key, default) for key, default in defaults.items() if default is not inspect._empty}
    differ = {key: value for key, value in here.items() if _plain(value) != _plain(published[key])}
    found = {key: {"published": published[key], "here": value} for key, value in differ.items()}
    if applied and _has_auxiliary_loss(name, options):
        found[AUXILIARY_LOSS] = {"published": "yes", "here": "no"}
    return found


def select(recipe: Recipe, names: Sequence[str]) -> list[Method]:
    """Return the named rows as methods, and the two that baselines come from: `REFERENCE` and an untrained gate."""
    chosen = dict.fromkeys([*names, REFERENCE])
    trained = [Method(name, fusion_part(recipe, name)) for name in chosen]
    return [*trained, Method(UNTRAINED_GATE, fusion_part(recipe, "gate"), trained=False)]


def _has_auxiliary_loss(name: str, options: Mapping[str, Any]) -> bool:
    """Return True if a method with these options adds a term to the training loss; RTIC does only with `gcn`."""
    if variants.variant_class("fusions", name).auxiliary_loss is Fusion.auxiliary_loss:
        return False
    width, batch = 16, 2
    method = variants.make("fusions", name, image_dim=width, text_dim=width, dim=width, **options)
    rows = torch.zeros(batch, width)
    return method.auxiliary_loss(Features(rows), Features(rows), rows, rows) is not None


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _parameters(name: str) -> Mapping[str, inspect.Parameter]:
    return inspect.signature(variants.variant_class("fusions", name)).parameters
