"""Captions from files beside the pictures: found tables and sidecars, where one odd file costs one line."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path

from twinlens.core.types import TwinlensError
from twinlens.media import sources
from twinlens.media.captions import takeout, xmp
from twinlens.media.captions.matching import Rows, plain
from twinlens.media.captions.records import Caption, clean, dated, of_record
from twinlens.media.captions.tables import encoding, read_table, undecoded
from twinlens.media.fields import TAKEN, TAKEN_FROM, TITLE

TABLES = ("metadata.csv", "metadata.jsonl", "metadata.parquet")
_SIDECARS = (".json", ".txt", ".xmp")
MAX_SIDECAR = 2**20
"""Bytes of a file beside a picture that is still taken for its caption."""


class Captions:
    """Captions and metadata of the pictures below one folder.

    tables: those that the user names; TwinlensError is raised for one that cannot be read. roots: the folders that are
    indexed together, with `root` among them; links to tables and sidecars that lead out of them are not followed.
    """

    def __init__(self, root: Path, tables: Iterable[Path] = (), *, roots: Sequence[Path] = ()) -> None:
        self.root = root
        self._roots = [os.path.realpath(folder) for folder in (root, *roots)]
        self._problems: dict[str, None] = {}
        named: dict[str, Caption] = {}
        for table in tables:
            named.update(read_table(table, root))
        self._named = Rows(named)
        self._names = lru_cache(maxsize=64)(_names)
        self._texts = lru_cache(maxsize=64)(self._list_texts)
        self._spellings = lru_cache(maxsize=64)(self._count_spellings)
        self._table = lru_cache(maxsize=64)(self._read_folder)
        self._tables = lru_cache(maxsize=64)(self._tables_above)

    @property
    def problems(self) -> list[str]:
        """Return a line for every file beside the pictures that could not be read so far."""
        return list(self._problems)

    def of(self, picture: Path) -> Caption | None:
        """Return the caption of a picture from outside its file, None if there is none."""
        path, folder = str(picture), picture.parent
        tables = (self._named, *self._tables(folder))
        rows = [table.get(path) or self._like(table, folder, path) for table in tables]
        found = [dated(row, "table") for row in rows if row is not None]
        return _merged([*found, *self._from_sidecars(folder, picture)])

    def _like(self, table: Rows, folder: Path, path: str) -> Caption | None:
        """Return the caption of the row that means a picture by another spelling, where it can mean no other one."""
        caption = table.like(path)
        return None if caption is None or self._spellings(folder)[plain(path)] > 1 else caption

    def _list_texts(self, folder: Path) -> frozenset[str]:
        return frozenset(name for name in self._names(folder) if name.lower().endswith(_SIDECARS))

    def _count_spellings(self, folder: Path) -> Counter[str]:
        return Counter(plain(str(folder / name)) for name in self._names(folder))

    def _tables_above(self, folder: Path) -> list[Rows]:
        """Return the tables in a folder and in those above it, up to the root."""
        outermost = folder in (self.root, folder.parent)
        return [self._table(folder), *([] if outermost else self._tables(folder.parent))]

    def _read_folder(self, folder: Path) -> Rows:
        names, found = self._names(folder), dict[str, Caption]()
        for path in (folder / name for name in TABLES if name in names):
            if self._leads_out(path):
                continue
            faults: list[str] = []
            found.update(read_table(path, faults=faults))
            self._problems.update(dict.fromkeys(faults))
        return Rows(found)

    def _from_sidecars(self, folder: Path, picture: Path) -> Iterator[Caption | None]:
        for name, read in _sidecars(picture, self._texts(folder)):
            if not self._leads_out(folder / name):
                yield self._tried(read, folder / name, picture.name)

    def _tried(self, read: Callable[[Path, str], Caption], path: Path, picture: str) -> Caption | None:
        try:
            return read(path, picture)
        except RecursionError:
            reason = "it is nested too deep"
        except UnicodeDecodeError as error:
            reason = undecoded(error)
        except (OSError, ValueError, MemoryError, TwinlensError) as error:
            reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        self._problems[f"{path}: no caption could be read: {reason}"] = None
        return None

    def _leads_out(self, path: Path) -> bool:
        """Return True if a file is a link to a place outside the indexed folders, and note it."""
        if not path.is_symlink():
            return False
        target = os.path.realpath(path)
        if any(target.startswith(os.path.join(folder, "")) for folder in self._roots):  # noqa: PTH118
            return False
        self._problems[f"{path}: is not read: it is a link that leads out of the indexed folders"] = None
        return True


def _merged(found: Iterable[Caption | None]) -> Caption | None:
    """Merge captions into one; the first that has a text or a field wins."""
    captions = [caption for caption in found if caption is not None]
    if not captions:
        return None
    text = next((caption.text for caption in captions if caption.text), "")
    merged = {key: value for caption in reversed(captions) for key, value in caption.metadata.items()}
    # A time and its source belong together.
    first = next((caption.metadata for caption in captions if TAKEN in caption.metadata), {})
    return Caption(text, {**merged, **{key: first[key] for key in (TAKEN, TAKEN_FROM) if key in first}})


def _sidecars(picture: Path, names: frozenset[str]) -> Iterator[tuple[str, Callable[[Path, str], Caption]]]:
    """Yield those of the names that are files beside a picture with what reads them, the first wanted first."""
    if not names:
        return
    stems = _stems(picture)
    for suffix, read in ((".json", _json_sidecar), (".txt", _text_sidecar), (".xmp", _xmp_sidecar)):
        listed = [stem + suffix for stem in stems]
        listed += [stem + suffix.upper() for stem in stems] if suffix == ".xmp" else []
        listed += takeout.sidecars(picture.name, names) if suffix == ".json" else []
        yield from ((name, read) for name in dict.fromkeys(listed) if name in names)


def _stems(picture: Path) -> tuple[str, ...]:
    key = () if sources.split(picture) is None else (picture.name.split(".")[0],)
    return (picture.name, picture.stem, *key)


def _names(folder: Path) -> frozenset[str]:
    try:
        return frozenset(sources.names(folder))
    except OSError:  # a folder that may be passed through but not listed has no files that we could look for
        return frozenset()


def _text_sidecar(path: Path, _picture: str) -> Caption:
    return Caption(clean(_read_text(path)))


def _json_sidecar(path: Path, picture: str) -> Caption:
    content = json.loads(_read_text(path))
    if not isinstance(content, dict):
        return of_record({"text": content}, skip=None, picture=picture) if _is_texts(content) else Caption()
    # Takeout's title is the name of the file, in full.
    caption = of_record(content, skip=None, picture=picture, no_texts=[TITLE] if takeout.is_record(content) else ())
    return dated(Caption(caption.text, {**caption.metadata, **takeout.metadata(content)}), "json")


def _is_texts(content: object) -> bool:
    return isinstance(content, str) or (isinstance(content, list) and all(isinstance(one, str) for one in content))


def _xmp_sidecar(path: Path, picture: str) -> Caption:
    packet = _read_text(path)
    record = {**xmp.metadata(packet), "description": xmp.description(packet)}
    return of_record(record, skip=None, picture=picture, no_texts=[TITLE])


def _read_text(path: Path) -> str:
    if sources.status(path).size > MAX_SIDECAR:
        raise ValueError(f"it has more than {MAX_SIDECAR:,} bytes")
    with sources.open_file(path) as file:
        data = file.read()
        return data.decode(encoding(data[:4]))
