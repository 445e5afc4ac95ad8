"""Rows of a Parquet table, read in a process of its own with limits of memory and time.

Parquet is packed: a megabyte can hold gigabytes, and native code unpacks it. Run as a program, this file writes the
rows to its standard output as JSON lines, and last the reason why it could not go on, or that it is done.
"""

from __future__ import annotations

import importlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import IO, Any

from twinlens.core.processes import end_with_parent, ending, limit_memory, limit_seconds

MEMORY = 2 * 10**9
"""Bytes that reading may take beyond what the library needs at rest."""
SECONDS = 600
"""Seconds of the processor's time."""
BATCH_ROWS = 256
MAX_LINE = 2**24
"""Bytes of a row as JSON."""
_DONE = "done"


class Unreadable(Exception):  # noqa: N818 - it is the table that is unreadable
    """The table cannot be read (on): the message says why and does not name it."""


def is_installed() -> bool:
    """Return True if pyarrow is there."""
    return find_spec("pyarrow") is not None and find_spec("pyarrow.parquet") is not None


def rows(path: Path, limit: int) -> Iterator[dict[str, Any]]:
    """Yield the rows of a table, by column; other values than JSON has as text, and bytes as None.

    limit: bytes of all rows as JSON. Raises Unreadable.
    """
    # -P: nothing is imported from the folder where the command was called.
    command = [sys.executable, "-P", "-m", __name__, str(path), str(os.getpid()), str(MEMORY)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    with subprocess.Popen(  # noqa: S603 - this interpreter, this file
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment
    ) as child:
        assert child.stdout is not None
        try:
            yield from _received(child.stdout, limit)
        except EOFError as error:
            raise Unreadable(f"its reader ended ({ending(child.wait())})") from error
        finally:
            child.kill()


def _received(lines: IO[bytes], limit: int) -> Iterator[dict[str, Any]]:
    """Yield rows until the child says that it is done. Raises EOFError when it ended without a word."""
    size = 0
    while line := lines.readline(MAX_LINE):
        size += len(line)
        if size > limit:
            raise Unreadable(f"it unpacks to more than {limit:,} bytes")
        if not line.endswith(b"\n"):
            raise Unreadable(f"a row unpacks to more than {MAX_LINE:,} bytes")
        message = json.loads(line)
        if message == _DONE:
            return
        if isinstance(message, str):
            raise Unreadable(message)
        yield message
    raise EOFError


def _main(path: Path, parent: int, memory: int) -> None:
    end_with_parent(parent)
    parquet = importlib.import_module("pyarrow.parquet")
    limit_memory(memory)
    limit_seconds(SECONDS)
    try:
        _write(path, parquet)
        message = _DONE
    except MemoryError:
        message = "it needs too much memory"
    except Exception as error:  # whatever pyarrow raises for a damaged file
        message = " ".join(str(error).split()) or type(error).__name__
    print(json.dumps(message), flush=True)


def _write(path: Path, parquet: Any) -> None:
    from twinlens.media import sources

    with sources.open_file(path) as source, parquet.ParquetFile(source, pre_buffer=False) as file:
        for batch in file.iter_batches(batch_size=BATCH_ROWS, use_threads=False):
            sys.stdout.writelines(json.dumps(row, default=_as_text) + "\n" for row in batch.to_pylist())


def _as_text(value: object) -> str | None:
    return None if isinstance(value, bytes) else str(value)


if __name__ == "__main__":
    if hasattr(signal, "SIGPIPE"):
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # who asked has enough
    _main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
