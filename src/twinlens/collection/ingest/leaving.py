"""The entries of pictures that are gone, and those that stay since their pictures may only be out of reach."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from twinlens.collection.ingest.options import Protection, Report
from twinlens.collection.ingest.presence import Obstacle, Presence
from twinlens.collection.store import Store
from twinlens.media import kept, moments

MANY = 20
"""Pictures of a root that may leave at once without being asked for, however few remain."""
PRUNE = "if they are gone for good, let them leave: run the same command with --prune"


class Leaving:
    """Removes the entries of pictures that are gone, and of those that are left out on purpose.

    prune: those too that something may hide, and however many. excludes: tells the latter.
    """

    def __init__(
        self, store: Store, presence: Presence, report: Report, *, prune: bool, excludes: Callable[[Path], bool]
    ) -> None:
        self.store, self.presence, self.report, self.prune = store, presence, report, prune
        self.excludes = excludes

    def below(self, root: Path, before: int) -> None:
        """Remove the entries of a root whose files are gone; it had `before` entries when the run began."""
        paths = [path for path in map(Path, map(os.fsdecode, self.store.paths(root))) if kept.id_of(path) is None]
        excluded = {path for path in paths if self.excludes(moments.file_of(path))}
        self._remove([path for path in paths if path in excluded])
        gone = list(self._gone(path for path in paths if path not in excluded))
        files = {moments.file_of(path) for path in gone}
        if len(files) > MANY and 2 * len(gone) > before and not self.prune:
            reason = f"they are more than half of its {before:,} pictures, and missing all at once"
            self.report.protections.append(Protection(root, len(gone), reason, PRUNE))
        else:
            self._remove(gone)

    def file(self, path: Path) -> None:
        """Remove the entry of a single file that was named."""
        if self.store.at(path):
            self._remove(list(self._gone([path])))

    def failures(self) -> None:
        """Remove failures whose files are gone, wherever they were: a folder that moved has them at its new place."""
        with self.store.change():
            for path in map(Path, map(os.fsdecode, self.store.failed_paths())):
                if self.presence.is_gone(path):
                    self.store.remove_path(path)

    def note_mounts(self, roots: Iterable[Path]) -> None:
        """Note the mount points of now, and lost ones that may still hide pictures of these roots, or of others."""
        lost, hiding, roots = self.presence.lost, self.presence.hiding, list(roots)
        ours = {m for m in lost if any(m.is_relative_to(root) or root.is_relative_to(m) for root in roots)}
        kept = lost - hiding - ours if self.prune else lost - (ours - hiding)
        with self.store.change():
            self.store.set_mount_points(self.presence.mounted | kept)

    def _gone(self, paths: Iterable[Path]) -> Iterator[Path]:
        """Yield the paths of pictures that are gone; report the others that cannot be found, by what may hide them."""
        hidden = Counter[Obstacle]()
        for path in paths:
            error = self.presence.absence(path)
            if error is None:
                continue
            obstacle = self.presence.obstacle(path, error)
            if obstacle is None or (self.prune and obstacle.is_prunable):
                yield path
            else:
                hidden[obstacle] += 1
        for (place, reason, is_prunable), count in hidden.items():
            cure = PRUNE if is_prunable else f"if they are gone for good, let them leave: twinlens forget {place}"
            self.report.protections.append(Protection(place, count, f"{place} {reason}", cure))

    def _remove(self, paths: list[Path]) -> None:
        with self.store.change():
            for path in paths:
                self.store.remove_path(path)
        self.report.removed += len(paths)
