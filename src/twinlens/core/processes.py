"""Worker processes: pools that end with whoever started them, however that ends, and limits of memory."""

from __future__ import annotations

import ctypes
import importlib
import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from typing import Any

LOOK_SECONDS = 0.5
"""Where the system tells no worker that its parent is gone, workers look this often."""
_PR_SET_PDEATHSIG = 1  # prctl(2)


@contextmanager
def pool(
    workers: int, initialise: Callable[..., None] | None = None, arguments: tuple[Any, ...] = ()
) -> Iterator[ProcessPoolExecutor]:
    """Start a pool of fresh processes; on an error or a signal inside the block they are killed at once.

    initialise: is called with `arguments` in each of them. They ignore Ctrl-C, which the terminal sends to all
    processes: the parent is the one that ends them.
    """
    # Spawned: a forked process would inherit torch's locked thread pools.
    context = multiprocessing.get_context("spawn")
    executor = ProcessPoolExecutor(workers, context, _begin, (os.getpid(), initialise, arguments))
    try:
        yield executor
    except BaseException:
        _kill(executor)
        raise
    finally:
        executor.shutdown(cancel_futures=True)


def end_with_parent(parent: int) -> None:
    """Make the kernel kill this process once its parent with this id ends; elsewhere than on Linux, look for that."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # it ended before the call
            os._exit(1)
    else:
        Thread(target=_watch, args=(parent,), daemon=True).start()


def limit_memory(size: int) -> None:
    """Limit this process to `size` bytes of address space beyond what it has; on Linux alone."""
    if sys.platform != "linux":
        return
    resource = importlib.import_module("resource")
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    limit = pages * resource.getpagesize() + size
    resource.setrlimit(resource.RLIMIT_AS, (limit if hard == resource.RLIM_INFINITY else min(limit, hard), hard))


def ending(code: int | None) -> str:
    """Name the way in which a process ended: "SIGKILL" or "exit code 1"."""
    return f"exit code {code}" if code is None or code >= 0 else signal.Signals(-code).name


def _begin(parent: int, initialise: Callable[..., None] | None, arguments: tuple[Any, ...]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    end_with_parent(parent)
    if initialise is not None:
        initialise(*arguments)


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(LOOK_SECONDS)
    os._exit(1)


def _kill(executor: ProcessPoolExecutor) -> None:
    for process in list((executor._processes or {}).values()):
        process.kill()
