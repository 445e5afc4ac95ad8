"""Pictures below folders and on object storage, with the captions and metadata that lie beside them."""

from __future__ import annotations

import errno
import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from twinlens.collection.store import DATABASE, Store, check_new
from twinlens.core.counting import counted
from twinlens.core.paths import real
from twinlens.core.types import TwinlensError
from twinlens.media import finding, kept, moments, objects, sources
from twinlens.media.captions import Caption, Captions, unmatched
from twinlens.media.exclusions import Rules

ODD = "objects whose names are no paths"


@dataclass(frozen=True)
class Scan:
    """Pictures by folder or shard, or on their own, sorted, none twice; `len` counts them.

    passed: end of a name → how many pictures have it that were passed over, since their format is not read. absent:
    paths at which there is nothing. empty: folders without pictures, with the line that tells it. unlisted: folders
    that could not be listed, with the reason. tables: those of captions that the user names. rules: what was left out.
    refused: pictures that `pictures` could not take, with the reason. listings: of each root on object storage all
    objects with their size and time, so that a run asks for none of them that is as it was.
    """

    folders: tuple[tuple[Captions, tuple[Path, ...]], ...]
    roots: tuple[Path, ...]
    passed: Mapping[str, int] = field(default_factory=dict)
    absent: tuple[Path, ...] = ()
    empty: Mapping[Path, str] = field(default_factory=dict)
    unlisted: Mapping[Path, str] = field(default_factory=dict)
    tables: tuple[Path, ...] = ()
    rules: Rules = field(default_factory=Rules)
    refused: list[tuple[Path, str]] = field(default_factory=list)
    listings: Mapping[Path, Mapping[Path, sources.Status]] = field(default_factory=dict)

    def __len__(self) -> int:
        return sum(len(files) for _, files in self.folders)

    def pictures(self, _store: Store | None = None) -> Iterator[tuple[Path, Caption | None]]:
        """Yield every picture with its caption and metadata from outside its file."""
        for captions, files in self.folders:
            for path in files:
                yield path, captions.of(path)

    def status(self, path: Path) -> sources.Status | None:
        """Return size and time of an object as it was listed; None for other pictures."""
        return next((found[path] for found in self.listings.values() if path in found), None)

    def check(self, store: Store | None, *, prune: bool = False) -> None:
        """Raise TwinlensError for a path without pictures, of which the collection has none either.

        store: None where there is no collection yet. A folder that is not there any more, and has left pictures in the
        collection, is taken only with `prune`: it may come back.
        """
        for root in self.roots:
            if store and (other := objects.other_name(root)) != root and store.count_below(other):
                raise TwinlensError(
                    f"pictures of {sources.shown(root)} are here by another name; give {sources.shown(other)}"
                )
        absent = {path: _absence(path) for path in self.absent}
        for path, line in (*absent.items(), *self.empty.items()):
            known = store.count_below(path) if store else 0
            if not known and not (store and path in self.absent and store.at(path)):
                raise TwinlensError(line)
            if known and path in self.absent and not prune and not moments.is_video(path):
                raise TwinlensError(
                    f"{line}; {counted(known, 'picture from it stays', 'pictures from it stay')} in the collection;"
                    f" {'it leaves' if known == 1 else 'they leave'} with:"
                    f" twinlens index {sources.shown(path)} --prune"
                )

    def check_in(self, folder: Path, *, prune: bool = False) -> None:
        """Check as `check` does, for the collection in a folder or one to be made there; raises TwinlensError."""
        check_new(folder)
        if not os.path.lexists(folder / DATABASE):
            self.check(None)
            return
        with closing(Store.open(folder)) as store:
            self.check(store, prune=prune)

    @property
    def problems(self) -> list[str]:
        """Return a line for every folder that could not be listed, every caption that could not be read so far, and
        every table of the user's with rows that name no picture.
        """
        unlisted = [f"{sources.shown(folder)} cannot be listed: {reason}" for folder, reason in self.unlisted.items()]
        return [
            *unlisted,
            *self.rules.faults,
            *(line for captions, _ in self.folders for line in captions.problems),
            *self._unmatched(),
        ]

    def _unmatched(self) -> Iterator[str]:
        pictures = {str(path) for _, files in self.folders for path in files} if self.tables else set()
        for table in self.tables:
            try:
                yield from unmatched(table, [captions.root for captions, _ in self.folders], pictures)
            except TwinlensError as error:  # it was changed while the pictures were read
                yield str(error)


