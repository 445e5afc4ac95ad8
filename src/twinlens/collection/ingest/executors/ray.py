"""The executor of many machines: Ray Data hands batches to its workers, which read, decode and embed."""

from __future__ import annotations

import itertools
import os
import socket
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from twinlens.collection.ingest.decoding import Job
from twinlens.collection.ingest.executors import Embedded, Executor
from twinlens.collection.ingest.executors._shipment import COLUMN, Batch, Shipment, Worker
from twinlens.core import extras
from twinlens.core.types import TwinlensError

AT_ONCE = 65_536
"""Jobs of one Ray dataset: enough that its start and end do not count."""
STORE_BYTES = 256 * 2**20
"""Shared memory of a Ray that is started here; batches of results are small."""
LOOPBACK = "127.0.0.1"
CONNECT_SECONDS = 5.0
REASON = 300
"""Characters of Ray's own reason that an error shows."""


class RayExecutor(Executor):
    """Embeds on the workers of a Ray cluster, at `options.address` or one that it starts on this machine.

    A batch whose worker or node is lost is embedded again elsewhere. The pictures' paths, and the package itself, must
    be found on every node; the model is sent there. Raises TwinlensError where no cluster can be reached.
    """

    def embed(self, jobs: Iterable[Job]) -> Iterator[Sequence[Embedded]]:
        """Yield batches as their workers finish, in any order."""
        if self.options.address is not None:
            check_reachable(self.options.address)  # a wrong one is told, even if there is nothing to embed
        jobs = iter(jobs)
        first = next(jobs, None)
        if first is None:
            return
        jobs = itertools.chain([first], jobs)
        with _cluster(self.options.address) as ray:
            shipment = ray.put(Shipment.of(self.load(), abroad=self.options.address is not None))
            while part := list(itertools.islice(jobs, AT_ONCE)):
                yield from self._embedded(ray, part, shipment)

    def _embedded(self, ray: Any, jobs: Sequence[Job], shipment: Any) -> Iterator[Sequence[Embedded]]:
        size = self.options.batch_size
        rows = [{COLUMN: Batch(jobs[start : start + size])} for start in range(0, len(jobs), size)]
        most = max(1, min(len(rows), int(ray.cluster_resources().get("CPU", 1))))
        batches = ray.data.from_items(rows, override_num_blocks=len(rows)).map(
            Worker,
            fn_constructor_args=([shipment], self.options),  # in a list: only whoever needs it fetches it
            num_cpus=1,
            concurrency=(1, most),
        )
        for row in batches.iter_rows():
            yield row[COLUMN].parts


def check_reachable(address: str) -> None:
    """Raise TwinlensError where nobody answers at HOST:PORT or ray://HOST:PORT; Ray itself would wait for minutes."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if not host or not port.isdecimal():
        raise TwinlensError(f"the address of a Ray cluster is HOST:PORT or ray://HOST:PORT, not {address!r}")
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=CONNECT_SECONDS).close()
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or error
        raise TwinlensError(f"the Ray cluster at {address} cannot be reached: {reason}; start it: ray start") from error


@contextmanager
def _cluster(address: str | None) -> Iterator[Any]:
    """Connect to a cluster, or start one on this machine; left as it was found. Raises TwinlensError."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    with extras.needed("ray"):
        import ray
        import ray.data
    was_connected = ray.is_initialized()
    quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": "ERROR", "include_dashboard": False}
    # "local": without it Ray would look for a cluster of this machine, which may have ended without a word.
    own: dict[str, Any] = {"address": "local", "object_store_memory": STORE_BYTES, "_node_ip_address": LOOPBACK}
    try:
        if not was_connected:
            ray.init(**quiet, **(own if address is None else {"address": address}))
        ray.data.DataContext.get_current().enable_progress_bars = False
        yield ray
    except (ConnectionError, RuntimeError, ValueError, ray.exceptions.RayError) as error:
        where = "a local Ray" if address is None else f"the Ray cluster at {address}"
        reason = " ".join(str(error).split())[:REASON] or type(error).__name__
        raise TwinlensError(
            f"{where} cannot be used: {reason}; what was committed stays, run again to go on"
        ) from error
    finally:
        if not was_connected and ray.is_initialized():
            ray.shutdown()
