"""The two sides of the algebra: conditions that an item meets in its box, and statements that are true of boxes."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

from twinlens.reading.world import Box, Scene, Thing


class Condition(ABC):
    """A property of an item within its box."""

    @abstractmethod
    def admits(self, item: Thing, box: Box) -> bool:
        """Test whether an item of a box meets the condition."""


class Meaning(ABC):
    """A statement about boxes: about all three of a picture, or about a single one."""

    @abstractmethod
    def true_of(self, scene: Scene) -> bool:
        """Test whether the statement is true of these boxes."""


@dataclass(frozen=True)
class Number:
    """The counts that a statement admits, both ends included; `at_most` None has no upper end."""

    at_least: int = 0
    at_most: int | None = None

    def admits(self, count: int) -> bool:
        """Test whether a count is admitted."""
        return count >= self.at_least and (self.at_most is None or count <= self.at_most)


@dataclass(frozen=True)
class Kind:
    """A kind of item: those that meet all conditions."""

    conditions: tuple[Condition, ...] = ()

    def __post_init__(self) -> None:
        # "small blue" and "blue small" are one kind.
        object.__setattr__(self, "conditions", tuple(sorted(set(self.conditions), key=repr)))

    def that(self, *conditions: Condition) -> Kind:
        """Restrict the kind by further conditions."""
        return Kind(self.conditions + conditions)

    def has(self, item: Thing, box: Box) -> bool:
        """Test whether an item is of this kind."""
        return all(condition.admits(item, box) for condition in self.conditions)

    def among(self, box: Box) -> list[Thing]:
        """List the items of this kind in a box."""
        return [item for item in box if self.has(item, box)]

    def among_all(self, scene: Scene) -> list[Thing]:
        """List the items of this kind in all boxes."""
        return [item for box in scene for item in self.among(box)]


SOME = Number(1)
NONE = Number(0, 0)


def exactly(count: int) -> Number:
    """Admit one count alone."""
    return Number(count, count)
