"""Tables, as plain text for terminals and as Markdown for documents."""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TextIO

from twinlens.core.escaping import escaped
from twinlens.report.estimate import Estimate

if TYPE_CHECKING:
    from rich.table import Table as RichTable

_NUMBER = re.compile(r"[-−+]?[\d.,]+( ?%)?( ± [\d.]+)?|–|")


def cell(value: object, *, digits: int = 2) -> str:
    """Format a value: "0.93 ± 0.01" for an estimate, `digits` decimals for a float, "–" for None and NaN."""
    match value:
        case None:
            return "–"
        case Estimate(mean=mean):
            number, spread = cell(mean, digits=digits), value.spread
            return number if math.isnan(mean) or spread == 0 else f"{number} ± {spread:.{digits}f}"
        case float():
            return "–" if math.isnan(value) else f"{value:.{digits}f}"
        case _:
            return str(value)


@dataclass(frozen=True)
class Table:
    """Rows of values under column names; columns of numbers are aligned right.

    `digits` decimals for floats. Raises ValueError when a row's length is not that of the columns.
    """

    columns: Sequence[str]
    rows: Sequence[Sequence[object]]
    title: str = ""
    digits: int = 2

    def __post_init__(self) -> None:
        if any(len(row) != len(self.columns) for row in self.rows):
            raise ValueError(f"every row needs {len(self.columns)} cells, one for each of the columns")

    def markdown(self) -> str:
        """Format the table as GitHub's Markdown, the title above it in bold."""
        rules = ("---:" if right else "---" for right in self._right())
        lines = [_line(self.columns), _line(rules), *(_line(row) for row in self._cells())]
        return "\n".join([f"**{escaped(self.title)}**", "", *lines] if self.title else lines) + "\n"

    def plain(self, *, width: int = 100) -> str:
        """Format the table as text at most `width` characters wide, without colours; long cells wrap."""
        from rich.console import Console

        console = Console(width=width, color_system=None, highlight=False)
        with console.capture() as capture:
            console.print(self._rich())
        return "\n".join(line.rstrip() for line in capture.get().splitlines()) + "\n"

    def print(self, file: TextIO | None = None) -> None:
        """Print the table as wide as the terminal, or 100 characters wide without one."""
        from rich.console import Console

        out = file or sys.stdout
        if out.isatty():
            Console(file=out, highlight=False).print(self._rich())
        else:
            out.write(self.plain())

    def _rich(self) -> RichTable:
        from rich import box
        from rich.table import Table as RichTable
        from rich.text import Text

        table = RichTable(
            title=Text(escaped(self.title)) if self.title else None, title_justify="left", box=box.SIMPLE_HEAD
        )
        for column, right in zip(self.columns, self._right(), strict=True):
            table.add_column(Text(escaped(column)), justify="right" if right else "left", overflow="fold")
        for row in self._cells():
            table.add_row(*(Text(escaped(text)) for text in row))  # as Text: a caption's brackets are no markup
        return table

    def _cells(self) -> list[list[str]]:
        return [[cell(value, digits=self.digits) for value in row] for row in self.rows]

    def _right(self) -> list[bool]:
        """Return the columns of numbers alone, which are aligned right."""
        cells = self._cells()
        return [bool(cells) and all(_NUMBER.fullmatch(row[n]) for row in cells) for n in range(len(self.columns))]


def _line(cells: Iterable[str]) -> str:
    return "| " + " | ".join(escaped(text.replace("\n", " ")).replace("|", "\\|") for text in cells) + " |"
