"""Where captions and metadata of pictures come from: tables, files beside the pictures, and the pictures themselves.

The first that says something wins: tables that the user names; `metadata.csv` or `metadata.jsonl` in a picture's folder
or one above it (Hugging Face's ImageFolder: a `file_name` relative to the table, any other columns); `a.json` or
`a.jpg.json` beside `a.jpg`; `a.txt` or `a.jpg.txt`; and last what the file itself says in IPTC, XMP, EXIF or PNG text.
In a tar shard the files of one sample share their name up to the first dot (WebDataset), so that `a.json` and `a.txt`
belong to `a.left.jpg` too.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from pathlib import Path

from twinlens.media import sources
from twinlens.media.captions.inside import inside
from twinlens.media.captions.tables import Caption, clean, of_record, read_table

__all__ = ["Caption", "Captions", "inside", "read_table"]

TABLES = ("metadata.csv", "metadata.jsonl", "metadata.parquet")
MAX_SIDECAR = 2**20
"""Bytes of a file beside a picture that is still taken for its caption."""


class Captions:
    """Captions and metadata of the pictures below one folder; `problems` has a line per unreadable file beside them."""

    def __init__(self, root: Path, tables: Iterable[Path] = ()) -> None:
        self.root = root
        self.problems: list[str] = []
        self._named: dict[str, Caption] = {}
        for table in tables:
            self._named.update(read_table(table, root))
        self._names = lru_cache(maxsize=64)(_names)
        self._table = lru_cache(maxsize=64)(self._read_folder)
        self._tables = lru_cache(maxsize=64)(self._tables_above)

    def of(self, picture: Path) -> Caption | None:
        """What is said of a picture outside its file, None if nothing. Raises TwinlensError for a broken table."""
        path, folder = str(picture), picture.parent
        tables = (self._named, *self._tables(folder))
        return _merged([*(table.get(path) for table in tables), *self._from_sidecars(folder, picture)])

    def _tables_above(self, folder: Path) -> list[dict[str, Caption]]:
        """The tables in a folder and in those above it, up to the root."""
        outermost = folder in (self.root, folder.parent)
        return [self._table(folder), *([] if outermost else self._tables(folder.parent))]

    def _read_folder(self, folder: Path) -> dict[str, Caption]:
        names = self._names(folder)
        return {path: said for name in TABLES if name in names for path, said in read_table(folder / name).items()}

    def _from_sidecars(self, folder: Path, picture: Path) -> Iterator[Caption | None]:
        names = self._names(folder)
        for suffix, read in ((".json", _json_sidecar), (".txt", _text_sidecar)):
            for name in dict.fromkeys(stem + suffix for stem in _stems(picture)):
                if name in names:
                    yield self._tried(read, folder / name, picture.name)

    def _tried(self, read: Callable[[Path, str], Caption], path: Path, picture: str) -> Caption | None:
        try:
            return read(path, picture)
        except (OSError, ValueError, RecursionError) as error:  # not UTF-8, not JSON, nested without end
            self.problems.append(f"{path}: no caption could be read: {error}")
            return None


def _merged(found: Iterable[Caption | None]) -> Caption | None:
    """All that is said as one; the first to say something wins."""
    said = [caption for caption in found if caption is not None]
    if not said:
        return None
    text = next((caption.text for caption in said if caption.text), "")
    return Caption(text, {key: value for caption in reversed(said) for key, value in caption.metadata.items()})


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
    said = json.loads(_read_text(path))
    if isinstance(said, str):
        return Caption(clean(said))
    return of_record(said, skip=None, picture=picture) if isinstance(said, dict) else Caption()


def _read_text(path: Path) -> str:
    if sources.status(path).size > MAX_SIDECAR:
        raise ValueError(f"it has more than {MAX_SIDECAR:,} bytes")
    with sources.open_file(path) as file:
        return file.read().decode("utf-8-sig")
