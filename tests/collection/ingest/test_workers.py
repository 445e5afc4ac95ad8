"""Worker processes."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import threadpoolctl

from twinlens.collection.ingest.workers import Pool
from twinlens.core import system


def _most_threads(factor: int, size: int) -> int:
    """What the widest of the libraries that multiply matrices would use here, after one product."""
    one = np.ones((size, size))
    assert (one @ one)[0, 0] * factor == size * factor
    return max(pool["num_threads"] for pool in threadpoolctl.threadpool_info() if pool["user_api"] == "blas")


def test_a_worker_multiplies_with_one_thread() -> None:
    pool = Pool(_most_threads, 2, seconds=60, memory=1 << 30)
    with threadpoolctl.threadpool_limits(4, user_api="blas"):
        try:
            assert pool.ask(300) == 1
        finally:
            pool.stop()


LEFT_BEHIND = """
import gc, os
from twinlens.collection.ingest.workers import Pool

class Session:
    \"\"\"Ends only where it was made, as a network's session waits for its threads.\"\"\"

    def __init__(self):
        self.cycle, self.process = self, os.getpid()

    def __del__(self):
        assert os.getpid() == self.process or os._exit(9)

def work(shared, job):
    gc.collect()
    return job

gc.disable()
Session()
pool = Pool(work, None, seconds=60, memory=1 << 30)
print(pool.ask("answered"))
pool.stop()
"""


@pytest.mark.skipif(not system.forks(), reason="a process that is no fork inherits nothing")
def test_a_worker_collects_nothing_that_the_parent_left() -> None:
    done = subprocess.run([sys.executable, "-c", LEFT_BEHIND], capture_output=True, text=True, timeout=100)
    assert done.stdout == "answered\n", done.stderr
