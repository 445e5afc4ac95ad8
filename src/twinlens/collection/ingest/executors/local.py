"""The executor of one machine: worker processes decode, one thread embeds."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from typing import TypeVar

from twinlens.collection.ingest.decoding import Decoder, Job, ahead, usual_workers
from twinlens.collection.ingest.executors import Embedded, Executor
from twinlens.collection.ingest.executors._batch import embed_batch

T = TypeVar("T")
BATCH_SECONDS = 5.0
"""A batch is embedded after this long though it is not full, so that slow pictures are not kept waiting in memory."""


class LocalExecutor(Executor):
    """Decodes in worker processes with limits, embeds batches in one thread; results come in the order of the jobs."""

    def embed(self, jobs: Iterable[Job]) -> Iterator[Sequence[Embedded]]:
        """Yield batches while the next one is embedded and further pictures are decoded."""
        jobs = iter(jobs)
        first = next(jobs, None)
        if first is None:
            return
        model, options = self.load(), self.options
        workers = usual_workers(self.total) if options.workers is None else options.workers
        with Decoder(model, workers=workers, limits=options.limits) as decoder, _one_thread() as embedding:
            batches = _batches(decoder.map(itertools.chain([first], jobs)), options.batch_size)
            for _, results in ahead(embedding, partial(embed_batch, model), batches, depth=2):
                yield results


@contextmanager
def _one_thread() -> Iterator[ThreadPoolExecutor]:
    """Start a thread that embeds a batch while the one before is committed and the next is decoded."""
    threads = ThreadPoolExecutor(1, thread_name_prefix="embed")
    try:
        yield threads
    finally:
        threads.shutdown(cancel_futures=True)


def _batches(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """Yield lists of `size`, or fewer where filling one takes too long."""
    batch, started = list[T](), time.monotonic()
    for item in items:
        batch.append(item)
        if len(batch) == size or time.monotonic() - started > BATCH_SECONDS:
            yield batch
            batch, started = [], time.monotonic()
    if batch:
        yield batch
