"""The start of a service: its socket, and its networks loaded beside the libraries that answer requests."""

from __future__ import annotations

import errno
import gc
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from twinlens.collection.engines import Engine
from twinlens.collection.ingest.workers import load
from twinlens.core.types import TwinlensError
from twinlens.service.log import log, start_log
from twinlens.service.service import Service
from twinlens.service.settings import Settings


@dataclass(frozen=True)
class Address:
    """The address of a running server."""

    host: str
    port: int

    @property
    def url(self) -> str:
        """Return what a browser opens."""
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host)  # noqa: S104 - is compared, not bound
        return f"http://[{host}]:{self.port}/" if ":" in host else f"http://{host}:{self.port}/"


def serve(
    settings: Settings,
    *,
    engine: Callable[[], Engine] | None = None,
    listening: Callable[[Address], None],
    ready: Callable[[], None],
) -> None:
    """Serve until Ctrl-C or SIGTERM, and answer what is in flight by then.

    engine: makes what answers searches. listening: is called with the address once requests are taken. ready: is called
    once searches are fast. Raises TwinlensError for a folder that is no collection, and for an address that cannot be
    had.
    """
    start_log()
    gc.disable()  # until everything is loaded: it finds nothing in what imports make, and takes a tenth of their time
    with bound(settings.host, settings.port) as listener:
        service = Service(settings, engine=engine)
        service.warm_up(lambda: _begin(ready))
        # While the networks are loaded, which keeps another core busy; no process is forked in the midst of an import.
        load("twinlens.service.app", "twinlens.service.loop")
        from twinlens.service.app import create_app
        from twinlens.service.loop import BACKLOG, run

        app, port = create_app(service), listener.getsockname()[1]
        listener.listen(BACKLOG)  # from here on clients wait for their answers and are not refused
        listening(Address(settings.host, port))
        log("listening", host=settings.host, port=port)
        run(app, listener)
    log("stopped")


def _begin(ready: Callable[[], None]) -> None:
    """Collect garbage from now on, but not among what was loaded, and tell that searches are fast."""
    gc.freeze()
    gc.enable()
    ready()


@contextmanager
def bound(host: str, port: int) -> Iterator[socket.socket]:
    """Bind a socket to an address. Raises TwinlensError where that cannot be had."""
    try:
        (family, kind, protocol, _, address), *_ = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        # asyncio sends small parts at once on sockets that name their protocol, and lets them wait 40 ms on others.
        listener = socket.socket(family, kind, protocol)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
    except OSError as error:
        raise TwinlensError(_refusal(host, port, error)) from error
    with listener:
        yield listener


def _refusal(host: str, port: int, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"port {port} is in use by another program; give another with --port, or --port 0 for any that is free"
    if error.errno == errno.EACCES:
        return f"port {port} is not for every user; give one above 1023 with --port"
    return f"cannot listen at {host}: {error.strerror or error}; give an address of this machine with --host"
