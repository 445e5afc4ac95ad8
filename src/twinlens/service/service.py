"""The service: its collections by name, the pictures that were uploaded, thumbnails, and metrics."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from threading import Event, Thread

from twinlens.collection.engines import Engine
from twinlens.collection.model import Load
from twinlens.core.types import TwinlensError
from twinlens.models import runtime
from twinlens.service.errors import RequestError
from twinlens.service.log import log
from twinlens.service.metrics import Metrics
from twinlens.service.naming import named
from twinlens.service.pictures import Uploads
from twinlens.service.rendering import Renderer
from twinlens.service.served import Served
from twinlens.service.settings import Settings

RETRY_SECONDS = 5.0
"""Seconds after which a collection that could not be loaded is tried again."""


class Service:
    """Everything that the routes share. Opening raises TwinlensError for a folder that is no collection.

    load: how a model folder is read. engine: makes what answers searches, for each collection.
    """

    def __init__(
        self, settings: Settings, load: Load | None = None, engine: Callable[[], Engine] | None = None
    ) -> None:
        if not settings.collections:
            raise TwinlensError("no collection to serve; give --collection DIR")
        self.settings, self.metrics = settings, Metrics()
        self.uploads, self.renderer = Uploads(settings.limits), Renderer(settings)
        self._warming: Thread | None = None
        self._closing = Event()
        load = load or partial(runtime.load, mode=settings.runtime)
        with ExitStack() as opened:
            opened.callback(self.renderer.stop)
            self._served: dict[str, Served] = {}
            for name, folder in named(settings.collections):
                self._served[name] = Served(name, folder, settings, self.metrics, load, engine)
                opened.callback(self._served[name].close)
            opened.pop_all()

    def warm_up(self, then: Callable[[], None] = lambda: None) -> None:
        """Begin, unless it has begun, to load the networks and the vectors in a thread; call `then` at its end."""
        if self._warming is None:
            self._warming = Thread(target=self._warm_up, args=(then,), name="warm-up", daemon=True)
            self._warming.start()

    def close(self) -> None:
        """Answer the searches that wait, and close everything."""
        self._closing.set()
        if self._warming is not None:
            self._warming.join()
        for served in self._served.values():
            served.close()
        self.renderer.stop()

    def __iter__(self) -> Iterator[Served]:
        return iter(self._served.values())

    @property
    def is_ready(self) -> bool:
        """Return True if all collections answer as fast as they will."""
        return all(served.is_warm for served in self)

    def served(self, name: str | None) -> Served:
        """Return a collection by its name; the first one without. Raises RequestError where there is none."""
        if name is None:
            return next(iter(self))
        if name not in self._served:
            raise RequestError(404, f"no collection {name!r} is served; known: {', '.join(self._served)}")
        return self._served[name]

    @property
    def fault(self) -> str:
        """Return why a collection cannot be loaded; "" where all can."""
        return next((served.fault for served in self if served.fault), "")

    def _warm_up(self, then: Callable[[], None]) -> None:
        """Load every collection, those that cannot be loaded again and again, until the service is closed."""
        while waiting := [served for served in self if not served.is_warm]:
            for served in waiting:
                self._try(served)
            if not self.is_ready and self._closing.wait(RETRY_SECONDS):
                return
        then()

    def _try(self, served: Served) -> None:
        try:
            served.warm_up()
        except Exception as error:
            fault = f"{served.name}: {' '.join(str(error).split()) or type(error).__name__}"
            if fault != served.fault:
                log("not loaded", collection=served.name, reason=fault)
            served.fault = fault
