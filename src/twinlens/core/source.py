"""Files of a checkpoint, in a folder or at the hub, fetched one by one and kept in the hub's own cache."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from twinlens.core import hub
from twinlens.core.types import TwinlensError


@dataclass(frozen=True)
class Source:
    """A folder, or a repository of the hub ("owner/name") at a revision; None is the newest, or the one in the cache.

    local: the hub is not asked, only its cache.
    Raises TwinlensError, from `has` and `file`, where the hub cannot be reached for what is not in its cache.
    """

    name: str
    revision: str | None = None
    local: bool = False

    @property
    def folder(self) -> Path | None:
        """Return the folder, if it is one."""
        folder = Path(self.name).expanduser()
        return folder if folder.is_dir() else None

    def kept(self, file: str) -> Path | None:
        """Return the path of a file that is on this machine."""
        if self.folder is not None:
            return path if (path := self.folder / file).is_file() else None
        if not hub.is_repository(self.name):
            return None
        from huggingface_hub import try_to_load_from_cache

        found = try_to_load_from_cache(self.name, file, revision=self.revision)
        return Path(found) if isinstance(found, str) else None

    def has(self, file: str) -> bool:
        """Return True if the checkpoint has a file."""
        return self.kept(file) is not None or (self.folder is None and file in self._listing)

    def file(self, file: str) -> Path:
        """Return the path of a file, fetched if need be. Raises TwinlensError if there is none."""
        if (found := self.kept(file)) is not None:
            return found
        if self.folder is not None or file not in self._listing:
            raise TwinlensError(f"the checkpoint {self.name!r} has no file {file}")
        return hub.download(self.name, file, self.revision)

    @cached_property
    def _listing(self) -> frozenset[str]:
        return frozenset() if self.local or not hub.is_repository(self.name) else hub.listing(self.name, self.revision)
