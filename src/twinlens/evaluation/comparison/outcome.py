"""The result of one run as a small JSON file that is complete or absent."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from twinlens.core import jsonfile
from twinlens.core.atomic import whole_file
from twinlens.core.types import TwinlensError
from twinlens.metrics import PerQuery

_DECIMALS = 6  # of the values of a query


@dataclass(frozen=True)
class Outcome:
    """Metrics and facts of one run.

    values: variant of the query (composed, image_only …) → metric → value of every query (Q,). facts: method, seed,
    learning rate, parameters, seconds and the like, as JSON.
    """

    values: Mapping[str, Mapping[str, PerQuery]]
    facts: Mapping[str, Any]

    def save(self, path: Path) -> None:
        """Write the file atomically, values rounded to six decimals."""
        values = {name: {metric: _pack(array) for metric, array in of.items()} for name, of in self.values.items()}
        with whole_file(path) as draft:
            draft.write_text(jsonfile.dumps({"facts": self.facts, "values": values}) + "\n", encoding="utf-8")

    @classmethod
    def read(cls, path: Path) -> Outcome:
        """Read a file that `save` wrote. Raises TwinlensError if it is damaged."""
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            values = {name: {m: _unpack(kept) for m, kept in of.items()} for name, of in content["values"].items()}
            return cls(values, content["facts"])
        except (OSError, KeyError, ValueError, TypeError, AttributeError) as error:
            raise TwinlensError(f"{path} is damaged; delete it, and the run is repeated") from error


def _pack(array: PerQuery) -> str | list[float]:
    """Return values as JSON: digits without spaces where all are 0 or 1."""
    if np.isin(array, (0, 1)).all():
        return "".join("01"[int(value)] for value in array)
    return [round(value, _DECIMALS) for value in np.asarray(array, dtype=np.float64).tolist()]


def _unpack(kept: str | list[float | None]) -> PerQuery:
    return np.array([float("nan") if value is None else float(value) for value in kept])
