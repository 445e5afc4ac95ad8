"""The loop that answers requests: uvicorn on a socket, and its end by signals."""

from __future__ import annotations

import asyncio
import select
import signal
import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import uvicorn
from fastapi import FastAPI

GRACE_SECONDS = 30
"""Seconds for which requests in flight may still be answered after a signal."""
DRAIN_TICK_SECONDS, DRAIN_TICKS, MAX_DRAIN_TICKS = 0.03, 8, 60
"""After a signal: connections are accepted until none has waited for 8 ticks of the loop, at most for 60."""
BACKLOG = 2048
MAX_CONNECTIONS = 512


def run(app: FastAPI, listener: socket.socket) -> None:
    """Answer the requests of a socket until Ctrl-C or SIGTERM."""
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
    _Server(config).run(sockets=[listener])


class _Server(uvicorn.Server):
    """A server that ends by a signal without raising it again: the end that was asked for is no failure.

    Requests that were sent before the signal are answered, also those of connections that were not accepted yet.
    """

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Accept and read what has been sent, then stop listening, answer, and end."""
        await self._drain(sockets or [])
        await super().shutdown(sockets)

    async def _drain(self, sockets: Sequence[socket.socket]) -> None:
        """Go on for some ticks, in which each answer closes its connection."""
        self.server_state.default_headers = [*self.server_state.default_headers, (b"connection", b"close")]
        quiet = 0
        for _ in range(MAX_DRAIN_TICKS):
            if quiet == DRAIN_TICKS or self.force_exit:
                return
            await asyncio.sleep(DRAIN_TICK_SECONDS)
            is_waiting = bool(select.select(sockets, [], [], 0)[0])
            quiet = 0 if is_waiting else quiet + 1

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
