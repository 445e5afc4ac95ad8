"""One thread per collection that answers all searches waiting at a moment in one pass."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from queue import Empty, Full, Queue
from threading import Thread

from twinlens.collection.search.records import Hits
from twinlens.collection.search.request import SearchRequest
from twinlens.service.errors import RequestError

BATCH = 32
"""The most requests that are answered in one pass."""


@dataclass(frozen=True)
class Answer:
    """Hits, the samples that went through a network for them, and the seconds that the networks took for the batch."""

    hits: Hits
    embedded: int
    seconds: float


@dataclass
class _Waiting:
    request: SearchRequest
    future: Future[Answer] = field(default_factory=Future)


class Batcher:
    """Takes requests from any thread; answers up to `BATCH` of them at once by `answer_all`, in its own thread.

    A request that is wrong fails alone: the batch is halved until it is found.
    """

    def __init__(
        self,
        answer_all: Callable[[Sequence[SearchRequest]], Sequence[Answer]],
        *,
        waiting: int,
        observe: Callable[[int, float], None],
    ) -> None:
        self._answer_all, self._observe = answer_all, observe
        self._queue: Queue[_Waiting | None] = Queue(waiting)
        self._thread = Thread(target=self._run, name="searches", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Answer what waits, and end the thread."""
        if self._thread.is_alive():
            self._queue.put(None)
            self._thread.join()

    def submit(self, request: SearchRequest) -> Future[Answer]:
        """Return the future answer to a request. Raises RequestError where too many wait."""
        waiting = _Waiting(request)
        try:
            self._queue.put_nowait(waiting)
        except Full:
            raise RequestError(429, "too many searches wait; try again in a moment") from None
        return waiting.future

    def _run(self) -> None:
        while (first := self._queue.get()) is not None:
            batch, ends = [first], False
            while len(batch) < BATCH and not ends:
                try:
                    waiting = self._queue.get_nowait()
                except Empty:
                    break
                if waiting is None:
                    ends = True
                else:
                    batch.append(waiting)
            begun = time.perf_counter()
            self._answer([one for one in batch if one.future.set_running_or_notify_cancel()])
            self._observe(len(batch), time.perf_counter() - begun)
            if ends:
                return

    def _answer(self, batch: Sequence[_Waiting]) -> None:
        if not batch:
            return
        try:
            answers = self._answer_all([one.request for one in batch])
        except Exception as error:
            if len(batch) == 1:
                batch[0].future.set_exception(error)
                return
            half = len(batch) // 2
            self._answer(batch[:half])
            self._answer(batch[half:])
            return
        for one, answer in zip(batch, answers, strict=True):
            one.future.set_result(answer)
