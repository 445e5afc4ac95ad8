"""ONNX graphs from elsewhere, read before native code parses them: their operators, and the files that they name.

A graph is a protocol buffer (onnx.proto): fields of a number and a kind, some of them messages of fields again. Large
tensors are passed over by their length.
"""

from __future__ import annotations

import mmap
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

from twinlens.core.types import TwinlensError
from twinlens.models.runtime.parts import Onnx

BUILT_IN = frozenset({"", "ai.onnx", "ai.onnx.ml", "com.microsoft"})
"""Domains of operators that ONNX Runtime has by itself."""
MOST_FIELDS = 2**29 - 1
"""The largest number of a field that the format allows; readers differ in what they make of others."""
MOST_MESSAGES = 2_000_000
"""Messages of a graph; networks have thousands."""
_MESSAGES = {
    "Model": {7: "Graph", 25: "Function"},
    "Graph": {1: "Node", 5: "Tensor", 15: "Sparse"},
    "Function": {7: "Node"},
    "Node": {5: "Attribute"},
    "Attribute": {5: "Tensor", 6: "Graph", 10: "Tensor", 11: "Graph", 22: "Sparse", 23: "Sparse"},
    "Sparse": {1: "Tensor", 2: "Tensor"},
    "Tensor": {13: "Entry"},
    "Entry": {},
}
"""The messages within each message, by the number of their field."""
_TEXTS = {"Node": {4: "operator", 7: "domain"}, "Function": {1: "name", 10: "domain"}, "Entry": {1: "key", 2: "value"}}
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_Texts: TypeAlias = "dict[str, str]"


@dataclass
class Graph:
    """Needs of a graph: operators by domain and name, those that it defines itself, and files with its tensors."""

    operators: set[tuple[str, str]] = field(default_factory=set)
    own: set[tuple[str, str]] = field(default_factory=set)
    files: set[str] = field(default_factory=set)

    @property
    def foreign(self) -> list[str]:
        """Return the operators that neither ONNX Runtime nor the graph itself has."""
        return sorted(f"{domain}.{name}" for domain, name in self.operators - self.own if domain not in BUILT_IN)


def read(path: Path) -> Graph:
    """Read what a graph asks for. Raises TwinlensError for a file that is none."""
    graph = Graph()
    try:
        with path.open("rb") as file:
            content = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
        for kind, texts in _messages(content):
            _add(graph, kind, texts)
    except (OSError, ValueError, IndexError) as error:
        raise TwinlensError(f"{path} is no ONNX graph: {error}") from error
    if not graph.operators:
        raise TwinlensError(f"{path} is no ONNX graph: it has no operators")
    return graph


def check(path: Path) -> tuple[str, ...]:
    """Return the names of the files beside a graph that hold its tensors.

    Raises TwinlensError for a graph with operators of its makers' own, and for one that names files elsewhere: only
    names that begin with its own are accepted, of regular files in its folder.
    """
    if not _is_file(path):
        raise TwinlensError(f"{path} is no file, or a link to one; put the file itself there")
    graph = read(path)
    if graph.foreign:
        raise TwinlensError(f"{path} needs the operator {graph.foreign[0]}, which is not ONNX Runtime's own; refused")
    for name in sorted(graph.files):
        if not is_beside(path.name, name):
            raise TwinlensError(
                f"{path} keeps its weights in {name!r}; only files beside it are read whose names begin with"
                f" {path.name}, such as {path.name}_data"
            )
        if not _is_file(path.with_name(name)):
            raise TwinlensError(f"{path} keeps its weights in {name}, which is not beside it; copy both")
    return tuple(sorted(graph.files))


def opened(path: Path, *, once: bool = False) -> Onnx:
    """Check a graph, and load it; once: as of `Onnx`.

    Raises TwinlensError for one that is refused, or that ONNX Runtime cannot run.
    """
    check(path)
    try:
        return Onnx(path, once=once)
    except Exception as error:  # whatever ONNX Runtime raises
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise TwinlensError(f"{path} cannot be run: {reason}") from error


def is_beside(graph: str, name: str) -> bool:
    """Return True for the name of a file that may hold the weights of the graph with this name."""
    return re.fullmatch(re.escape(graph) + r"[\w.-]+", name) is not None


def _is_file(path: Path) -> bool:
    try:
        return stat.S_ISREG(path.lstat().st_mode)
    except OSError:
        return False


def _add(graph: Graph, kind: str, texts: _Texts) -> None:
    if kind == "Node":
        graph.operators.add((texts.get("domain", ""), texts.get("operator", "")))
    elif kind == "Function":
        graph.own.add((texts.get("domain", ""), texts.get("name", "")))
    elif kind == "Entry" and texts.get("key") == "location":
        graph.files.add(texts.get("value", ""))


def _messages(content: memoryview) -> Iterator[tuple[str, _Texts]]:
    """Yield every message of a model by kind, with its texts."""
    waiting, count = [("Model", content)], 0
    while waiting:
        kind, message = waiting.pop()
        texts: _Texts = {}
        for number, value in _fields(message):
            if number in _MESSAGES[kind]:
                waiting.append((_MESSAGES[kind][number], value))
            elif number in _TEXTS.get(kind, {}):
                texts[_TEXTS[kind][number]] = bytes(value).decode("utf-8")
        yield kind, texts
        count += 1
        if count > MOST_MESSAGES:
            raise ValueError(f"it has more than {MOST_MESSAGES:,} parts")


def _fields(message: memoryview) -> Iterator[tuple[int, memoryview]]:
    """Yield the fields of a message that have a length, with their content; numbers are passed over."""
    place = 0
    while place < len(message):
        tag, place = _varint(message, place)
        number, kind = tag >> 3, tag & 7
        if not 0 < number <= MOST_FIELDS:
            raise ValueError("it has a field without a number that can be")
        if kind == _BYTES:
            length, place = _varint(message, place)
            if length > len(message) - place:
                raise ValueError("it ends within a field")
            yield number, message[place : place + length]
            place += length
        elif kind == _VARINT:
            _, place = _varint(message, place)
        elif kind in (_FIXED32, _FIXED64):
            place += 4 if kind == _FIXED32 else 8
        else:
            raise ValueError(f"it has a field of the unknown kind {kind}")


def _varint(message: memoryview, place: int) -> tuple[int, int]:
    """Read a number, seven bits to a byte; return it and the place behind it."""
    value = shift = 0
    while shift < 70:
        byte = message[place]
        place, value, shift = place + 1, value | (byte & 0x7F) << shift, shift + 7
        if byte < 0x80:
            return value, place
    raise ValueError("it has a number of more than ten bytes")
