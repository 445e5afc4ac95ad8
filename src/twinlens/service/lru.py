"""A cache of the most recently used values, bounded in number and in weight, for several threads."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from threading import Lock
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


class LeastRecent(Generic[Key, Value]):
    """Keeps at most `count` values of at most `weight` together; the least recently used ones go first."""

    def __init__(
        self, count: int, *, weight: int | None = None, weigh: Callable[[Value], int] = lambda _value: 0
    ) -> None:
        self.count, self.weight, self.weigh = count, weight, weigh
        self._values: OrderedDict[Key, Value] = OrderedDict()
        self._total, self._lock = 0, Lock()

    def __len__(self) -> int:
        return len(self._values)

    def get(self, key: Key) -> Value | None:
        """Return the value of a key, which is now the most recently used; None where there is none."""
        with self._lock:
            if key not in self._values:
                return None
            self._values.move_to_end(key)
            return self._values[key]

    def put(self, key: Key, value: Value) -> None:
        """Store a value; one that weighs too much alone is not stored."""
        with self._lock:
            if (before := self._values.pop(key, None)) is not None:
                self._total -= self.weigh(before)
            self._values[key] = value
            self._total += self.weigh(value)
            while len(self._values) > self.count or (self.weight is not None and self._total > self.weight):
                _, gone = self._values.popitem(last=False)
                self._total -= self.weigh(gone)
