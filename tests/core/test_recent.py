"""Recent values in memory."""

from __future__ import annotations

from twinlens.core.cache import Recent


def test_recent_values_are_computed_once_and_old_ones_go():
    computed, recent = [], Recent[int](most=2)

    def get(key: str) -> int:
        return recent.get(key, lambda: computed.append(key) or len(computed))

    assert [get(key) for key in "aabacab"] == [1, 1, 2, 1, 3, 1, 4]
    assert computed == ["a", "b", "c", "b"]
