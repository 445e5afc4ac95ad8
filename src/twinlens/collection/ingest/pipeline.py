"""The run itself: unchanged files are skipped, moved ones keep their vectors, others are embedded and committed."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from functools import lru_cache, partial
from itertools import count
from typing import Generic, TypeVar

from twinlens.collection.ingest.decoding import Failure, ahead
from twinlens.collection.ingest.executors import Embedded, Executor
from twinlens.collection.ingest.files import Files, Work
from twinlens.collection.ingest.leaving import Leaving
from twinlens.collection.ingest.options import Options, Report
from twinlens.collection.ingest.presence import Presence
from twinlens.collection.ingest.scan import Scan
from twinlens.collection.ingest.shared_texts import report_lines, shared_texts, withdraw
from twinlens.collection.ingest.videos import Notes, Videos
from twinlens.collection.store import Entry, Generation, Store
from twinlens.core import variants
from twinlens.core.counting import counted
from twinlens.core.progress import Bar, bar
from twinlens.core.types import Embedder
from twinlens.media import fields, formats, places, sources

T = TypeVar("T")
COMMIT_SECONDS = 2.0
"""The finished work that a kill may cost, at most."""


def ingest(store: Store, generation: Generation, load: Callable[[], Embedder], scan: Scan, options: Options) -> Report:
    """Bring a collection up to date with what a scan found, under one generation's model.

    load: returns the model, and is called only if there is something to embed. Committed at least every few seconds;
    after Ctrl-C the report says `stopped`, and the next run goes on from there. Raises TwinlensError when the disk is
    full or a table of captions is broken; what was committed stays.
    """
    scan.check(store, prune=options.prune)
    report = Report(found=len(scan), passed=dict(scan.passed), left_out=dict(+scan.rules.counts))
    presence = Presence(store.mount_points(), scan.unlisted, scan.listings)
    files = Files(store, generation, report, presence, retry=options.retry)
    before = {root: store.count_below(root) for root in (*scan.roots, *scan.absent)}
    with store.change():  # now: a kill may come before the end
        store.set_mount_points(presence.mounted | presence.lost)
    with (
        _reported(store, report),
        bar("indexing", len(scan), unit="pictures", progress=options.progress) as advance,
        _threads() as threads,
        Videos(workers=options.workers, limits=options.limits) as videos,
    ):
        hashed = ahead(threads, partial(_hashed, videos), _looked(files, scan, advance), depth=32)
        fresh, notes = _Numbered(_unsettled(files, hashed, advance)), Notes(files)
        executor = _executor(lru_cache(maxsize=1)(load), options, len(scan))
        for batch in _committing(store, executor.embed(work.job(key) for key, work in fresh)):
            with store.change():
                done = sum(notes.note(fresh.take(embedded), embedded) for embedded in batch)
            advance(done, note=f"{report.failed} failed" if report.failed else None)
        report.problems = _without_shared_texts(store, generation, executor)
        leaving = Leaving(store, presence, report, prune=options.prune, excludes=scan.rules.excludes)
        for root, count_before in before.items():
            leaving.below(root, count_before)
            if root in scan.absent:
                leaving.file(root)
        leaving.failures()
        leaving.note_mounts(before)
    for path, reason in scan.refused:
        report.fail(path, reason)
    report.problems = [*scan.problems, *report.problems, *_remarks(report)]
    return report


def _remarks(report: Report) -> Iterator[str]:
    """Tell how many captions are searched by their beginning alone, and how many places have no name."""
    if report.cut:
        longer = counted(report.cut, "caption is longer", "captions are longer")
        yield f"{longer} than the model reads: the end is not searched"
    if report.unnamed_places:
        have = counted(report.unnamed_places, "picture has", "pictures have")
        yield f"{have} coordinates; to name the places: {places.CURE}, then run twinlens index again"


def _without_shared_texts(store: Store, generation: Generation, executor: Executor) -> list[str]:
    texts = shared_texts(store)
    if not texts:
        return []
    count = sum(_committing(store, withdraw(store, generation, executor, texts)))
    return list(report_lines(texts, count))


def reembed(store: Store, generation: Generation, load: Callable[[], Embedder], options: Options) -> Report:
    """Make the vectors that a generation lacks, from files that are still as the collection knows them.

    A file that cannot be read now is in the report and keeps its row. Stops and goes on like `ingest`.
    """
    total = store.counts(generation.number)[1]
    report, late = Report(found=total), store.serving() == generation
    with _reported(store, report), bar("embedding", total, unit="pictures", progress=options.progress) as advance:
        current = _Numbered(_current(store.without_vector(generation.number), report, advance))
        executor = _executor(load, options, total)
        for batch in _committing(store, executor.embed(work.job(key) for key, (_, work) in current)):
            with store.change():
                for embedded in batch:
                    entry, work = current.take(embedded)
                    if embedded.vector is None:
                        report.fail(work.path, embedded.failure or "")
                    else:
                        store.put_vector(entry.row, generation, embedded.vector, late=late)
                        report.added += 1
            advance(len(batch))
    return report


@contextmanager
def _threads() -> Iterator[ThreadPoolExecutor]:
    """Start threads that hash files; when they are not needed any more, those that wait are not begun."""
    threads = ThreadPoolExecutor(2, thread_name_prefix="hash")
    try:
        yield threads
    finally:
        threads.shutdown(cancel_futures=True)


class _Numbered(Generic[T]):
    """Gives every item a key, and returns the item to whom its result comes back by that key."""

    def __init__(self, items: Iterable[T]) -> None:
        self._items, self._waiting = items, dict[int, T]()

    def __iter__(self) -> Iterator[tuple[int, T]]:
        for key, item in zip(count(), self._items, strict=False):
            self._waiting[key] = item
            yield key, item

    def take(self, embedded: Embedded) -> T:
        """Return the item of a result."""
        return self._waiting.pop(embedded.key)


def _executor(load: Callable[[], Embedder], options: Options, total: int) -> Executor:
    cls: type[Executor] = variants.variant_class("collection.ingest.executors", options.executor)
    return cls(load, options, total)


def _committing(store: Store, batches: Iterator[T]) -> Iterator[T]:
    """Pass batches on, and commit what was stored of them every few seconds, the first at once."""
    committed = -COMMIT_SECONDS
    for batch in batches:
        yield batch
        if time.monotonic() - committed >= COMMIT_SECONDS:
            store.commit()
            committed = time.monotonic()


@contextmanager
def _reported(store: Store, report: Report) -> Iterator[None]:
    """Commit at the end and on Ctrl-C, roll the unfinished rest back on an error; count the seconds."""
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
    for path, caption in scan.pictures(files.store):
        work = files.look(path, caption, scan.status(path))
        if work:
            yield work
        else:
            advance()


def _hashed(videos: Videos, work: Work) -> list[Work] | Failure | OSError:
    """Return a file as the works of its pictures, with their hashes: one, or a video's moments."""
    limit = formats.max_bytes(work.path.name)
    if work.size > limit:  # a sparse file can claim more than can be read in a day
        return Failure(f"has {work.size:,} bytes, more than {limit:,}")
    try:
        return videos.split(replace(work, hash=sources.content_hash(work.path)))
    except OSError as error:
        return error


def _unsettled(
    files: Files, hashed: Iterable[tuple[Work, list[Work] | Failure | OSError]], advance: Bar
) -> Iterator[Work]:
    """Yield the works whose content must be embedded."""
    for work, result in hashed:
        if isinstance(result, OSError):
            files.cannot_read(work, result)
        elif isinstance(result, Failure):
            files.fail(work, result.reason)
        elif not (files.settle_video(result) if result[0].moments else files.settle(result[0])):
            yield from result
            continue
        advance()


def _current(entries: Iterable[Entry], report: Report, advance: Bar) -> Iterator[tuple[Entry, Work]]:
    for entry in entries:
        is_known = entry.given or fields.BOILERPLATE in entry.metadata.get(fields.EMBEDDED, {})
        caption = entry.caption if is_known else None
        work = Work(entry.path, entry.size, entry.mtime_ns, caption, entry.metadata, entry.hash)
        if work.is_current():
            yield entry, work
        else:
            report.fail(entry.path, "is gone or has changed; index its folder again")
            advance()
