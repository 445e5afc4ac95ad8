"""Files of vectors with their ids, for other programs: .npz and .parquet, written in a stream; docs/embedding.md.

Batches are written as they come, so that memory holds one batch, whatever the number of rows. A file appears when it is
complete; the same content gives the same bytes.
"""

from __future__ import annotations

import importlib
import json
import shutil
import tempfile
import zipfile
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from twinlens.core.atomic import whole_file
from twinlens.core.types import TwinlensError

TEXTS = ("ids", "paths", "captions", "metadata", "relevant")
"""Columns of text; metadata and relevant are JSON."""
FORMAT = "twinlens-vectors-1"
_EPOCH = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True)
class Rows:
    """A batch of B rows of one table: vectors (B, D) float32, and B texts for each of `TEXTS`."""

    vectors: NDArray[np.float32]
    texts: Mapping[str, Sequence[str]]


def writer(path: Path, about: Mapping[str, Any], *, force: bool = False) -> VectorFile:
    """Return the writer that the name's ending asks for; `about` is JSON on the model and the source.

    Raises TwinlensError for another ending, for a file that is there unless `force`, for a link, for a folder that is
    not there, and where pyarrow is missing.
    """
    known: dict[str, type[VectorFile]] = {".npz": NpzFile, ".parquet": ParquetFile}
    if path.suffix.lower() not in known:
        raise TwinlensError(f"cannot write vectors to {path}: its name must end in {' or '.join(known)}")
    if path.is_symlink():  # what is written would take the link's place
        raise TwinlensError(f"{path} is a link to {path.readlink()}; name that file, or another one")
    if not path.parent.is_dir():
        raise TwinlensError(f"there is no folder {path.parent}; make it, or name a file elsewhere")
    if path.exists() and not (force and path.is_file()):
        raise TwinlensError(
            f"{path} is there already; name another file" + ("" if path.is_dir() else ", or add --force")
        )
    return known[path.suffix.lower()](path, {"format": FORMAT, **about})


class VectorFile(ABC):
    """A file that takes tables one after the other; it appears at the end of its `with` block."""

    def __init__(self, path: Path, about: Mapping[str, Any]) -> None:
        self.path, self.about = path, json.dumps(about, sort_keys=True)
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self._open(stack, stack.enter_context(whole_file(self.path)))
            self._stack = stack.pop_all()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._stack.__exit__(kind, error, at)

    @abstractmethod
    def table(self, name: str, count: int, dim: int, batches: Iterator[Rows]) -> None:
        """Write a table of `count` rows, D = `dim`."""

    @abstractmethod
    def _open(self, stack: ExitStack, draft: Path) -> None:
        """Open the draft."""


class NpzFile(VectorFile):
    """NumPy's .npz, uncompressed, without pickled objects.

    A table T has T_vectors (N, D) float32 and, for each column C of text, T_C_utf8 (bytes,) uint8 and T_C_offsets
    (N + 1,) int64: row n is the bytes from offset n to offset n + 1. `about` is a text without dimensions.
    """

    def _open(self, stack: ExitStack, draft: Path) -> None:
        self._zip = stack.enter_context(zipfile.ZipFile(draft, "w", zipfile.ZIP_STORED))
        self._array("about", np.array(self.about))

    def table(self, name: str, count: int, dim: int, batches: Iterator[Rows]) -> None:
        """Write the vectors as they come; a zip takes one member at a time, so that texts wait in temporary files."""
        with ExitStack() as stack:
            texts = {column: stack.enter_context(tempfile.TemporaryFile()) for column in TEXTS}
            ends: dict[str, list[NDArray[np.int64]]] = {column: [np.zeros(1, dtype=np.int64)] for column in TEXTS}
            with self._member(f"{name}_vectors", np.dtype("<f4"), (count, dim)) as member:
                for batch in batches:
                    member.write(np.ascontiguousarray(batch.vectors, dtype="<f4").tobytes())
                    for column in TEXTS:
                        encoded = [text.encode("utf-8", "backslashreplace") for text in batch.texts[column]]
                        texts[column].write(b"".join(encoded))
                        ends[column].append(ends[column][-1][-1] + np.cumsum([len(one) for one in encoded]))
            for column, file in texts.items():
                offsets = np.concatenate(ends[column])
                self._array(f"{name}_{column}_offsets", offsets)
                file.seek(0)
                with self._member(f"{name}_{column}_utf8", np.dtype("u1"), (int(offsets[-1]),)) as member:
                    shutil.copyfileobj(file, member)

    def _array(self, name: str, array: NDArray[Any]) -> None:
        with self._member(name, array.dtype, array.shape) as member:
            member.write(np.ascontiguousarray(array).tobytes())

    def _member(self, name: str, dtype: np.dtype[Any], shape: tuple[int, ...]) -> IO[bytes]:
        member = self._zip.open(zipfile.ZipInfo(f"{name}.npy", _EPOCH), "w", force_zip64=True)
        header = {"descr": npy.dtype_to_descr(dtype), "fortran_order": False, "shape": shape}
        npy.write_array_header_1_0(member, header)
        return member


class ParquetFile(VectorFile):
    """Parquet with the columns table, id, path, caption, metadata, relevant and vector (a list of D float32).

    `about` is in the metadata of the schema, under `twinlens`.
    """

    def _open(self, stack: ExitStack, draft: Path) -> None:
        self._arrow, self._parquet = importlib.import_module("pyarrow"), importlib.import_module("pyarrow.parquet")
        self._closing, self._draft = stack.enter_context(ExitStack()), draft
        self._writer: Any = None

    def table(self, name: str, count: int, dim: int, batches: Iterator[Rows]) -> None:  # noqa: ARG002
        """Write each batch as a group of rows."""
        arrow = self._arrow
        vector = arrow.list_(arrow.float32(), dim)
        fields = [("table", arrow.string()), *((column, arrow.string()) for column in TEXTS), ("vector", vector)]
        schema = arrow.schema(fields, metadata={"twinlens": self.about})
        if self._writer is None:  # the width is known from the first table on
            self._writer = self._closing.enter_context(self._parquet.ParquetWriter(self._draft, schema))
        for batch in batches:
            texts = [[_utf8(text) for text in batch.texts[column]] for column in TEXTS]
            flat = arrow.array(np.ascontiguousarray(batch.vectors, dtype=np.float32).ravel())
            vectors = arrow.FixedSizeListArray.from_arrays(flat, dim)
            columns = [arrow.array([name] * len(batch.vectors)), *(arrow.array(t, arrow.string()) for t in texts)]
            self._writer.write_table(arrow.table([*columns, vectors], schema=schema))


def _utf8(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode()
