"""A standalone Milvus for tests, in a network namespace of its own, since it listens on all interfaces.

A thread outside listens on a free loopback port and carries every connection into the namespace.
"""

from __future__ import annotations

import ctypes
import importlib.util
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import urllib.request
from contextlib import suppress
from pathlib import Path

from tests.collection.engines.postgres import is_alive, until

_START = """
import json, sys
from milvus import MilvusServer
server = MilvusServer(wait_for_started=False, data_dir=sys.argv[1])
server.start()
print(json.dumps([server.server_proc.pid, server.listen_port, server.webservice_port]), flush=True)
server.server_proc.wait()
"""
_NEW_NETWORK = 0x40000000


def missing() -> str | None:
    """Why no server can be started here; None if one can."""
    if importlib.util.find_spec("milvus") is None or importlib.util.find_spec("pymilvus") is None:
        return "Milvus is not installed; make test-engines installs it"
    tools = shutil.which("unshare") and shutil.which("ip")
    if not tools or os.geteuid() or subprocess.run(["unshare", "-n", "true"], check=False).returncode:
        return "this system gives no network namespace (unshare -n, as root), and Milvus listens on all interfaces"
    return None


class Milvus:
    """A server with its data in a folder; its address outside stays the same when it is started anew."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.process = folder, None
        self._outside = socket.create_server(("127.0.0.1", 0))
        self._connections = set()

    @property
    def url(self) -> str:
        return f"milvus://127.0.0.1:{self._outside.getsockname()[1]}"

    @property
    def is_running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def start(self) -> None:
        inside = f"ip link set lo up && exec {sys.executable} -c '{_START}' {self.folder}"
        self.process = subprocess.Popen(
            ["unshare", "-n", "sh", "-c", inside], stdout=subprocess.PIPE, start_new_session=True, text=True
        )
        self.server, self.port, health = json.loads(self.process.stdout.readline())
        threading.Thread(target=self._carry, daemon=True).start()
        until(lambda: self._is_healthy(health), seconds=180)

    def kill(self) -> None:
        """End all processes by SIGKILL."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        until(lambda: not is_alive(self.server))
        for connection in list(self._connections):
            _shut(connection)

    def stop(self) -> None:
        if self.is_running:
            self.kill()
        self._outside.close()

    def _is_healthy(self, port: int) -> bool:
        assert self.is_running, "Milvus has ended"
        answer = []

        def ask() -> None:
            with suppress(OSError):
                self._enter()
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=10) as reply:
                    answer.append(reply.read())

        thread = threading.Thread(target=ask)
        thread.start()
        thread.join()
        return bool(answer) and b"OK" in answer[0]

    def _enter(self) -> None:
        """Move this thread into the server's network."""
        with Path(f"/proc/{self.process.pid}/ns/net").open() as network:
            if ctypes.CDLL(None, use_errno=True).setns(network.fileno(), _NEW_NETWORK):
                raise OSError(ctypes.get_errno(), "setns")

    def _carry(self) -> None:
        """Carry every connection from outside to the server, until that ends."""
        process = self.process
        self._enter()
        self._outside.settimeout(0.2)
        while process.poll() is None:
            with suppress(TimeoutError, OSError):
                near, _ = self._outside.accept()
                self._join(near)

    def _join(self, near: socket.socket) -> None:
        try:
            far = socket.create_connection(("127.0.0.1", self.port))
        except OSError:
            near.close()
            return
        near.settimeout(None)
        self._connections |= {near, far}
        for one, other in ((near, far), (far, near)):
            threading.Thread(target=self._pump, args=(one, other), daemon=True).start()

    def _pump(self, source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                target.sendall(data)
        for end in (source, target):
            _shut(end)
            self._connections.discard(end)


def _shut(end: socket.socket) -> None:
    with suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)
    end.close()
