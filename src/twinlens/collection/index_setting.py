"""The index that a collection is set to: one small JSON file in its folder."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from twinlens.calibration import Channel
from twinlens.collection.engines import Engine
from twinlens.collection.engines._building import EXACT, KINDS, check_class, least_rows
from twinlens.collection.engines._index_files import IndexFiles, is_for
from twinlens.collection.engines.approximate import ApproximateEngine
from twinlens.collection.engines.local import LocalEngine
from twinlens.collection.store import DATABASE, State, share_mode
from twinlens.collection.store.layout import INDEX_SETTING
from twinlens.collection.writes import RECALL
from twinlens.core import jsonfile, plugins, suggestions
from twinlens.core.types import TwinlensError


@dataclass(frozen=True)
class IndexSetting:
    """The kind of index, one of `KINDS` or a plug-in, and the recall that its searches are to have."""

    kind: str = EXACT
    recall: float = RECALL

    def __post_init__(self) -> None:
        if self.kind not in KINDS and not plugins.is_plugin("indexes", str(self.kind)):
            raise TwinlensError(suggestions.unknown("index", str(self.kind), KINDS))
        if not isinstance(self.recall, int | float) or not 0 < self.recall <= 1:
            raise TwinlensError(f"the recall must be above 0 and at most 1, not {self.recall!r}")

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Read the setting of a collection; exact where there is none, or none that can be read (see `fault`)."""
        try:
            values = json.loads((folder / INDEX_SETTING).read_text(encoding="utf-8"))
            return cls(values["index"], values["recall"])
        except (OSError, ValueError, TypeError, KeyError, RecursionError, TwinlensError):
            return cls()

    def check_kind(self) -> None:
        """Raise TwinlensError for a plug-in that the user has not named, or is no index for collections."""
        if self.kind not in KINDS:
            check_class(self.kind)

    def write(self, folder: Path) -> None:
        """Write the setting. Raises TwinlensError where that fails."""
        path = folder / INDEX_SETTING
        jsonfile.write({"index": self.kind, "recall": self.recall}, path)
        share_mode(path, folder / DATABASE)

    def engine(
        self, channels: Callable[[], Sequence[Channel]], folder: Path, allow_plugins: Sequence[str] = ()
    ) -> Engine:
        """Make the engine for the setting of a folder; channels: returns those of the model.

        Raises TwinlensError for a plug-in that is not allowed.
        """
        if self.kind == EXACT:
            return LocalEngine()
        try:
            plugins.check_index(self.kind, folder, allow_plugins)
        except TwinlensError as error:
            raise type(error)(f"{error}; or do without it: twinlens index DIR --index exact") from error
        return ApproximateEngine(index=self.kind, recall=self.recall, channels=channels)


def fault(folder: Path) -> str | None:
    """Describe a setting that cannot be read; None where there is none, or a whole one."""
    if not os.path.lexists(path := folder / INDEX_SETTING):
        return None
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        IndexSetting(values["index"], values["recall"])
    except (OSError, ValueError, TypeError, KeyError, RecursionError, TwinlensError):
        return f"{path} is damaged, and searches are exact; set it again with: twinlens index DIR --index auto"
    return None


def describe(folder: Path, state: State, pictures: int) -> dict[str, Any]:
    """Return the setting, the state of the index, and its parameters and measured recall where one is in use."""
    setting = IndexSetting.read(folder)
    found: dict[str, Any] = {"setting": setting.kind, "recall": None if setting.kind == EXACT else setting.recall}
    about = None if setting.kind == EXACT else IndexFiles(folder).about()
    if setting.kind == EXACT or pictures < least_rows(setting.kind):
        few = setting.kind != EXACT
        return {**found, "state": f"exact: fewer than {least_rows(setting.kind):,} pictures" if few else "exact"}
    if about is None or about.get("state") != list(state[:2]) or not is_for(about, setting.kind, setting.recall):
        return {**found, "state": "exact until the index is built"}
    names = ("index", "options", "measured", "seconds")
    return {**found, "state": "approximate", **{name: about.get(name) for name in names}, "rows": about["shape"][0]}
