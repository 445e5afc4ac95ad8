"""The result of one run as a small file that is complete or absent."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import load_file, save_file

from twinlens.core.atomic import whole_file
from twinlens.core.types import TwinlensError
from twinlens.evaluation.summaries import balance_parts
from twinlens.metrics import PerQuery


@dataclass(frozen=True)
class Outcome:
    """Metrics and facts of one run.

    values: variant of the query (composed, image_only …) → metric → value of every query (Q,). facts: parameters,
    seconds and the like, as JSON.
    """

    values: Mapping[str, Mapping[str, PerQuery]]
    facts: Mapping[str, Any]

    def balanced(self, parts: Sequence[str]) -> Outcome:
        """Return a copy whose means over queries are plain means over the benchmark's parts (Q,)."""
        values = {variant: balance_parts(metrics, parts) for variant, metrics in self.values.items()}
        return replace(self, values=values)

    def save(self, path: Path) -> None:
        """Write the file atomically."""
        arrays = {
            f"{variant}/{metric}": np.ascontiguousarray(array)  # safetensors writes the memory of a view as it lies
            for variant, metrics in self.values.items()
            for metric, array in metrics.items()
        }
        with whole_file(path) as draft:
            save_file(arrays, draft, metadata={"facts": json.dumps(dict(self.facts))})

    @classmethod
    def read(cls, path: Path) -> Outcome:
        """Read a file that `save` wrote. Raises TwinlensError if it is damaged."""
        values: dict[str, dict[str, PerQuery]] = {}
        try:
            with safe_open(path, framework="np") as file:
                facts = json.loads(file.metadata()["facts"])
            for name, array in load_file(path).items():
                variant, _, metric = name.partition("/")
                values.setdefault(variant, {})[metric] = array
        except (SafetensorError, OSError, KeyError, ValueError) as error:
            raise TwinlensError(f"{path} is damaged; delete it, and the run is repeated") from error
        return cls(values, facts)
