"""Moments of videos: listed in worker processes within the limits of decoding, stored when all of a video are there."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from threading import Lock
from types import TracebackType
from typing import Self

from twinlens.collection.ingest.decoding import Failure, Limits
from twinlens.collection.ingest.executors import Embedded
from twinlens.collection.ingest.files import Files, Work
from twinlens.collection.ingest.workers import Pool, WorkerError, load
from twinlens.media import formats, moments, sources
from twinlens.media.mending import DAMAGE


class Videos:
    """Splits videos into their moments, in worker processes that start with the first video; none with 0 workers."""

    def __init__(self, *, workers: int | None, limits: Limits) -> None:
        self.workers, self.limits = workers, limits
        self._pool: Pool[None, Path, tuple[float, ...] | Failure] | None = None
        self._starting = Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        with self._starting:
            if self._pool is not None:
                self._pool.stop()

    def split(self, work: Work) -> list[Work] | Failure:
        """Return the works of a video's moments; of another picture, and of a video that has none, its own."""
        if not moments.is_video(work.path):
            return [work]
        found = self._times(work.path)
        if isinstance(found, Failure):
            return found
        paths = [moments.path_of(work.path, seconds) for seconds in found]
        hashes = [moments.content_hash(work.hash, path) for path in paths]
        return [
            replace(work, path=path, hash=digest, moments=len(paths))
            for path, digest in zip(paths, hashes, strict=True)
        ] or [work]

    def _times(self, path: Path) -> tuple[float, ...] | Failure:
        if self.workers == 0:
            return _times(None, path)
        with self._starting:
            if self._pool is None:
                if formats.endings() & set(moments.ENDINGS):
                    load("av", "twinlens.media.decoders.video")
                self._pool = Pool(_times, None, seconds=self.limits.seconds, memory=self.limits.memory)
        try:
            return self._pool.ask(path)
        except WorkerError as error:
            return Failure(str(error))


class Notes:
    """Stores results: pictures at once, the moments of a video in one transaction when the last has come."""

    def __init__(self, files: Files) -> None:
        self.files = files
        self._waiting: dict[Path, list[tuple[Work, Embedded]]] = {}

    def note(self, work: Work, embedded: Embedded) -> int:
        """Store a result; return the number of files that are finished by it."""
        if not work.moments:
            self.files.note(work, embedded)
            return 1
        video = work.path.parent
        waiting = self._waiting.setdefault(video, [])
        waiting.append((work, embedded))
        if len(waiting) < work.moments:
            return 0
        self.files.note_video(video, self._waiting.pop(video))
        return 1


def _times(_shared: None, path: Path) -> tuple[float, ...] | Failure:
    """Return the times of a video's moments; none where its decoder will tell why there are none."""
    try:
        with sources.open_file(path) as file:
            return formats.times(file, path.name)
    except MemoryError:
        return Failure("needs too much memory")
    except DAMAGE:
        return ()
