"""Worker processes."""

from __future__ import annotations

import numpy as np
import threadpoolctl

from twinlens.collection.ingest.workers import Pool


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
