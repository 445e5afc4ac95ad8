"""The server: a socket, uvicorn on it, and its end by signals."""

from __future__ import annotations

import errno
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import uvicorn

from twinlens.core.types import TwinlensError
from twinlens.service.app import create_app
from twinlens.service.observing import log, start_log
from twinlens.service.settings import Settings

GRACE_SECONDS = 30
"""Seconds for which requests in flight may still be answered after a signal."""
BACKLOG = 2048
MAX_CONNECTIONS = 512


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


def serve(settings: Settings, *, listening: Callable[[Address], None], ready: Callable[[], None]) -> None:
    """Serve until Ctrl-C or SIGTERM, and answer what is in flight by then.

    listening: is called with the address once requests are taken. ready: is called once searches are fast. Raises
    TwinlensError for a folder that is no collection, and for an address that cannot be had.
    """
    start_log()
    with bound(settings.host, settings.port) as listener:
        app = create_app(settings, then=ready)
        config = uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=GRACE_SECONDS,
            limit_concurrency=MAX_CONNECTIONS,
            backlog=BACKLOG,
            proxy_headers=False,
        )
        listener.listen(BACKLOG)  # from here on clients wait for their answers and are not refused
        listening(Address(settings.host, listener.getsockname()[1]))
        log("listening", host=settings.host, port=listener.getsockname()[1])
        _Server(config).run(sockets=[listener])
    log("stopped")


class _Server(uvicorn.Server):
    """A server that ends by a signal without raising it again: the end that was asked for is no failure."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Let Ctrl-C and SIGTERM end the server while the body runs."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {number: signal.signal(number, self.handle_exit) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


@contextmanager
def bound(host: str, port: int) -> Iterator[socket.socket]:
    """Bind a socket to an address. Raises TwinlensError where that cannot be had."""
    try:
        (family, kind, _, _, address), *_ = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        listener = socket.socket(family, kind)
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
