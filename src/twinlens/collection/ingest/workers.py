"""Worker processes with time and memory limits, replaced when they die or take too long."""

from __future__ import annotations

import gc
import importlib
import logging
import multiprocessing
import os
import signal
import sys
import warnings
from collections.abc import Callable
from contextlib import nullcontext
from multiprocessing.connection import Connection
from multiprocessing.context import BaseContext
from threading import local
from typing import Any, Generic, TypeVar

from threadpoolctl import threadpool_limits

from twinlens.core import system
from twinlens.core.plugins import Carried
from twinlens.core.processes import Payload, end_with_parent, ending, limit_memory

Job = TypeVar("Job")
Result = TypeVar("Result")
Shared = TypeVar("Shared")

START_SECONDS = 120.0
PRELOADED = ("twinlens.collection.ingest.workers", "twinlens.media.images")
"""Modules that a process apart imports once for all workers that are forked from it."""


def load(*modules: str) -> None:
    """Import modules while no worker starts: one that is forked in the midst of an import never sees its end."""
    with system.starting:
        for name in modules:
            importlib.import_module(name)


class WorkerError(Exception):
    """A worker died of a job, or was ended because the job took too long; the message says which."""


class Pool(Generic[Shared, Job, Result]):
    """Gives every calling thread a process of its own, which runs `work(shared, job)`."""

    def __init__(self, work: Callable[[Shared, Job], Result], shared: Shared, *, seconds: float, memory: int) -> None:
        self.work, self.shared, self.seconds, self.memory = work, shared, seconds, memory
        self._own, self._all, self._stopped = local(), list[_Worker](), False

    def ask(self, job: Job) -> Result:
        """Return the result of one job. Raises WorkerError; the next job gets a fresh process."""
        worker = self.start()
        try:
            result: Result = worker.ask(job, self.seconds)
        except WorkerError:
            self._own.worker = None
            self._all.remove(worker)
            raise
        return result

    def stop(self) -> None:
        """End all processes, whatever they are doing."""
        with system.starting:
            self._stopped = True
            workers = list(self._all)  # the threads take out those that end
        for worker in workers:
            worker.process.kill()
            worker.process.join()

    def start(self) -> _Worker:
        """Start the process of the calling thread, unless it has one. Raises WorkerError where the pool is stopped."""
        known: _Worker | None = getattr(self._own, "worker", None)
        if known is not None:
            return known
        # One at a time: a fork inherits the pipes of those before it, and only those, so that when we are killed the
        # youngest sees its pipe close, ends, and so on.
        with system.starting:
            if self._stopped:
                raise WorkerError("was not decoded, because the work was stopped")
            worker = _Worker(self.work, self.shared, self.memory)
            self._all.append(worker)
        self._own.worker = worker
        return worker


class _Worker:
    def __init__(self, work: Callable[[Any, Any], Any], shared: Any, memory: int) -> None:
        context = _context()
        self.pipe, theirs = context.Pipe()
        payload = Payload((Carried(), work, shared))
        self.process = context.Process(  # type: ignore[attr-defined]
            target=_serve, args=(os.getpid(), self.pipe, theirs, payload, memory), daemon=True
        )
        with nullcontext() if context.get_start_method() == "fork" else payload.hidden_main():
            self.process.start()
        theirs.close()
        self.ready = False

    def ask(self, job: Any, seconds: float) -> Any:
        try:
            if not self.ready:
                self.ready = self._receive(START_SECONDS)
            self.pipe.send(job)
            return self._receive(seconds)
        except (EOFError, OSError) as error:
            self.process.join(1)
            self._end()
            raise WorkerError(f"its decoder ended ({ending(self.process.exitcode)})") from error

    def _receive(self, seconds: float) -> Any:
        if self.pipe.poll(seconds):
            return self.pipe.recv()
        self._end()
        raise WorkerError(f"took longer than {seconds:g} s")

    def _end(self) -> None:
        self.process.kill()
        self.process.join()
        self.pipe.close()


def _context() -> BaseContext:
    """Return how to start a worker now: forked from this process, or where its threads compute on from one apart.

    A fork takes milliseconds, shares the memory of this process, and needs no main module that can be imported.
    `system.starting` is held.
    """
    if not system.forks():
        return multiprocessing.get_context("spawn")
    if system.may_fork():
        return multiprocessing.get_context("fork")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([*PRELOADED, *(["torch"] if "torch" in sys.modules else [])])
    return context


def _serve(parent: int, ours: Connection, pipe: Connection, payload: Payload, memory: int) -> None:
    """Serve jobs until the parent process, which has this id, is gone."""
    # Never collect what the parent left: a network's session would wait at its end for threads that a fork lacks.
    gc.freeze()
    ours.close()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that knows what is committed
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    end_with_parent(parent)
    _, work, shared = payload.unpacked()
    _quieten()
    _use_one_thread()
    limit_memory(memory)
    try:
        pipe.send(True)
        while True:
            pipe.send(work(shared, pipe.recv()))
    except (EOFError, BrokenPipeError):
        return


def _quieten() -> None:
    """Silence libraries that print about damaged files; our own tracebacks are still seen."""
    warnings.simplefilter("ignore")
    logging.disable()
    sys.stderr = os.fdopen(os.dup(2), "w")
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    os.close(nowhere)


def _use_one_thread() -> None:
    """Use one thread per worker: workers are the parallelism, and a thread pool hangs after a fork."""
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    for module, setter, count in (("torch", "set_num_threads", 1), ("cv2", "setNumThreads", 0)):
        if module in sys.modules:
            getattr(sys.modules[module], setter)(count)
    threadpool_limits(1)  # of NumPy's matrix products; without it visual words take three times as long
