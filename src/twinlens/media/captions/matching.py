"""Rows of a table and pictures: by their paths, or where these differ only in how they are written."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Collection, Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from urllib.parse import unquote

from twinlens.core.escaping import shortened
from twinlens.media.captions.records import Caption
from twinlens.media.captions.tables import all_rows, bases

_LONGEST = 60
"""Characters of a row without a name that a line shows."""


class Rows:
    """The captions of a table by absolute path, looked up by the path or by its plain spelling."""

    def __init__(self, captions: dict[str, Caption]) -> None:
        self.captions = captions
        self._plain: dict[str, Caption | None] | None = None

    def get(self, path: str) -> Caption | None:
        """Return the caption of a picture by its path."""
        return self.captions.get(path)

    def like(self, path: str) -> Caption | None:
        """Return the caption of the one row whose path is this one but for its spelling; None where two are."""
        if self._plain is None:
            self._plain = {}
            for named, caption in self.captions.items():
                key = plain(named)
                self._plain[key] = caption if self._plain.get(key, caption) is caption else None
        return self._plain.get(plain(path)) if self._plain else None


def unmatched(table: Path, roots: Sequence[Path], pictures: Collection[str]) -> Iterator[str]:
    """Yield a line on rows that name none of the pictures, and one on those that do so by another spelling.

    roots: the folders that names may be relative to, beside the table's own. pictures: absolute paths. Raises
    TwinlensError as `read_table` does.
    """
    places = bases(table, roots)
    names, nameless = list[str](), list[str]()
    for _, where, record in all_rows(table):
        if isinstance(record[where], str) and record[where]:
            names.append(record[where])
        else:
            nameless.append(shortened(repr({k: v for k, v in record.items() if v is not None}), _LONGEST))
    total = len(names) + len(nameless)
    missing = [name for name in names if not any(path in pictures for path in _paths(name, places))]
    if not missing and not nameless:
        return
    meant = _Spellings(pictures, places)
    resolved = [name for name in missing if len(meant.by(name)) == 1]
    lost = [name for name in missing if len(meant.by(name)) != 1]
    if resolved:
        how = "name a picture by another spelling, and are taken for it,"
        yield f"{table}: {len(resolved):,} of {total:,} rows {how} such as {_example(resolved, meant)}"
    if lost or nameless:
        example = _example(lost, meant) if lost else f"one without a name: {nameless[0]}"
        yield f"{table}: {len(lost) + len(nameless):,} of {total:,} rows name no picture, such as {example}"


def plain(path: str) -> str:
    """Return a path without what spellings differ in: links, case, accents, backslashes, outer spaces, %20."""
    folder, name = os.path.split(unquote(path.strip()).replace("\\", "/"))
    parts = unicodedata.normalize("NFC", f"{_real(folder)}/{name}").casefold().split("/")
    return "/".join(part.strip() for part in parts)


@lru_cache(maxsize=4096)
def _real(folder: str) -> str:
    return os.path.realpath(folder)


class _Spellings:
    """Pictures by their plain spelling."""

    def __init__(self, pictures: Collection[str], places: Sequence[str]) -> None:
        self._places = places
        self._pictures: dict[str, list[str]] = {}
        self._named: dict[str, str] = {}
        for path in pictures:
            key = plain(path)
            self._pictures.setdefault(key, []).append(path)
            self._named.setdefault(key.rpartition("/")[2], path)

    def by(self, name: str) -> list[str]:
        """Return the pictures that a name may mean."""
        keys = {plain(path) for path in _paths(name, self._places)}
        return [path for key in sorted(keys) for path in self._pictures.get(key, ())]

    def elsewhere(self, name: str) -> str | None:
        """Return a picture whose file has a name's last part, in whatever folder; None where there is none."""
        return self._named.get(plain(name).rpartition("/")[2])


def _example(names: Sequence[str], meant: _Spellings) -> str:
    """Show one of the names, if possible one with a picture that it may mean, and what they differ in."""
    for name in names:
        if found := meant.by(name):
            return f"{name!r}: {os.path.basename(found[0])!r} is there ({_difference(name, found[0])})"  # noqa: PTH119
    for name in names:
        if other := meant.elsewhere(name):
            also = " and backslashes" if "\\" in name else ""
            return f"{name!r}: {other!r} is there (another folder{also})"
    return next((f"{name!r} (backslashes)" for name in names if "\\" in name), repr(names[0]))


def _difference(name: str, path: str) -> str:
    """Name the cause why a name is not that of a picture."""
    causes = {
        "backslash": lambda text: text.replace("\\", "/"),
        "%20": unquote,
        "spaces at an end": str.strip,
        "composed accents": lambda text: unicodedata.normalize("NFC", text),
        "upper and lower case": str.casefold,
    }
    found = [cause for cause, write in causes.items() if _ends(write(path), write(name)) and not _ends(path, name)]
    return found[0] if found else "a link" if _ends(path, name) else "several of case, accents, spaces and links"


def _ends(path: str, name: str) -> bool:
    return path.endswith(f"/{name.lstrip('./')}")


def _paths(name: str, places: Sequence[str]) -> list[str]:
    return [os.path.normpath(os.path.join(place, name)) for place in places]  # noqa: PTH118 - of every row
