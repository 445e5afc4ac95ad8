"""Words of a text and a prepared picture, for networks that read both."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Self

from twinlens.core.types import Arrays, Sample
from twinlens.preparation import Preparation
from twinlens.preparation._settings import restored, to_json

_PICTURE = "visual"
"""Folder with the files of the picture's preparation; those of the text are beside it."""


@dataclass(frozen=True)
class Both:
    """The arrays of two preparations, that of the text and that of the picture."""

    name: ClassVar[str] = "both"
    text: Preparation
    image: Preparation

    @classmethod
    def restore(cls, folder: Path, /, **settings: Any) -> Self:
        """Restore both. Raises TwinlensError where a file is missing or damaged."""
        return cls(restored(settings["text"], folder), restored(settings["image"], folder / _PICTURE))

    def prepare(self, sample: Sample) -> Arrays:
        """Return the arrays of both."""
        return {**self.text.prepare(sample), **self.image.prepare(sample)}

    def cuts(self, text: str) -> bool:
        """Return True if a text is longer than is read."""
        return self.text.cuts(text)

    def settings(self) -> Mapping[str, Any]:
        """Return the settings of both."""
        return {"text": to_json(self.text), "image": to_json(self.image)}

    def save(self, folder: Path) -> None:
        """Write the files of both."""
        self.text.save(folder)
        (folder / _PICTURE).mkdir(exist_ok=True)
        self.image.save(folder / _PICTURE)
