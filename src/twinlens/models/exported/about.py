"""The description of an exported model in its folder."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Self

from twinlens.calibration import Channel
from twinlens.core.types import TwinlensError
from twinlens.models.exported.sides import Sides
from twinlens.models.runtime.parts import Tower

FILE = "export.json"
FORMAT = 1
COLOURS = 3


def colour(values: Iterable[Any]) -> tuple[float, ...]:
    """Return a number per colour. Raises ValueError for others than three finite ones."""
    numbers = tuple(float(value) for value in values)
    if len(numbers) != COLOURS or not all(map(math.isfinite, numbers)):
        raise ValueError(f"{numbers} are not three finite numbers")
    return numbers


@dataclass(frozen=True)
class Adapter:
    """Names in a graph from elsewhere: `input` gets the prepared array, `output` is the vector.

    mean, deviation: of every colour, 0 to 1, by which pixels are standardised; None for words. mask: the input that
    gets the mask of the words, if there is one.
    """

    input: str
    output: str
    mean: tuple[float, ...] | None = None
    deviation: tuple[float, ...] | None = None
    mask: str | None = None

    @classmethod
    def of(cls, entry: Mapping[str, Any]) -> Self:
        """Read an entry of the file. Raises ValueError and TypeError for a wrong one."""
        colours = {name: entry[name] and colour(entry[name]) for name in ("mean", "deviation")}
        if colours["deviation"] and min(colours["deviation"]) <= 0:
            raise ValueError("a deviation of colours is above 0")
        return cls(**{**entry, **colours})


@dataclass(frozen=True)
class About:
    """Description of an exported model, all but its networks.

    digest: equal digests give equal vectors; that of the composer for one that was exported in full precision. towers:
    networks of the encoders. graphs: files by the name of a tower or a head, below the model's folder. sides: the
    arguments of `Sides`, which then stands for all heads. adapters: by the name of a tower. preparations: see
    `Preparations`. trims: texts may be cut to the longest of a batch.
    """

    digest: str
    dim: int
    encoders: tuple[str, ...]
    channels: tuple[Channel, ...]
    towers: tuple[Tower, ...]
    graphs: Mapping[str, str]
    preparations: tuple[Sequence[Mapping[str, Any]], ...]
    trims: bool
    precision: str = "float32"
    sides: Mapping[str, Any] | None = None
    adapters: Mapping[str, Adapter] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Return the content of the file."""
        given = {name: getattr(self, name) for name in ("digest", "dim", "encoders", "graphs", "preparations", "trims")}
        return {
            "format": FORMAT,
            **given,
            "precision": self.precision,
            "channels": [channel.to_json() for channel in self.channels],
            "towers": [vars(tower) for tower in self.towers],
            "sides": self.sides,
            "adapters": {name: asdict(adapter) for name, adapter in self.adapters.items()},
        }

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Read the description of a folder. Raises TwinlensError where it is missing, damaged or of a later version."""
        path = folder / FILE
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            if content["format"] != FORMAT:
                raise TwinlensError(f"{path} is of another version of twinlens; export the model again")
            return cls._of(content)
        except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
            raise TwinlensError(f"{path} cannot be read: {error!r}; export the model again") from error

    @classmethod
    def _of(cls, content: Mapping[str, Any]) -> Self:
        graphs = {str(name): str(file) for name, file in content["graphs"].items()}
        if any(Path(file).is_absolute() or ".." in Path(file).parts for file in graphs.values()):
            raise ValueError("a graph is outside the folder")
        return cls(
            digest=str(content["digest"]),
            dim=int(content["dim"]),
            encoders=tuple(map(str, content["encoders"])),
            channels=tuple(Channel.from_json(channel) for channel in content["channels"]),
            towers=tuple(Tower.from_json(tower) for tower in content["towers"]),
            graphs=graphs,
            preparations=tuple([dict(entry) for entry in of] for of in content["preparations"]),
            trims=bool(content["trims"]),
            precision=str(content["precision"]),
            sides=None if content["sides"] is None else Sides(**content["sides"]).arguments,
            adapters={str(name): Adapter.of(entry) for name, entry in content["adapters"].items()},
        )
