"""Comparison of files with the store: unchanged, moved, copied, or to be embedded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from twinlens.collection.ingest.decoding import Job
from twinlens.collection.ingest.executors import Embedded
from twinlens.collection.ingest.options import Report
from twinlens.collection.ingest.presence import Presence
from twinlens.collection.search.records import flat
from twinlens.collection.store import Entry, Generation, Store, Vectors
from twinlens.media import fields, places, sources
from twinlens.media.captions import Caption, dates

CHANGED = "changed while it was read; the next run takes it"


@dataclass(frozen=True)
class Work:
    """A file that may be new or changed: its size in bytes, its caption if one is given outside it, b"" or its hash."""

    path: Path
    size: int
    mtime_ns: int
    caption: str | None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    hash: bytes = b""

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

    def look(self, path: Path, caption: Caption | None) -> Work | None:
        """Return a file as work to do; None where its size, time and caption have not changed."""
        try:
            status = sources.status(path)
        except OSError as error:
            self.cannot_read(Work(path, 0, 0, None), error)
            return None
        work = Work(path, *status, caption.text or None if caption else None)
        work = replace(work, metadata=caption.metadata) if caption else work
        known = self.store.at(path)
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
                self.store.remove_path(work.path)
                self.store.update(_beside(moved, work))
                self.report.moved += 1
            elif twins:
                self._count(known)
                self.store.copy_vectors(twins[0].row, self.store.add(replace(_beside(twins[0], work), row=0)))
        return bool(twins)

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
        """Record why a file cannot be used; it is tried again once it changes."""
        self.report.fail(work.path, reason)
        with self.store.change():
            self.store.add(work.entry(failure=reason))

    def cannot_read(self, work: Work, error: OSError) -> None:
        """Report a file that cannot be read now; a picture that the collection has of it stays."""
        reason, known = f"cannot be read: {error.strerror or error}", self.store.at(work.path)
        if known is None or known.failure is not None:
            self.fail(work, reason)
        else:
            self.report.fail(work.path, reason)

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
    metadata = _merged(work.metadata, _renamed(entry.metadata.get(fields.EMBEDDED), work.path.name), entry.metadata)
    return replace(entry, path=work.path, size=work.size, mtime_ns=work.mtime_ns, metadata=metadata)


def _merged(
    beside: Mapping[str, Any], embedded: Mapping[str, Any], before: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Put the fields that a file carries, and the place where it was taken, under those from beside it.

    before: the entry's metadata so far; its place stays where the coordinates are the same.
    """
    carried = dict(embedded)
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
