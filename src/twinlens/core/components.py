"""Connected components of a graph whose edges come one by one."""

from __future__ import annotations


class Components:
    """The components of numbered nodes, as trees of parents (Tarjan and van Leeuwen 1984: path halving)."""

    def __init__(self, nodes: int) -> None:
        self._parents = list(range(nodes))

    def root(self, node: int) -> int:
        """Return the first node of a node's component."""
        parents = self._parents
        while parents[node] != node:
            parents[node] = parents[parents[node]]
            node = parents[node]
        return node

    def join(self, one: int, other: int) -> None:
        """Join the components of two nodes."""
        first, second = sorted((self.root(one), self.root(other)))
        self._parents[second] = first
