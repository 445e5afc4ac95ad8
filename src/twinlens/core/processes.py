"""Worker processes: pools that end with whoever started them, however that ends, and limits of memory."""

from __future__ import annotations

import ctypes
import importlib
import multiprocessing
import os
import signal
import sys
from collections.abc import Callable, Collection, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from contextlib import contextmanager
from multiprocessing.context import BaseContext
from multiprocessing.process import BaseProcess
from multiprocessing.reduction import ForkingPickler
from pathlib import Path
from threading import Thread, current_thread, main_thread
from types import ModuleType
from typing import Any, TypeVar

from twinlens.core import system
from twinlens.core.plugins import Carried

Result = TypeVar("Result")
LOOK_SECONDS = 0.1
"""Time between two looks for signals while work is waited for."""
_PR_SET_PDEATHSIG = 1  # prctl(2)
_ENDING = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def pool(
    workers: int, initialise: Callable[..., None] | None = None, arguments: tuple[Any, ...] = ()
) -> Iterator[ProcessPoolExecutor]:
    """Start a pool of fresh processes; on an error or a signal inside the block they are killed at once.

    initialise: is called with `arguments` in each of them. Submit work under `held_signals`, and wait by `completed`.
    """
    packed = Payload((Carried(), initialise, arguments, dict(os.environ)))
    executor = ProcessPoolExecutor(workers, _fresh(), _begin, (os.getpid(), packed))
    try:
        yield executor
    except BaseException:
        kill((executor._processes or {}).values())
        raise
    finally:
        executor.shutdown(cancel_futures=True)


def _fresh() -> BaseContext:
    """Return how to start processes that take over none of this one's threads and locks, as torch has them.

    Where processes can be forked, one apart imports our modules that are loaded here, torch with them, once for all.
    """
    if not system.forks():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([name for name in sys.modules if name.startswith("twinlens.")])
    return context


def completed(futures: Collection[Future[Result]]) -> Iterator[Future[Result]]:
    """Yield the futures of a pool as they complete; Ctrl-C and SIGTERM come between two looks at them.

    An error that a signal raises within `Future.result` or `as_completed` may leave a lock taken, for which the thread
    that manages the pool then waits for ever.
    """
    left = set(futures)
    while left:
        with held_signals():
            done, left = wait(left, LOOK_SECONDS, return_when=FIRST_COMPLETED)
        yield from done


@contextmanager
def held_signals() -> Iterator[None]:
    """Deliver Ctrl-C and SIGTERM at the end of the block only, in which worker processes are started.

    Interrupted halfway, a start leaves a process that complains; what is started inherits the delay until it calls
    `begin_worker`. Outside the main thread, which signals reach, nothing is held.
    """
    if current_thread() is not main_thread() or not hasattr(signal, "pthread_sigmask"):
        yield
        return
    came: list[int] = []  # by way of other threads, which the mask of this one does not cover
    handlers = {number: signal.getsignal(number) for number in _ENDING}
    for number in handlers:
        signal.signal(number, lambda number, _frame: came.append(number))
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, _ENDING)
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        for number in map(signal.Signals, came):
            signal.raise_signal(number)


def begin_worker(parent: int) -> None:
    """Prepare a worker process: it ends with its parent and by SIGTERM, and ignores Ctrl-C.

    The terminal sends Ctrl-C to all processes; the parent is the one that ends the others.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _ENDING)
    end_with_parent(parent)


@contextmanager
def killed_on_error() -> Iterator[None]:
    """Kill the processes that are started in the block, by whatever library, if an error or a signal ends it."""
    before = set(multiprocessing.active_children())
    try:
        yield
    except BaseException:
        kill(set(multiprocessing.active_children()) - before)
        raise


def kill(workers: Iterable[BaseProcess]) -> None:
    """Kill processes and wait for their ends, which no handler hears of: torch's takes them for failures."""
    in_charge = current_thread() is main_thread() and hasattr(signal, "SIGCHLD")
    handler = signal.signal(signal.SIGCHLD, signal.SIG_DFL) if in_charge else None
    workers = list(workers)
    for worker in workers:
        worker.kill()
    for worker in workers:
        worker.join()
    if handler is not None:
        signal.signal(signal.SIGCHLD, handler)


def end_with_parent(parent: int) -> None:
    """End this process once the one with this id does, which started it or had a fork server start it.

    On Linux the kernel kills what the parent itself started; otherwise a thread waits for its end.
    """
    if system.NAME != "linux":
        Thread(target=_watch, args=(parent,), daemon=True).start()
        return
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() == parent:
        return
    known = multiprocessing.parent_process()
    if known is None or known.pid != parent:  # it ended before the call
        os._exit(1)
    Thread(target=_end_after, args=(known,), daemon=True).start()


def limit_memory(size: int) -> None:
    """Limit this process to `size` bytes of address space beyond what it has; on Linux alone."""
    if system.NAME != "linux":
        return
    resource = importlib.import_module("resource")
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    limit = pages * resource.getpagesize() + size
    resource.setrlimit(resource.RLIMIT_AS, (limit if hard == resource.RLIM_INFINITY else min(limit, hard), hard))


def limit_seconds(count: int) -> None:
    """Limit this process to some seconds of the processor's time, at whose end it is killed; not on Windows."""
    if system.NAME != "windows":
        resource = importlib.import_module("resource")
        resource.setrlimit(resource.RLIMIT_CPU, (count, count))


def ending(code: int | None) -> str:
    """Name the way in which a process ended: "SIGKILL" or "exit code 1"."""
    return f"exit code {code}" if code is None or code >= 0 else signal.Signals(-code).name


class Payload:
    """A value that reaches a process as bytes, which it unpacks when it is asked to.

    A process that imports torch while it reads its arguments keeps its parent waiting for seconds.
    """

    def __init__(self, value: Any = None, packed: bytes = b"") -> None:
        self.value, self.packed = value, packed

    def __reduce__(self) -> tuple[type[Payload], tuple[None, bytes]]:
        # For each process anew: what torch shares with one is gone once that has taken it.
        return Payload, (None, self.packed or bytes(ForkingPickler.dumps(self.value)))

    def unpacked(self) -> Any:
        """Return the value."""
        return ForkingPickler.loads(self.packed) if self.packed else self.value

    @contextmanager
    def hidden_main(self) -> Iterator[None]:
        """Start in the block a process that gets this value, and does not run the user's program again for it.

        A fresh process does so unless the program guards itself by `if __name__ == "__main__"`, which one that only
        adds pictures need not know of. It still does where the value is of a class or a function of that program.
        """
        self.packed = self.packed or bytes(ForkingPickler.dumps(self.value))
        main = sys.modules["__main__"]
        if b"__main__" not in self.packed:
            sys.modules["__main__"] = ModuleType("__main__")
        try:
            yield
        finally:
            sys.modules["__main__"] = main


def _begin(parent: int, packed: Payload) -> None:
    begin_worker(parent)
    _, initialise, arguments, environment = packed.unpacked()
    os.environ.clear()  # the process apart has that of its own start
    os.environ.update(environment)
    if initialise is not None:
        initialise(*arguments)


def _end_after(parent: BaseProcess) -> None:
    parent.join()
    os._exit(1)


def _watch(parent: int) -> None:
    system.wait_for_parent(parent)
    os._exit(1)
