"""The run itself: what is unchanged is passed over, what moved keeps its vector, the rest is embedded and committed."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import TypeAlias, TypeVar

import numpy as np

from twinlens.collection.ingest.decoding import Decoded, Decoder, Failure, Job, ahead, usual_workers
from twinlens.collection.ingest.files import CHANGED_MEANWHILE, Files, Work
from twinlens.collection.ingest.report import Options, Report
from twinlens.collection.ingest.scan import Scan
from twinlens.collection.store import Entry, Generation, Store, Vectors
from twinlens.core.progress import Bar, bar
from twinlens.core.types import Embedder
from twinlens.media import sources

T = TypeVar("T")
COMMIT_SECONDS = 2.0
"""How much finished work a kill may cost, at most."""
BATCH_SECONDS = 5.0
"""A batch is embedded after this long though it is not full, so that slow pictures are not kept waiting in memory."""


def ingest(store: Store, generation: Generation, load: Callable[[], Embedder], scan: Scan, options: Options) -> Report:
    """Bring a collection up to date with what a scan found, under one generation's model.

    load gives the model, and is asked only if there is something to embed. Committed at least every few seconds; after
    Ctrl-C the report says `stopped`, and the next run goes on from there. Raises TwinlensError when the disk is full or
    a table of captions is broken; what was committed stays.
    """
    report = Report(found=len(scan), passed=dict(scan.passed))
    files = Files(store, generation, report, retry=options.retry)
    with (
        _reported(store, report),
        bar("indexing", len(scan), unit="pictures", progress=options.progress) as advance,
        ThreadPoolExecutor(2, thread_name_prefix="hash") as threads,
    ):
        hashed = ahead(threads, _hashed, _looked(files, scan, advance), depth=32)
        fresh = _unsettled(files, hashed, advance)
        for batch in _embedded(load, store, fresh, lambda work: work.job, len(scan), options):
            with store.change():
                for work, result in batch:
                    _note(files, work, result)
            advance(len(batch), note=f"{report.failed} failed" if report.failed else None)
        for root in scan.roots:
            files.remove_missing(root)
    report.problems = scan.problems
    return report


def reembed(store: Store, generation: Generation, load: Callable[[], Embedder], options: Options) -> Report:
    """Make the vectors that a generation lacks, from files that are still as the collection knows them.

    What cannot be read now is in the report and keeps its row. Stops and goes on like `ingest`.
    """
    total = store.counts(generation.number)[1]
    report, late = Report(found=total), store.serving() == generation
    with _reported(store, report), bar("embedding", total, unit="pictures", progress=options.progress) as advance:
        current = _current(store.without_vector(generation.number), report, advance)
        for batch in _embedded(load, store, current, lambda pair: pair[1].job, total, options):
            with store.change():
                for (entry, work), result in batch:
                    if isinstance(result, Failure):
                        report.fail(work.path, result.reason)
                    else:
                        store.put_vector(entry.row, generation, result[1], late=late)
                        report.added += 1
            advance(len(batch))
    return report


@contextmanager
def _reported(store: Store, report: Report) -> Iterator[None]:
    """Commit at the end and on Ctrl-C, forget the unfinished rest on an error; count the seconds."""
    started = time.monotonic()
    try:
        yield
    except KeyboardInterrupt:
        report.stopped = True
    except BaseException:
        store.rollback()
        raise
    store.commit()
    report.seconds = time.monotonic() - started


def _looked(files: Files, scan: Scan, advance: Bar) -> Iterator[Work]:
    for path, said in scan.pictures():
        work = files.look(path, said)
        if work:
            yield work
        else:
            advance()


def _hashed(work: Work) -> Work | Failure:
    try:
        return replace(work, hash=sources.content_hash(work.path))
    except OSError as error:
        return Failure(f"cannot be read: {error.strerror}")


def _unsettled(files: Files, hashed: Iterable[tuple[Work, Work | Failure]], advance: Bar) -> Iterator[Work]:
    """The works whose content must be embedded."""
    for work, result in hashed:
        if isinstance(result, Failure):
            files.fail(work, result.reason)
        elif not files.settle(result):
            yield result
            continue
        advance()


def _current(entries: Iterable[Entry], report: Report, advance: Bar) -> Iterator[tuple[Entry, Work]]:
    for entry in entries:
        caption = entry.caption if entry.given else None
        work = Work(entry.path, entry.size, entry.mtime_ns, caption, entry.metadata, entry.hash)
        if work.is_current():
            yield entry, work
        else:
            report.fail(entry.path, "is gone or has changed; index its folder again")
            advance()


Embedded: TypeAlias = "tuple[Decoded, Vectors] | Failure"


def _embedded(
    load: Callable[[], Embedder],
    store: Store,
    items: Iterator[T],
    job: Callable[[T], Job],
    total: int,
    options: Options,
) -> Iterator[list[tuple[T, Embedded]]]:
    """Batches with vectors (D,); what was stored of them is committed every few seconds, the first at once."""
    first = next(items, None)
    if first is None:
        return
    composer, committed = load(), -COMMIT_SECONDS
    workers = usual_workers(total) if options.workers is None else options.workers
    with Decoder(composer, workers=workers, limits=options.limits) as decoder, _one_thread() as embedding:
        batches = _batches(decoder.map(itertools.chain([first], items), job), options.batch_size)
        for _, batch in ahead(embedding, partial(_with_vectors, composer), batches, depth=2):
            yield batch
            if time.monotonic() - committed >= COMMIT_SECONDS:
                store.commit()
                committed = time.monotonic()


@contextmanager
def _one_thread() -> Iterator[ThreadPoolExecutor]:
    """A thread that embeds a batch while the one before is committed and the next is decoded."""
    threads = ThreadPoolExecutor(1, thread_name_prefix="embed")
    try:
        yield threads
    finally:
        threads.shutdown(cancel_futures=True)


def _batches(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """Lists of `size`, or fewer where filling one takes too long."""
    batch, started = list[T](), time.monotonic()
    for item in items:
        batch.append(item)
        if len(batch) == size or time.monotonic() - started > BATCH_SECONDS:
            yield batch
            batch, started = [], time.monotonic()
    if batch:
        yield batch


def _with_vectors(composer: Embedder, batch: list[tuple[T, Decoded | Failure]]) -> list[tuple[T, Embedded]]:
    good = [result for _, result in batch if isinstance(result, Decoded)]
    vectors = iter(composer.embed_prepared([decoded.arrays for decoded in good]) if good else ())
    return [(item, r if isinstance(r, Failure) else _checked(r, next(vectors))) for item, r in batch]


def _checked(decoded: Decoded, vector: Vectors) -> Embedded:
    # Not a number compares with nothing: one such vector would spoil every ranking.
    return (decoded, vector) if np.isfinite(vector).all() else Failure("the model makes no usable vector of it")


def _note(files: Files, work: Work, result: Embedded) -> None:
    if not work.is_current():
        files.report.fail(work.path, CHANGED_MEANWHILE)
    elif isinstance(result, Failure):
        files.fail(work, result.reason)
    else:
        files.add(work, *result)
