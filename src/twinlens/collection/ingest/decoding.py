"""Decoding in worker processes with a time and a memory limit, so that one poisonous picture costs one line."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self, TypeVar

from twinlens.collection.ingest.workers import Pool, WorkerError
from twinlens.core import machine, system
from twinlens.core.types import Arrays, Preparer, Sample, TwinlensError
from twinlens.media.captions import inside

T = TypeVar("T")
R = TypeVar("R")
_COUNTED = re.compile(r" \(\d+ bytes not processed\)")
"""Pillow's addition to "image file is truncated"; without it equal reasons are equal."""
WAITING_BYTES = 2**28
"""Bytes of decoded pictures that may wait for the network: enough that it never waits for them, and no more."""
MAX_AHEAD = 256
MIN_SPAWNED = 256
"""Pictures; decoding fewer takes less time than starting workers, where processes cannot be forked."""


class Job(NamedTuple):
    """A picture to embed. caption: one from beside the file; None: the one within it, if any. key: names the job."""

    path: Path
    caption: str | None
    key: int = 0


@dataclass(frozen=True)
class Decoded:
    """A prepared picture: arrays for the network, (width, height) as people see it, caption, its file's metadata.

    is_cut: the model does not read the end of the caption.
    """

    arrays: Arrays
    size: tuple[int, int] | None
    caption: str
    metadata: Mapping[str, Any] = field(default_factory=dict)
    is_cut: bool = False


@dataclass(frozen=True)
class Failure:
    """The reason why a picture cannot be used, in one line that does not name it."""

    reason: str


@dataclass(frozen=True)
class Limits:
    """Limits for one picture: seconds, and bytes of memory beyond what a worker needs at rest."""

    seconds: float = 30.0
    memory: int = 2 * 10**9


def decode(composer: Preparer, job: Job) -> Decoded | Failure:
    """Prepare one picture in this process."""
    size, carried = inside(job.path)
    text = carried.text if job.caption is None else job.caption
    try:
        arrays = composer.prepare(Sample(id=str(job.path), image=job.path, text=text))
        return Decoded(arrays, size, text, carried.metadata, composer.cuts(text))
    except TwinlensError as error:
        return Failure(_COUNTED.sub("", str(error).removeprefix(f"{job.path}: ")))
    except MemoryError:
        return Failure("needs too much memory")


class Decoder:
    """Decodes in `workers` processes, or with 0 of them in this one, where no limit holds."""

    def __init__(self, composer: Preparer, *, workers: int, limits: Limits) -> None:
        self.composer, self.workers, self.limits = composer, workers, limits

    def __enter__(self) -> Self:
        if self.workers:
            self._pool = Pool(decode, self.composer, seconds=self.limits.seconds, memory=self.limits.memory)
            self._threads = ThreadPoolExecutor(self.workers, thread_name_prefix="decode")
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self.workers:
            self._threads.shutdown(wait=False, cancel_futures=True)
            self._pool.stop()
            self._threads.shutdown()

    def map(self, jobs: Iterable[Job]) -> Iterator[tuple[Job, Decoded | Failure]]:
        """Yield every job with its result, in order."""
        if not self.workers:
            return ((job, decode(self.composer, job)) for job in jobs)
        start = 2 * self.workers
        return ahead(self._threads, self._one, jobs, depth=MAX_AHEAD, weigh=_bytes, start=start)

    def _one(self, job: Job) -> Decoded | Failure:
        try:
            return self._pool.ask(job)
        except WorkerError as error:
            return Failure(str(error))


def ahead(
    threads: ThreadPoolExecutor,
    work: Callable[[T], R],
    items: Iterable[T],
    *,
    depth: int,
    weigh: Callable[[R], int] | None = None,
    start: int = 1,
) -> Iterator[tuple[T, R]]:
    """Yield items with their results, in order; at most `depth` items are read before their results are wanted.

    weigh: returns the bytes of a result, 0 if unknown; no more items are read than make `WAITING_BYTES`, and `start` of
    them while no size is known.
    """
    waiting: deque[tuple[T, Future[R]]] = deque()
    room = start if weigh else depth
    for item in items:
        waiting.append((item, threads.submit(work, item)))
        while len(waiting) >= room:
            first, future = waiting.popleft()
            result = future.result()
            if weigh and (weight := weigh(result)):
                room = max(start, min(depth, WAITING_BYTES // weight))
            yield first, result
    for first, future in waiting:
        yield first, future.result()


def _bytes(result: Decoded | Failure) -> int:
    """Return the bytes of a result's arrays; 0 for a failure."""
    return sum(array.nbytes for array in result.arrays.values()) if isinstance(result, Decoded) else 0


def usual_workers(pictures: int) -> int:
    """Choose the number of workers for some pictures on this machine: one per core, or none if that is faster."""
    if not system.forks() and pictures < MIN_SPAWNED:
        return 0
    return machine.cores()
