"""The methods of a comparison: which fusions it trains, with which options of the recipe."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from twinlens.core import variants
from twinlens.core.recipe import Recipe, Variant
from twinlens.evaluation.baselines import LATE_FUSIONS, SINGLE_SIDES
from twinlens.fusions import Fusion

CELLWISE, LEARNED = "cellwise", "learned"
"""Fusions that apply other fusions, and are no methods of their own."""
REFERENCE = "sum"
"""The fusion whose single sides, and their late fusions, are the baselines."""
UNTRAINED_GATE = "untrained_gate"
VARIATIONS: Mapping[str, tuple[str, Mapping[str, Any]]] = {"gate+residual": ("gate", {"residual": True})}
"""Rows of their own: a fusion with other options."""
BASELINES = (*SINGLE_SIDES, *LATE_FUSIONS, UNTRAINED_GATE, REFERENCE)


@dataclass(frozen=True)
class Method:
    """A row of the table: a fusion, trained or with its initial weights."""

    name: str
    fusion: Variant
    trained: bool = True


def fusions() -> list[str]:
    """List the names of all fusions that can be compared, and of their variations."""
    return [*(name for name in variants.names("fusions") if name not in (CELLWISE, LEARNED)), *VARIATIONS]


def check(name: str) -> None:
    """Raise TwinlensError for a name that is no fusion and no variation of one."""
    if name not in VARIATIONS:
        variants.load("fusions", name)


def fusion_part(recipe: Recipe, name: str) -> Variant:
    """Return a fusion with those options of the recipe's own fusion that it knows, such as `dropout`.

    Where the recipe's fusion is `cellwise`, so is every other that composes vectors.
    """
    name, own = VARIATIONS.get(name, (name, {}))
    fusion, cls = recipe.fusion, variants.variant_class("fusions", name)
    known = inspect.signature(cls).parameters
    if fusion.name != CELLWISE:
        return Variant(name=name, **{key: value for key, value in fusion.options.items() if key in known}, **own)
    options = {**fusion.options.get("options", {}).get(name, {}), **own}
    if cls.similarity is not Fusion.similarity:
        return Variant(name=name, **options)
    return Variant(name=CELLWISE, **{**fusion.options, "method": name, "options": {name: options}})


def select(recipe: Recipe, names: Sequence[str]) -> list[Method]:
    """Return the named fusions as methods, and the two that baselines come from: `REFERENCE` and an untrained gate."""
    chosen = dict.fromkeys([*names, REFERENCE])
    trained = [Method(name, fusion_part(recipe, name)) for name in chosen]
    return [*trained, Method(UNTRAINED_GATE, fusion_part(recipe, "gate"), trained=False)]
