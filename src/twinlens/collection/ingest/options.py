"""Options of an index run, and its report."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from twinlens.collection.ingest.decoding import Limits
from twinlens.core import suggestions, variants
from twinlens.core.arguments import as_count, as_kind
from twinlens.core.counting import counted
from twinlens.core.types import TwinlensError


@dataclass(frozen=True)
class Options:
    """Options of a run: pictures per batch, worker processes (None: as suits the machine), limits, a progress bar.

    retry: try again what failed in an earlier run, though its file has not changed. prune: let pictures leave that
    cannot be found, though something may hide them, and however many. executor: a file of `executors`. address: of
    the cluster, for executors of many machines.
    """

    batch_size: int = 64
    workers: int | None = None
    limits: Limits = field(default_factory=Limits)
    progress: bool = False
    retry: bool = False
    prune: bool = False
    executor: str = "local"
    address: str | None = None

    @classmethod
    def of(cls, given: object) -> Options:
        """Return options that are given, or the usual ones. Raises TwinlensError for anything else."""
        return cls() if given is None else as_kind("options", given, Options, "give Options(workers=2)")

    def __post_init__(self) -> None:
        """Raise TwinlensError for numbers that no run can have."""
        as_count("batch_size", self.batch_size)
        if self.workers is not None:
            as_count("workers", self.workers, least=0)
        as_kind("limits", self.limits, Limits, "give Limits(seconds, memory)")
        known = variants.names("collection.ingest.executors")
        if self.executor not in known:
            raise TwinlensError(suggestions.unknown("executor", self.executor, known))
        if self.address is not None and self.executor == "local":
            raise TwinlensError("address is that of a cluster; it takes executor ray, not local")


@dataclass(frozen=True)
class Protection:
    """Pictures below a place that cannot be found, but stay in the collection; the reason and the cure."""

    place: Path
    pictures: int
    reason: str
    cure: str

    @property
    def line(self) -> str:
        """Describe it in a line."""
        pictures, stay = counted(self.pictures, "picture"), "stays" if self.pictures == 1 else "stay"
        return f"{pictures} below {self.place} cannot be found, and {stay}: {self.reason}; {self.cure}"


@dataclass
class Report:
    """The outcome for each of the `found` pictures.

    failures: reason → files, or the ids of items. skipped: failed earlier, and not changed since. protections: what
    cannot be found, but stays. problems: a line for every folder that could not be listed and every caption that could
    not be read. passed: see `Scan`. left_out: pictures that are left out on purpose, by the reason. cut: captions whose
    end the model does not read. unnamed_places: new pictures with coordinates, where the extra `place` is not
    installed. stopped: Ctrl-C ended it early. seconds: its duration.
    """

    found: int = 0
    added: int = 0
    changed: int = 0
    moved: int = 0
    unchanged: int = 0
    removed: int = 0
    skipped: int = 0
    failures: dict[str, list[Path]] = field(default_factory=dict)
    protections: list[Protection] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    passed: dict[str, int] = field(default_factory=dict)
    left_out: dict[str, int] = field(default_factory=dict)
    cut: int = 0
    unnamed_places: int = 0
    stopped: bool = False
    seconds: float = 0.0

    @property
    def failed(self) -> int:
        """Return the number of pictures that could not be used in this run."""
        return sum(len(paths) for paths in self.failures.values())

    def fail(self, path: Path, reason: str) -> None:
        """Count a picture that cannot be used."""
        self.failures.setdefault(reason, []).append(path)
