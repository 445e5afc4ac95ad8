"""What one run leaves behind: a small file, whole or not at all."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import load_file, save_file

from twinlens import evaluation
from twinlens.core.atomic import whole_file
from twinlens.core.types import TwinlensError
from twinlens.metrics import PerQuery


@dataclass(frozen=True)
class Outcome:
    """values: lens (composed, image_only …) → metric → value of every query (Q,); facts: what else is known of it."""

    values: Mapping[str, Mapping[str, PerQuery]]
    facts: Mapping[str, Any]

    def balanced(self, parts: Sequence[str]) -> Outcome:
        """The same, weighed so that means over queries are plain means over the parts that these belong to."""
        return replace(self, values={lens: evaluation.balanced(found, parts) for lens, found in self.values.items()})

    def save(self, path: Path) -> None:
        """A kill leaves the whole file or none."""
        arrays = {
            f"{lens}/{metric}": np.ascontiguousarray(array)  # safetensors writes the memory of a view as it lies
            for lens, found in self.values.items()
            for metric, array in found.items()
        }
        with whole_file(path) as beside:
            save_file(arrays, beside, metadata={"facts": json.dumps(dict(self.facts))})

    @classmethod
    def read(cls, path: Path) -> Outcome:
        """Raises TwinlensError for a damaged file."""
        values: dict[str, dict[str, PerQuery]] = {}
        try:
            with safe_open(path, framework="np") as file:
                facts = json.loads(file.metadata()["facts"])
            for name, array in load_file(path).items():
                lens, _, metric = name.partition("/")
                values.setdefault(lens, {})[metric] = array
        except (SafetensorError, OSError, KeyError, ValueError) as error:
            raise TwinlensError(f"{path} is damaged; delete it, and the run is repeated") from error
        return cls(values, facts)