def scan(paths: Sequence[Path], tables: Sequence[Path] = (), *, exclude: Sequence[str] = ()) -> Scan:
    """Find the pictures in folders (all below them) and tar shards, and among single files.

    exclude: patterns as in gitignore of what is passed over below the folders. Raises TwinlensError: no path at all,
    one that cannot be looked at, a table of captions that cannot be read, a pattern that is none.
    """
    # resolve() raises for links in a loop
    for path in paths:
        objects.check(path)
    given = sorted({real(sources.located(path.expanduser())) for path in paths})
    _check_foreign(given)
    _check_names(given)
    found = _Found(Rules(exclude, ours=[DATABASE]))
    for path in filter(sources.is_object, given):
        found.list_objects(path)
    there = [path for path in given if (found.has(path) if sources.is_object(path) else _is_there(path))]
    alone = [path for path in there if path.is_file() or path in found.listings.get(path, ())]
    roots = [path for path in there if path not in alone or sources.is_shard(path)]
    outer = [path for path in roots if not any(path.is_relative_to(other) for other in roots if other != path)]
    single, absent = (
        [path for path in some if path not in roots and not any(path.is_relative_to(root) for root in outer)]
        for some in (there, [path for path in given if path not in there])
    )
    if not outer and not single and not absent:
        raise TwinlensError("name at least one folder with pictures")
    folders = [(Captions(root, tables, roots=outer), found.below(root)) for root in outer]
    files = [(Captions(path.parent, tables), (path,)) for path in single]
    return Scan(
        folders=(*folders, *files),
        roots=tuple(outer),
        passed=found.passed,
        absent=tuple(absent),
        empty=found.empty,
        unlisted=found.unlisted,
        tables=tuple(tables),
        rules=found.rules,
        listings=found.listings,
    )


class _Found:
    """Collects the problems of folders that are searched for pictures."""

    def __init__(self, rules: Rules) -> None:
        self.passed, self.empty, self.unlisted = Counter[str](), dict[Path, str](), dict[Path, str]()
        self.listings = dict[Path, Mapping[Path, sources.Status]]()
        self.rules = rules

    def list_objects(self, root: Path) -> None:
        """List the objects below a root, or the one at it; nothing where it cannot be listed. Raises TwinlensError."""
        try:
            listing, odd = objects.listed(root)
        except OSError as error:
            if error.errno == errno.ENOSYS:
                raise TwinlensError(error.strerror) from error
            self._tell(error)
            listing, odd = {}, 0
        self.listings[root] = {path: sources.Status(*stats) for path, stats in listing.items()}
        self.rules.counts[ODD] += odd

    def has(self, root: Path) -> bool:
        """Return True if objects were listed there, or could not be: storages have no empty folders."""
        return bool(self.listings[root]) or root in self.unlisted

    def below(self, root: Path) -> tuple[Path, ...]:
        """Return the pictures of a root."""
        try:
            if root in self.listings:
                return tuple(finding.find_among(root, self.listings[root], passed=self.passed, rules=self.rules))
            return tuple(finding.find(root, passed=self.passed, tell=self._tell, rules=self.rules))
        except TwinlensError as error:
            why = self.unlisted.get(root)
            self.empty[root] = str(error) if why is None else f"{sources.shown(root)} cannot be listed: {why}"
            return ()

    def _tell(self, error: OSError) -> None:
        self.unlisted[Path(os.fsdecode(error.filename))] = error.strerror or str(error)


def _check_foreign(paths: Sequence[Path]) -> None:
    """Raise TwinlensError for a path in the folder where a collection keeps the pictures of its items."""
    for path in paths:
        for folder in (path, path.parent):
            if folder.name == kept.FOLDER and os.path.lexists(folder.parent / DATABASE):
                raise TwinlensError(f"{path} is kept by the collection {folder.parent}, and is found there already")


def _check_names(paths: Sequence[Path]) -> None:
    """Raise TwinlensError for a folder that is named by its path and by its file:// URL."""
    local = [path for path in paths if not sources.is_object(path)]
    for path in filter(sources.is_object, paths):
        if (same := objects.other_name(path)) == path:
            continue
        same = real(same)
        if twice := next((one for one in local if one.is_relative_to(same) or same.is_relative_to(one)), None):
            raise TwinlensError(f"{sources.shown(path)} and {twice} are the same files; name one of them")


def _absence(path: Path) -> str:
    """Return the line for a path at which nothing was found; storages have no empty folders."""
    if sources.is_object(path):
        return f"there is nothing below {sources.shown(path)}: it is empty, or not there"
    return f"there is no folder {path}"


def _is_there(path: Path) -> bool:
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except (OSError, ValueError) as error:
        raise TwinlensError(f"{path} cannot be read: {getattr(error, 'strerror', error)}") from error
    return True
