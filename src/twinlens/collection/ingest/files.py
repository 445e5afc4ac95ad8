"""Comparison of files with the store: unchanged, moved, copied, or to be embedded."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from twinlens.collection.ingest.decoding import Job
from twinlens.collection.ingest.executors import Embedded
from twinlens.collection.ingest.options import Report
from twinlens.collection.ingest.presence import Presence
from twinlens.collection.search.records import flat
from twinlens.collection.store import Entry, Generation, Store, Vectors
from twinlens.media import fields, formats, kept, moments, places, sources
from twinlens.media.captions import Caption, dates
from twinlens.media.captions.takeout import below_local_time

CHANGED = "changed while it was read; the next run takes it"


@dataclass(frozen=True)
class Work:
    """A file that may be new or changed: its size in bytes, its caption if one is given outside it, b"" or its hash.

    moments: of a moment of a video, how many the video has.
    """

    path: Path
    size: int
    mtime_ns: int
    caption: str | None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    hash: bytes = b""
    moments: int = 0

    def job(self, key: int) -> Job:
        """Return the job for an executor."""
        return Job(self.path, self.caption, key)

    def entry(self, **known: Any) -> Entry:
        """Build an entry of the collection."""
        given = {"caption": self.caption or "", "given": self.caption is not None, "metadata": self.metadata}
        return Entry(self.path, self.hash, self.size, self.mtime_ns, **{**given, **known})

    def is_of(self, entry: Entry) -> bool:
        """Return True if an entry has this caption; one from within a file goes with its content."""
        return entry.given == (self.caption is not None) and (not entry.given or entry.caption == self.caption)

    def is_current(self) -> bool:
        """Return True if the file still has the size and time that were read first."""
        try:
            return sources.status(self.path) == (self.size, self.mtime_ns)
        except OSError:
            return False


class Files:
    """Compares files with the store, and updates the store and the report."""

    def __init__(
        self, store: Store, generation: Generation, report: Report, presence: Presence, *, retry: bool = False
    ) -> None:
        self.store, self.generation, self.report = store, generation, report
        self.presence, self.retry = presence, retry

    def look(self, path: Path, caption: Caption | None, status: sources.Status | None = None) -> Work | None:
        """Return a file as work to do; None where its size, time and caption have not changed.

        status: its size and time, where they were listed.
        """
        try:
            status = status or sources.status(path)
        except OSError as error:
            self.cannot_read(Work(path, 0, 0, None), error)
            return None
        work = Work(path, *status, caption.text or None if caption else None)
        work = replace(work, metadata=caption.metadata) if caption else work
        if parts := self._moments(path):
            return None if self._keep_moments(parts, work) else work
        known = self.store.at(path)
        if known is not None and known.failure is None and _is_whole_video(path):
            return work  # of an earlier version, which read one moment
        if known is None or (known.size, known.mtime_ns) != (work.size, work.mtime_ns) or not work.is_of(known):
            return work
        if known.failure is not None:
            self.report.skipped += not self.retry
            return work if self.retry else None
        return None if self._keep(known, work) else work

    def settle(self, work: Work) -> bool:
        """Reuse vectors where a file's content has not changed, moved or was copied; tell whether that was so."""
        known = self.store.at(work.path)
        if (
            known
            and known.failure is None
            and known.hash == work.hash
            and work.is_of(known)
            and self._keep(known, work)
        ):
            return True
        twins = [e for e in self.store.alike(work.entry()) if self._has_vector(e)]
        moved = next((twin for twin in twins if self.presence.is_gone(twin.path)), None)
        with self.store.change():
            if moved:
                self.store.make_room(work.path)
                self.store.update(_beside(moved, work))
                self.report.moved += 1
            elif twins:
                self._count(known)
                self.store.copy_vectors(twins[0].row, self.store.add(replace(_beside(twins[0], work), row=0)))
        return bool(twins)

    def settle_video(self, works: Sequence[Work]) -> bool:
        """Reuse the vectors of a video's moments, of all or of none; tell whether that was so."""
        if not all(any(map(self._has_vector, self.store.alike(work.entry()))) for work in works):
            return False
        with self.store.change():
            self._make_room(works)
            for work in works:
                self.settle(work)
        return True

    def note(self, work: Work, embedded: Embedded) -> None:
        """Store what became of a picture."""
        if not work.is_current():
            self.report.fail(work.path, CHANGED)
        elif embedded.vector is None:
            self.fail(work, embedded.failure or "")
        else:
            self.add(work, embedded, embedded.vector)

    def note_video(self, video: Path, found: Sequence[tuple[Work, Embedded]]) -> None:
        """Store what became of all moments of a video, in place of what was known of it."""
        first, embedded = found[0]
        if not first.is_current():
            self.report.fail(video, CHANGED)
        elif all(embedded.vector is None for _, embedded in found):
            self.fail(replace(first, path=video, hash=b"", moments=0), embedded.failure or "")
        else:
            with self.store.change():
                self._make_room([work for work, _ in found])
                for work, embedded in found:
                    self.note(work, embedded)

    def add(self, work: Work, embedded: Embedded, vector: Vectors) -> None:
        """Store a picture with its vector (D,)."""
        width, height = embedded.size or (None, None)
        self._count(self.store.at(work.path))
        metadata = _merged(work.metadata, embedded.metadata)
        row = self.store.add(work.entry(caption=embedded.caption, metadata=metadata, width=width, height=height))
        self.store.put_vector(row, self.generation, vector)
        self.report.cut += embedded.is_cut
        self.report.unnamed_places += not places.is_installed() and places.coordinates(flat(metadata)) is not None

    def fail(self, work: Work, reason: str) -> None:
        """Record why a file cannot be used; it is tried again once it changes. What is known of an item stays."""
        item = kept.id_of(work.path)
        self.report.fail(work.path if item is None else Path(item), reason)
        if item is not None:
            return
        with self.store.change():
            for moment in self._moments(work.path):
                self.store.remove_path(moment.path)
            self.store.add(work.entry(failure=reason))

    def cannot_read(self, work: Work, error: OSError) -> None:
        """Report a file that cannot be read now; a picture that the collection has of it stays."""
        reason, known = f"cannot be read: {error.strerror or error}", self.store.at(work.path)
        if self._moments(work.path):
            self.report.fail(work.path, reason)
        elif known is None or known.failure is not None:
            self.fail(work, reason)
        else:
            self.report.fail(work.path, reason)

    def _moments(self, path: Path) -> list[Entry]:
        """Return the entries of a video's moments."""
        if not moments.is_video(path):
            return []
        paths = [Path(os.fsdecode(below)) for below in self.store.paths(path)]
        return [entry for below in paths if moments.split(below) and (entry := self.store.at(below)) is not None]

    def _keep_moments(self, parts: Sequence[Entry], work: Work) -> bool:
        """Keep the moments of a video that has not changed; tell whether it has not."""
        good = [entry for entry in parts if entry.failure is None]
        if self.retry and len(good) < len(parts):
            return False
        if not all(
            (entry.size, entry.mtime_ns) == (work.size, work.mtime_ns) and work.is_of(entry) for entry in parts
        ) or not all(map(self._has_vector, good)):
            return False
        for entry in good:
            self._keep(entry, replace(work, path=entry.path))
        self.report.skipped += len(parts) - len(good)
        self.report.found += len(parts) - 1
        return True

    def _make_room(self, works: Sequence[Work]) -> None:
        """Remove what is known of a video but for these moments of it, and count them in the report."""
        video, paths = works[0].path.parent, {work.path for work in works}
        known = [*self._moments(video), self.store.at(video)]
        for entry in known:
            if entry is not None and entry.path not in paths:
                self.store.remove_path(entry.path)
                self.report.removed += entry.failure is None
        self.report.found += len(works) - 1

    def _keep(self, known: Entry, work: Work) -> bool:
        """Keep an entry that has its vector, updating path, time and metadata; tell whether it has."""
        if not self._has_vector(known):
            return False
        now = _beside(known, work)
        if now != known:
            with self.store.change():
                self.store.update(now)
        self.report.unchanged += 1
        return True

    def _has_vector(self, entry: Entry) -> bool:
        return self.store.has_vector(entry.row, self.generation.number)

    def _count(self, known: Entry | None) -> None:
        if known is None:
            self.report.added += 1
        else:
            self.report.changed += 1


