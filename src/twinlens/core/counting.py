"""Counts in sentences: in the singular for one, in the plural for all others."""

from __future__ import annotations


def counted(count: int, one: str, many: str = "") -> str:
    """Return a count with what follows it: "1 picture is gone", "2,000 pictures are gone".

    many: what follows in the plural; by default `one` with an "s".
    """
    return f"{count:,} {one if count == 1 else many or f'{one}s'}"
