"""How long tests wait for what is promised within some seconds."""

from __future__ import annotations

import time
from collections.abc import Callable


def core_seconds_until(true: Callable[[], bool], at_most: float = 20.0) -> float:
    """Measure the seconds that a core has for this process until something holds, `at_most` if it does not.

    This process works while it waits. Where others compute too, what is waited for gets no larger share of the cores
    than this process: on a busy machine a promise is judged by time that it could have used.
    """
    begun, ended = time.thread_time(), time.monotonic() + 10 * at_most
    while not true():
        if (passed := time.thread_time() - begun) > at_most or time.monotonic() > ended:
            return max(passed, at_most)
    return time.thread_time() - begun
