"""Executors: where pictures are decoded and embedded. One file per executor; this file states their contract.

An executor reads, decodes and embeds; it never touches the store. The one committer (`pipeline`) writes what it yields.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from twinlens.collection.ingest.decoding import Job
from twinlens.collection.ingest.options import Options
from twinlens.collection.store import Vectors
from twinlens.core.types import Embedder


@dataclass(frozen=True)
class Embedded:
    """The result of a job, known by its key: a vector (D,), or the reason why there is none.

    size: (width, height) from the picture's header as people see it. caption: the one it was embedded with. metadata:
    the fields that the file carries. is_cut: the model does not read the end of the caption.
    """

    key: int
    vector: Vectors | None
    failure: str | None = None
    size: tuple[int, int] | None = None
    caption: str = ""
    metadata: Mapping[str, Any] = field(default_factory=dict)
    is_cut: bool = False


class Executor(ABC):
    """Embeds jobs with one model. load: returns the model, and is called only if there is a job.

    total: how many jobs there may be, for choosing how many workers are worth their start.
    """

    def __init__(self, load: Callable[[], Embedder], options: Options, total: int) -> None:
        self.load, self.options, self.total = load, options, total

    @abstractmethod
    def embed(self, jobs: Iterable[Job]) -> Iterator[Sequence[Embedded]]:
        """Yield the results of all jobs, in any order, a batch at a time: a batch is stored and committed together.

        Further jobs are read ahead as far as memory allows. A job that cannot be done is a result with a reason.
        Closing the iterator ends all workers.
        """
