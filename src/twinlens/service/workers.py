"""Worker processes that decode pictures of queries and draw thumbnails, as indexing has them: bounded, replaceable."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from threading import Barrier, BrokenBarrierError
from typing import Generic, TypeVar

from twinlens.collection.ingest.decoding import Limits as DecodingLimits
from twinlens.collection.ingest.workers import Pool, WorkerError
from twinlens.collection.model import Model
from twinlens.core.types import Arrays, Sample, TwinlensError
from twinlens.media.images import BadPicture
from twinlens.service.errors import RequestError
from twinlens.service.pictures import QueryPicture

Shared = TypeVar("Shared")
Job = TypeVar("Job")
Result = TypeVar("Result")


class Workers(Generic[Shared, Job, Result]):
    """Runs `work(shared, job)` in `count` processes; an error that the user can mend is raised here."""

    def __init__(self, work: Callable[[Shared, Job], Result], shared: Shared, *, count: int, seconds: float) -> None:
        self._pool = Pool(_Told(work), shared, seconds=seconds, memory=DecodingLimits().memory)
        # Each thread has a process of its own, and lives as long as that: the process ends with its thread.
        self._threads = ThreadPoolExecutor(count, thread_name_prefix="worker")
        self.count = count

    def map(self, jobs: Sequence[Job]) -> list[Result]:
        """Return the results of jobs, in order. Raises BadPicture where one cannot be decoded."""
        return list(self._threads.map(self._ask, jobs))

    def one(self, job: Job) -> Result:
        """Return the result of one job. Raises as `map`."""
        return self.map([job])[0]

    def begin(self, job: Job | None = None) -> None:
        """Start all processes, and let one of them do a job, if given, that nobody waits for."""
        each_thread = Barrier(self.count + 1)
        for _ in range(self.count):
            self._threads.submit(self._start, each_thread)
        with suppress(BrokenBarrierError):  # the pool is stopped, or a process cannot be started: `_ask` tells
            each_thread.wait()
        if job is not None:
            self._threads.submit(self._ask, job)

    def stop(self) -> None:
        """End the processes, whatever they are doing."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._pool.stop()

    def _start(self, each_thread: Barrier) -> None:
        try:
            self._pool.start()
        except (WorkerError, OSError):
            each_thread.abort()
        else:
            with suppress(BrokenBarrierError):
                each_thread.wait()  # so that no thread takes the place of another

    def _ask(self, job: Job) -> Result:
        try:
            answer = self._pool.ask(job)
        except WorkerError as error:
            raise BadPicture(f"the picture cannot be used: {error}") from error
        if isinstance(answer, _Fault):
            raise BadPicture(answer.line) if answer.status is None else RequestError(answer.status, answer.line)
        return answer


class _Fault:
    """An error of a job, as it travels between processes."""

    def __init__(self, line: str, status: int | None = None) -> None:
        self.line, self.status = line, status


class _Told(Generic[Shared, Job, Result]):
    """Work whose errors are returned, so that the process goes on with the next job."""

    def __init__(self, work: Callable[[Shared, Job], Result]) -> None:
        self.work, self.process = work, os.getpid()

    def __call__(self, shared: Shared, job: Job) -> Result | _Fault:
        if self.process != os.getpid():
            self.process = os.getpid()
            _close_connections()
        try:
            return self.work(shared, job)
        except RequestError as error:
            return _Fault(str(error), error.status)
        except TwinlensError as error:
            return _Fault(str(error))
        except MemoryError:
            return _Fault("the picture needs too much memory; make it smaller")
        except Exception as error:
            return _Fault(f"the picture cannot be decoded ({type(error).__name__})")


def _close_connections() -> None:
    """Close the connections of clients that this process was forked with: they would not end with the service's."""
    with suppress(OSError):
        for name in os.listdir("/proc/self/fd"):  # noqa: PTH208 - only the numbers are wanted
            with suppress(OSError):
                connection = socket.socket(fileno=os.dup(int(name)))
                is_remote = connection.family in (socket.AF_INET, socket.AF_INET6)
                connection.close()
                if is_remote:
                    os.close(int(name))


def prepare(model: Model, sample: Sample) -> Arrays:
    """Prepare a sample for a model's networks; its picture is decoded once, within its limits."""
    picture = sample.image
    if isinstance(picture, QueryPicture):
        sample = replace(sample, image=picture() if picture.path is None else picture.path)
    return model.prepare(sample)
