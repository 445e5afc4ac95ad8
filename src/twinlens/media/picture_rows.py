"""Rows of Hugging Face `datasets` with pictures in them: folders of `save_to_disk`, Parquet files, or objects.

Pictures stay as their files' bytes until they are needed. Nothing is fetched, and no dataset's script is run.
"""

from __future__ import annotations

import importlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from twinlens.core import suggestions
from twinlens.core.types import TwinlensError
from twinlens.media import images
from twinlens.media.sources import EncodedPicture

if TYPE_CHECKING:
    from PIL.Image import Image

ALL = "all"
"""Name of the split of a source without splits."""
TEXT = ("string", "large_string")
"""Beginnings of the kinds of columns that hold texts."""
NUMBER = ("int", "uint", "float", "bool")
"""Beginnings of those that hold numbers and truth values."""
_DICT, _STATE = "dataset_dict.json", "state.json"


@dataclass(frozen=True)
class RowPicture:
    """The picture in one column of one row, read when it is needed; calling it decodes it."""

    rows: Any = field(repr=False)
    row: int
    column: str

    def __call__(self) -> Image:
        """Decode the picture. Raises BadPicture."""
        return EncodedPicture(self.data)()

    @property
    def data(self) -> bytes:
        """Return the bytes of the picture's file. Raises BadPicture where the row has none."""
        value = self.rows.select_columns([self.column])[self.row][self.column] or {}
        if value.get("bytes"):
            return bytes(value["bytes"])
        path = Path(value.get("path") or "")
        if not path.is_file():
            raise images.BadPicture(f"row {self.row} has no picture in the column {self.column!r}")
        return path.read_bytes()


def kind_of(feature: Any) -> str:
    """Return the kind of value in a column, such as "string"; empty for pictures, lists and tables."""
    return str(getattr(feature, "dtype", ""))


def is_saved(path: Path) -> bool:
    """Return True if a path is a folder of `save_to_disk`, or a Parquet file."""
    return (path / _DICT).is_file() or (path / _STATE).is_file() or (path.suffix == ".parquet" and path.is_file())


def opened(source: object, split: str, *, pictures: tuple[str, ...], texts: tuple[str, ...]) -> Any:
    """Return the rows of a split, with these columns of pictures, whose bytes are not decoded, and of texts.

    source: a path, or a `Dataset` or `DatasetDict`. Raises TwinlensError for another source, split or column.
    """
    library = importlib.import_module("datasets")
    with _quiet(library):
        rows = _one(_of_path(library, Path(source), split) if isinstance(source, str | Path) else source, split)
        if not len(rows):
            raise TwinlensError("the dataset has no rows")
        for column in (*pictures, *texts):
            if column not in rows.column_names:
                raise TwinlensError(suggestions.unknown("column", column, rows.column_names))
            if column in texts and not kind_of(rows.features[column]).startswith(TEXT):
                raise TwinlensError(f"the column {column!r} holds no texts; name another one")
        for column in pictures:
            try:
                rows = rows.cast_column(column, library.Image(decode=False))
            except (TypeError, ValueError, KeyError, NotImplementedError) as error:
                raise TwinlensError(f"the column {column!r} holds no pictures") from error
    return rows


def _of_path(library: Any, path: Path, split: str) -> Any:
    try:
        return _read(library, path, split)
    except (OSError, ValueError, KeyError, TypeError) as error:  # whatever the library raises for a damaged file
        line = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise TwinlensError(f"cannot read the dataset {path}: {line}") from error


def _read(library: Any, path: Path, split: str) -> Any:
    """Return a table of rows, or a mapping of splits in which those that were not asked for are None."""
    if not path.exists():
        raise TwinlensError(f"there is no {path}")
    if script := next(path.glob("*.py"), None) if path.is_dir() else None:
        raise TwinlensError(f"{script} is a dataset's script, and none is run; save its rows with save_to_disk first")
    if (path / _DICT).is_file():
        names = json.loads((path / _DICT).read_text(encoding="utf-8"))["splits"]
        return {name: library.load_from_disk(str(path / name)) for name in names if name == split} or dict.fromkeys(
            names
        )
    if (path / _STATE).is_file():
        return library.load_from_disk(str(path))
    files = sorted(path.rglob("*.parquet")) if path.is_dir() else [path]
    if not files:
        raise TwinlensError(f"{path} is no dataset: it holds neither {_STATE} of save_to_disk nor .parquet files")
    by_split = {name: [file for file in files if _split_of(file) == name] for name in map(_split_of, files)}
    if len(by_split) == 1:
        return library.Dataset.from_parquet([str(file) for file in files])
    chosen = [str(file) for file in by_split.get(split, ())]
    return {**dict.fromkeys(by_split), **({split: library.Dataset.from_parquet(chosen)} if chosen else {})}


def _split_of(file: Path) -> str:
    """Return the split in a file's name: "train" of train-00000-of-00002.parquet, as the hub has them."""
    return file.stem.partition("-")[0]


def _one(found: Any, split: str) -> Any:
    """Choose a split, and check that it is a table of rows."""
    if not (isinstance(found, Mapping) or (hasattr(found, "cast_column") and hasattr(found, "__len__"))):
        kind = type(found).__name__
        raise TwinlensError(f"a dataset is a Dataset or DatasetDict of the package datasets, or a path, not a {kind}")
    if isinstance(found, Mapping):
        if found.get(split) is None and split == ALL:
            raise TwinlensError(f"the dataset has splits: name one with --split: {', '.join(map(str, found))}")
        if found.get(split) is None:
            raise TwinlensError(suggestions.unknown("split", split, list(found)))
        found = found[split]
    elif split not in (ALL, str(getattr(found, "split", None))):
        raise TwinlensError(f"the dataset has no split {split!r}: its rows are one table; ask for the split {ALL}")
    return found


@contextmanager
def _quiet(library: Any) -> Iterator[None]:
    """Silence the library's bars."""
    enabled = library.is_progress_bar_enabled()
    library.disable_progress_bars()
    try:
        yield
    finally:
        if enabled:
            library.enable_progress_bars()
