"""Processes that tests start: Ctrl-C that reaches them, those below them, and whether they are there."""

from __future__ import annotations

import signal
from pathlib import Path

from tests.patience import core_seconds_until


def heed_ctrl_c() -> None:
    """Jobs in the background of a shell ignore Ctrl-C, and so would what they start."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


def descendants(process: int) -> set[int]:
    """The processes below one, however deep."""
    found, waiting = set[int](), [process]
    while waiting:
        try:
            tasks = Path(f"/proc/{waiting[-1]}/task").iterdir()
            children = {int(child) for task in tasks for child in (task / "children").read_text().split()}
        except OSError:  # it has ended
            children = set()
        waiting.pop()
        waiting += children
        found |= children
    return found


def is_there(process: int) -> bool:
    """False for one that has ended, also where nobody has asked how."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def gone(processes: set[int]) -> float:
    """Seconds until all of these have ended."""
    return core_seconds_until(lambda: not any(map(is_there, processes)))
