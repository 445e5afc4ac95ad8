"""The preparations of a model's encoders together, as `Composer.prepare` joins those of encoders."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

from twinlens.core.types import Arrays, Sample
from twinlens.preparation import Preparation
from twinlens.preparation._settings import restored, to_json


class Numbered:
    """Preparations by the number of their encoder, made at their first use: a tokenizer takes a while to load."""

    def __init__(self, made: Sequence[Preparation]) -> None:
        self._made = dict(enumerate(made))
        self._entries: Sequence[Mapping[str, Any]] = [to_json(one) for one in made]
        self._folder: Path | None = None

    @classmethod
    def restore(cls, entries: Sequence[Mapping[str, Any]], folder: Path) -> Self:
        """Restore what `to_json` and `save` gave. Files are read, and errors raised, at the first use."""
        numbered = cls([])
        numbered._entries, numbered._folder = entries, folder
        return numbered

    def prepare(self, sample: Sample, numbers: Collection[int] | None = None) -> Arrays:
        """Prepare a sample for all encoders, or for those of some numbers; each key starts with the number."""
        chosen = range(len(self._entries)) if numbers is None else numbers
        parts = ((n, self[n].prepare(sample)) for n in chosen)
        return {f"{n}.{key}": array for n, arrays in parts for key, array in arrays.items()}

    def cuts(self, text: str) -> bool:
        """Return True if an encoder reads a text but not its end."""
        return any(self[n].cuts(text) for n in range(len(self._entries)))

    def to_json(self) -> list[dict[str, Any]]:
        """Return the settings of each."""
        return [dict(entry) for entry in self._entries]

    def save(self, folder: Path) -> None:
        """Write the files of each into a folder of its own."""
        for n in range(len(self._entries)):
            (folder / folder_name(n)).mkdir(parents=True, exist_ok=True)
            self[n].save(folder / folder_name(n))

    def __getitem__(self, number: int) -> Preparation:
        if number not in self._made:
            assert self._folder is not None
            self._made[number] = restored(self._entries[number], self._folder / folder_name(number))
        return self._made[number]


def folder_name(number: int) -> str:
    """Return the name of the folder with an encoder's files, that of a saved composer too."""
    return f"encoder-{number}"
