"""One collection as it is served: its model with a cache, its thread of searches, and the searches it made."""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from threading import Lock

from twinlens.collection import Collection
from twinlens.collection.engines import Engine
from twinlens.collection.facets import Facets
from twinlens.collection.model import Load, Model
from twinlens.collection.search.query import samples
from twinlens.collection.search.request import SearchRequest
from twinlens.collection.store import DATABASE, Entry
from twinlens.collection.store.layout import HOLDER
from twinlens.collection.warming import WORDS
from twinlens.core import system
from twinlens.core.explanation import Explanation
from twinlens.core.types import Arrays, Hit, Sample, TwinlensError
from twinlens.service.batching import Answer, Batcher
from twinlens.service.cached_model import CachedModel, EmbeddingCache
from twinlens.service.connection import Connection
from twinlens.service.errors import RequestError
from twinlens.service.lru import LeastRecent
from twinlens.service.metrics import Metrics
from twinlens.service.pictures import gray_picture
from twinlens.service.settings import Settings
from twinlens.service.workers import Workers, prepare

QUIET_SECONDS = 30.0
"""Seconds without a change after which a process that has written is taken to have finished."""
_CHANGING = (DATABASE, f"{DATABASE}-wal")
FACET_SECONDS, FACET_SHARE = 5.0, 20.0
"""Seconds for which counted fields are shown, at least, and as a multiple of the time that counting took."""
EXPLANATIONS = 256
"""Explanations that are remembered."""
SEARCHES, HITS = 1024, 50_000
"""Searches, and hits of them together, that are remembered for explanations and exports."""


@dataclass(frozen=True)
class Search:
    """A search that was answered: its request and its hits."""

    request: SearchRequest
    hits: tuple[Hit, ...]


