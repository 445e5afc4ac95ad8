"""A progress bar with rate and remaining time, on the error stream, so that standard output stays clean for results."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Protocol, TypeVar

T = TypeVar("T")


class Bar(Protocol):
    """A running progress bar."""

    def __call__(self, done: int = 1, note: str | None = None) -> None:
        """Count `done` more units, and show a note (a loss, a count of failures) beside them."""


@contextmanager
def bar(title: str, total: int, *, unit: str = "it", progress: bool = True) -> Iterator[Bar]:
    """Show a bar over `total` units; on a stream that is no terminal, rich prints only its last state."""
    if not progress:
        yield _nothing
        return
    with _drawn(title, total, unit) as advance:
        yield advance


def track(items: Iterable[T], title: str, total: int, *, unit: str = "it", progress: bool = True) -> Iterator[T]:
    """Iterate with a bar that counts every item once it has been used."""
    with bar(title, total, unit=unit, progress=progress) as advance:
        for item in items:
            yield item
            advance()


def _nothing(done: int = 1, note: str | None = None) -> None:
    """Ignore progress; stands in for a bar that is not shown."""


@contextmanager
def _drawn(title: str, total: int, unit: str) -> Iterator[Bar]:
    """Draw a bar with its title, count, rate in units/s, remaining time and a note."""
    from rich.console import Console  # rich takes a tenth of a second, and a search draws no bar
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, Task, TextColumn, TimeRemainingColumn
    from rich.text import Text

    class Rate(TextColumn):
        def render(self, task: Task) -> Text:
            speed = task.finished_speed or task.speed
            return Text("" if speed is None else f"{speed:,.1f} {unit}/s")

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), Rate(""), TimeRemainingColumn())
    with Progress(*columns, TextColumn("{task.fields[note]}"), console=Console(stderr=True)) as progress:
        task = progress.add_task(title, total=total, note="")

        def advance(done: int = 1, note: str | None = None) -> None:
            progress.update(task, advance=done)
            if note is not None:
                progress.update(task, note=note)

        yield advance
