"""The callback of the training loop: what it is called with, and how it ends a training."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from twinlens.models.composer import Composer


@dataclass(frozen=True)
class TrainingEvent:
    """A step that was taken, or an epoch that has ended.

    epoch: counted from 0. step, total_steps: optimiser steps so far, and of all epochs. loss: of this step; of an
    epoch, the mean over its steps. metrics: of the validation part where an epoch has ended ("map", the mean average
    precision), else empty. composer: the model with its present weights, which a callback may measure and must not
    change; after a step it is in training mode, and has to be left in it.
    """

    epoch: int
    step: int
    total_steps: int
    loss: float
    composer: Composer
    metrics: Mapping[str, float] = field(default_factory=dict)

    @property
    def ends_epoch(self) -> bool:
        """Return True where an epoch has ended."""
        return bool(self.metrics)


class Callback(Protocol):
    """A function of events, called after every step and after every epoch, in the process that trains."""

    def __call__(self, event: TrainingEvent, /) -> bool | None:
        """Take an event. Return True to end the training: now, or after a step, once its epoch so far is validated."""