class Served:
    """A collection under its name. Its searches run in one thread, in batches; other reads have a connection apart."""

    def __init__(
        self,
        name: str,
        folder: Path,
        settings: Settings,
        metrics: Metrics,
        load: Load,
        engine: Callable[[], Engine] | None = None,
    ) -> None:
        self.name, self.folder, self.settings, self._metrics = name, folder, settings, metrics
        self._load_model = load
        self.cache = EmbeddingCache(settings.cache)
        self.searches = LeastRecent[str, Search](SEARCHES, weight=HITS, weigh=lambda search: len(search.hits))
        self.explanations = LeastRecent[tuple[str, str], Explanation](EXPLANATIONS)
        self._loading, self._workers = Lock(), list[Workers[Model, Sample, Arrays]]()
        self._counting = Lock()
        self._facets: tuple[float, Facets] | None = None
        self._model: tuple[Path, CachedModel] | None = None
        self._searches = Connection(folder, partial(Collection.open, folder, load=self._load, engine=engine))
        self._reads = Connection(folder, partial(Collection.open, folder, load=self._load))
        self._batcher = Batcher(
            self._answer_all, waiting=settings.limits.waiting, observe=partial(metrics.observe_batch, name)
        )
        self.is_warm, self.reads_words = False, False
        self.fault = ""

    def warm_up(self) -> None:
        """Load all that searches need, and start to answer. Raises TwinlensError where the model cannot be loaded."""
        self.reads_words = self._searches.current().warm_up()
        self._batcher.start()
        self.is_warm, self.fault = True, ""

    def close(self) -> None:
        """Answer the searches that wait, end the processes, and close the files."""
        self._batcher.stop()
        for workers in self._workers:
            workers.stop()
        self._searches.close()
        self._reads.close()

    @property
    def reads(self) -> Collection:
        """Return the collection for all reads but searches. Raises RequestError where it is gone."""
        return self._reads.current()

    def submit(self, request: SearchRequest) -> Future[Answer]:
        """Return the future answer to a search. Raises RequestError while the networks are loaded, or many wait."""
        if self.fault:
            raise RequestError(503, self.fault)
        if not self.is_warm:
            raise RequestError(503, f"the collection {self.name} is being loaded; /ready tells when it answers")
        return self._batcher.submit(request)

    def remember(self, request: SearchRequest, hits: Sequence[Hit]) -> str:
        """Note a search, and return the id under which it is found again."""
        name = secrets.token_urlsafe(9)
        self.searches.put(name, Search(request, tuple(hits)))
        return name

    def search_of(self, name: str) -> Search:
        """Return a search by its id. Raises RequestError where it is not remembered any more."""
        found = self.searches.get(name)
        if found is None:
            raise RequestError(404, "the search is not remembered any more; search again")
        return found

    def entry(self, entry_id: str) -> Entry:
        """Return an entry by its id. Raises RequestError where there is none."""
        try:
            return self.reads.entry(entry_id)
        except TwinlensError as error:
            if "has no picture" not in str(error):
                raise
            raise RequestError(404, f"{self.name} has no picture with the id {entry_id!r}") from error

    def explain(self, name: str, entry_id: str) -> Explanation:
        """Explain the score of an entry for a search. Raises RequestError for an entry or a search that is unknown."""
        search = self.search_of(name)
        self.entry(entry_id)
        if (known := self.explanations.get((name, entry_id))) is not None:
            return known
        (explanation,) = self.reads.explain(search.request, [entry_id], hits=search.hits)
        self.explanations.put((name, entry_id), explanation)
        return explanation

    def facets(self) -> Facets:
        """Return the fields and folders; counted again after a while, by how long that takes."""
        with self._counting:
            if self._facets is None or time.monotonic() > self._facets[0]:
                begun = time.monotonic()
                found = self.reads.facets()
                ended = time.monotonic()
                self._facets = ended + max(FACET_SECONDS, FACET_SHARE * (ended - begun)), found
            return self._facets[1]

    def progress(self, done: int, lacking: int) -> dict[str, int | None] | None:
        """Return how far an index run of another process is; None while none writes.

        total: None where it is not known how many pictures there will be.
        """
        try:
            writer = int((self.folder / HOLDER).read_bytes()[:20])
            changed = max((self.folder / name).stat().st_mtime for name in _CHANGING if (self.folder / name).exists())
        except (OSError, ValueError):
            return None
        if not system.is_alive(writer) or writer == os.getpid() or time.time() - changed > QUIET_SECONDS:
            return None
        return {"done": done, "total": done + lacking if lacking else None}

    def _answer_all(self, requests: Sequence[SearchRequest]) -> list[Answer]:
        collection = self._searches.current()
        model = collection.model
        missing = [model.count_missing(samples(request)) for request in requests if isinstance(model, CachedModel)]
        before = self.cache.seconds
        found = collection.search_many(requests)
        seconds = self.cache.seconds - before
        self._metrics.observe_cache(self.name, self.cache)
        return [Answer(hits, count, seconds) for hits, count in zip(found, missing, strict=True)]

    def _load(self, folder: Path) -> CachedModel:
        """Load a model once for both connections, use its networks once, and fork the processes that decode for it."""
        with self._loading:
            if self._model is not None and self._model[0] == folder:
                return self._model[1]
            model = self._load_model(folder)
            model.embed([Sample("warm-up", gray_picture(), WORDS)])  # so that the processes share what it has loaded
            while len(self._workers) > 1:  # a pass with the model before may be running
                self._workers.pop(0).stop()
            workers = Workers(prepare, model, count=self.settings.workers, seconds=self.settings.limits.seconds)
            self._workers.append(workers)
            workers.begin(Sample("warm-up", gray_picture(), ""))
            self._model = folder, CachedModel(model, folder.name, self.cache, partial(_prepare_all, model, workers))
            return self._model[1]


def _prepare_all(model: Model, workers: Workers[Model, Sample, Arrays], batch: Sequence[Sample]) -> list[Arrays]:
    """Prepare words here, and pictures in worker processes."""
    pictures = iter(workers.map([sample for sample in batch if sample.image is not None]))
    return [model.prepare(sample) if sample.image is None else next(pictures) for sample in batch]
