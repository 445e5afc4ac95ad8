"""Conditions as trees: what the parser makes of a text, and `filters` turns into SQL."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True)
class Date:
    """A moment, a day, a month or a year, as ISO 8601 writes the beginning of a time."""

    text: str


Value: TypeAlias = "str | float | bool | Date"


@dataclass(frozen=True)
class Compare:
    """Compares a field with a value; op is one of = < <= > >= like has."""

    field: tuple[str, ...]
    op: str
    value: Value


@dataclass(frozen=True)
class Has:
    """Holds where the field has a value."""

    field: tuple[str, ...]


@dataclass(frozen=True)
class Below:
    """Holds for pictures below a folder, given as the bytes of its absolute path."""

    folder: bytes


@dataclass(frozen=True)
class Near:
    """Holds for pictures taken within some kilometres of a place, given in degrees."""

    latitude: float
    longitude: float
    kilometres: float


@dataclass(frozen=True)
class Not:
    """Negates a condition."""

    part: Node


@dataclass(frozen=True)
class Every:
    """Holds where all parts hold."""

    parts: tuple[Node, ...]


@dataclass(frozen=True)
class Some:
    """Holds where at least one part holds."""

    parts: tuple[Node, ...]


Node: TypeAlias = "Compare | Has | Below | Near | Not | Every | Some"
