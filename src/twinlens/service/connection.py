"""An open collection that is opened again when its database is another file: after a repair, or made anew."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from threading import Lock

from twinlens.collection import Collection
from twinlens.collection.store import DATABASE
from twinlens.collection.store.layout import identity
from twinlens.core.types import TwinlensError
from twinlens.service.errors import RequestError


class Connection:
    """Opens a collection of a folder by `opened`, and again for whoever asks after its database was replaced."""

    def __init__(self, folder: Path, opened: Callable[[], Collection]) -> None:
        self._database, self._open, self._opening = folder / DATABASE, opened, Lock()
        self._file = identity(self._database)
        self._collections = [opened()]

    def current(self) -> Collection:
        """Return the collection. Raises RequestError where it is gone, or cannot be opened."""
        with self._opening:
            if (file := identity(self._database)) != self._file:
                try:
                    self._collections.append(self._open())
                except TwinlensError as error:
                    raise RequestError(503, str(error)) from error
                self._file = file
            return self._collections[-1]

    def close(self) -> None:
        """Close what was opened; the former ones too, which some thread may have been reading until now."""
        for collection in self._collections:
            collection.close()