def _beside(entry: Entry, work: Work) -> Entry:
    """Return the entry with the path, size, time and metadata of a file of the same content."""
    metadata = _merged(
        work.metadata, _renamed(entry.metadata.get(fields.EMBEDDED), moments.file_of(work.path).name), entry.metadata
    )
    return replace(entry, path=work.path, size=work.size, mtime_ns=work.mtime_ns, metadata=metadata)


def _is_whole_video(path: Path) -> bool:
    """Return True for a video; False for another picture that has the name of one."""
    if not moments.is_video(path):
        return False
    try:
        with sources.open_file(path) as file:
            return formats.is_video(file, path.name)
    except OSError:
        return False


def _merged(
    beside: Mapping[str, Any], embedded: Mapping[str, Any], before: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Put the fields that a file carries, and the place where it was taken, under those from beside it.

    before: the entry's metadata so far; its place stays where the coordinates are the same.
    """
    carried = dict(embedded)
    beside = below_local_time(beside, carried)
    here = places.coordinates(flat({**beside, fields.EMBEDDED: carried}))
    if here is None or here != places.coordinates(flat(before or {})):
        carried.pop(fields.PLACE, None)
    if here and fields.PLACE not in carried and places.is_installed() and (found := places.place(*here)):
        carried[fields.PLACE] = list(found)
    return {**beside, **({fields.EMBEDDED: carried} if carried else {})}


def _renamed(embedded: object, name: str) -> dict[str, Any]:
    """Return a file's metadata, with the time from its present name where it has no other."""
    carried = dict(embedded) if isinstance(embedded, Mapping) else {}
    if carried.get(fields.TAKEN_FROM, "name") == "name":
        taken = dates.from_name(name)
        carried = {key: value for key, value in carried.items() if key not in (fields.TAKEN, fields.TAKEN_FROM)}
        carried |= {fields.TAKEN: taken, fields.TAKEN_FROM: "name"} if taken else {}
    return carried
