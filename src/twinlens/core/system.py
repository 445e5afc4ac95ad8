"""The operating system: what Linux, macOS and Windows do differently, so that no other room asks which one it is."""

from __future__ import annotations

import importlib
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Condition, Lock
from typing import Any

NAME = {"darwin": "macos", "win32": "windows"}.get(sys.platform, sys.platform)
"""linux, macos, windows, or what Python calls another one. The tests put another name here (`make test-systems`)."""
SHARING_SECONDS = 2.0
"""Seconds for which Windows may refuse to replace a file that another process reads."""
LOOK_SECONDS = 0.5
"""Seconds between two looks for a process, on systems that do not signal its end."""
QUIET_SECONDS = 1.0
"""Seconds for which a worker process waits for the end of searches before it starts by a slower way than a fork."""
starting = Lock()
"""Is held while a worker process starts."""
_computing, _counted = 0, Condition()  # blocks of `computing` that run
_SYNCHRONIZE, _TIMEOUT, _FOREVER = 0x00100000, 0x102, 0xFFFFFFFF  # winnt.h, winbase.h


def forks() -> bool:
    """Return True if worker processes may be forked: they start in milliseconds; elsewhere than on Linux it is unsafe.

    On macOS the system's libraries crash in a forked process, and Windows has no fork.
    """
    return NAME == "linux"


@contextmanager
def computing() -> Iterator[None]:
    """Let no other thread fork this process in the block, which multiplies matrices; one that forks is waited for.

    A fork stops OpenBLAS's threads: a product that another thread is in the midst of would never end, nor the fork.
    """
    with starting:
        _count(1)
    try:
        yield
    finally:
        _count(-1)  # without the lock, since whoever starts a worker may wait for this


def _count(step: int) -> None:
    global _computing
    with _counted:
        _computing += step
        _counted.notify_all()


def may_fork() -> bool:
    """Return True once no block of `computing` runs, or False after `QUIET_SECONDS`. Hold `starting`: none begins then.

    The end is waited for only so long, since a block may itself wait for the worker that is to start.
    """
    with _counted:
        return _counted.wait_for(lambda: not _computing, QUIET_SECONDS)


def is_case_blind() -> bool:
    """Return True if the usual file system takes A.jpg and a.jpg for one file."""
    return NAME in ("macos", "windows")


def replace(draft: Path, path: Path) -> None:
    """Put a draft in the place of a file, atomically. Raises OSError.

    Windows refuses while another process has one of them open; that passes, for our readers are quick.
    """
    end = time.monotonic() + SHARING_SECONDS
    while True:
        try:
            draft.replace(path)
        except PermissionError:
            if NAME != "windows" or time.monotonic() > end:
                raise
            time.sleep(0.02)
        else:
            return


def is_alive(process: int) -> bool:
    """Return True if there is a process of this id that this user may signal."""
    if NAME == "windows":  # where signal 0 is Ctrl-C
        return not _has_ended(process, 0)
    try:
        os.kill(process, 0)
    except (OSError, OverflowError):
        return False
    return True


def wait_for_parent(parent: int) -> None:
    """Return once the process that started this one, with this id, has ended.

    On Windows the id of the parent stays after its end, and is that of a launcher in a virtual environment.
    """
    if NAME == "windows":
        _has_ended(parent, _FOREVER)
    else:
        while os.getppid() == parent:
            time.sleep(LOOK_SECONDS)


def windows_api() -> Any:
    """Return the functions of Windows that Python's own `multiprocessing` and `subprocess` use."""
    return importlib.import_module("_winapi")


def _has_ended(process: int, milliseconds: int) -> bool:
    """Wait for the end of a process of Windows, at most so long; return True if there is none."""
    api = windows_api()
    try:
        handle = api.OpenProcess(_SYNCHRONIZE, False, process)
    except (OSError, OverflowError):
        return True
    try:
        return bool(api.WaitForSingleObject(handle, milliseconds) != _TIMEOUT)
    finally:
        api.CloseHandle(handle)
