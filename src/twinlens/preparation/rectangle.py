"""Pictures stretched to a rectangle of RGB values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np

from twinlens.core.types import Arrays, Sample
from twinlens.media import images


@dataclass(frozen=True)
class Rectangle:
    """A rectangle of `width` × `height` pixels."""

    name: ClassVar[str] = "rectangle"
    width: int
    height: int

    @classmethod
    def restore(cls, _: Path, /, **settings: Any) -> Self:
        """Make a preparation from its settings."""
        return cls(**settings)

    def prepare(self, sample: Sample) -> Arrays:
        """Return pixels (height, width, 3) uint8 and image_present ()."""
        if sample.image is None:
            pixels = np.zeros((self.height, self.width, 3), dtype=np.uint8)
        else:
            size = (self.width, self.height)
            pixels = np.asarray(images.load(sample.image, near=size).resize(size))
        return {"pixels": pixels, "image_present": np.asarray(sample.image is not None)}

    def cuts(self, _: str, /) -> bool:
        """Return False: no text is read."""
        return False

    def settings(self) -> Mapping[str, Any]:
        """Return the options."""
        return asdict(self)

    def save(self, _: Path, /) -> None:
        """Write nothing."""
