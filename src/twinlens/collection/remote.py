"""Engines on servers by their URLs: what searches by one, and what fills it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from twinlens.collection.engines import Engine
from twinlens.collection.engines._address import Address
from twinlens.collection.engines._mirror import PushReport
from twinlens.collection.engines._server import ServerEngine
from twinlens.collection.store import Store
from twinlens.core import plugins, suggestions, variants
from twinlens.core.arguments import as_folder
from twinlens.core.types import TwinlensError

__all__ = ["PushReport", "engine_at", "push"]


def engine_at(url: str, *, credentials: Path | None = None) -> Callable[[], Engine]:
    """Return what makes an engine that answers from a server, for `Collection.open(folder, engine=…)`.

    It changes nothing there: a search raises TwinlensError where the server lags behind the collection. In place of a
    URL, the name of a plug-in makes an engine without arguments. Raises TwinlensError for a URL that is wrong or holds
    a password, and where the client's package is not installed.
    """
    if "://" not in url and plugins.is_plugin("engines", name := plugins.use("engines", url)):
        made: type[Engine] = variants.variant_class("collection.engines", name)
        if issubclass(made, ServerEngine):
            raise TwinlensError(
                f"{variants.called('engines', name)} is on a server; install it, and give its URL: NAME://HOST"
            )
        return made
    make = partial(_engine_class(url), url=url, credentials=credentials, read_only=True)
    make()
    return make


def push(folder: Path | str, url: str, *, credentials: Path | None = None, progress: bool = False) -> PushReport:
    """Mirror a collection to a server; an interrupted run is resumed by the next. Raises TwinlensError."""
    engine = _engine_class(url)(url=url, credentials=credentials)
    store = Store.open(as_folder("push, which takes the folder of a collection,", folder))
    try:
        if store.serving() is None:
            raise TwinlensError(f"the collection {folder} is empty; fill it with: twinlens index DIR")
        return engine.push(store, progress=progress)
    finally:
        engine.close()
        store.close()


def _engine_class(url: str) -> type[ServerEngine]:
    """Return the engine whose URLs begin as this one does."""
    scheme, known = Address.parse(url).scheme, dict[str, type[ServerEngine]]()
    for name in variants.names("collection.engines"):
        engine = variants.variant_class("collection.engines", name)
        if issubclass(engine, ServerEngine):
            known |= dict.fromkeys(engine.schemes, engine)
    if scheme not in known and plugins.is_plugin("engines", plugins.use("engines", scheme)):
        known[scheme] = _server(scheme)
    if scheme not in known:
        raise TwinlensError(suggestions.unknown("kind of engine", scheme, known))
    return known[scheme]


def _server(name: str) -> type[ServerEngine]:
    """Return a plug-in's class. Raises TwinlensError for an engine that takes no URL."""
    found: type[Engine] = variants.variant_class("collection.engines", name)
    if not issubclass(found, ServerEngine):
        raise TwinlensError(f"{variants.called('engines', name)} is on no server; name it without ://, --engine {name}")
    return found
