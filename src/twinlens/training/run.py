"""The state of a training run: what a checkpoint holds, and what the callback is told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor, nn

from twinlens.core.types import TwinlensError
from twinlens.models.composer import Composer
from twinlens.training.callbacks import Callback, TrainingEvent


@dataclass(frozen=True)
class Epoch:
    """One epoch: mean loss, the validation part's mean average precision, seconds."""

    number: int
    loss: float
    score: float
    seconds: float


@dataclass
class Run:
    """The state that a resumed run needs: weights, optimiser, schedule, best weights so far, and the epochs."""

    composer: Composer
    log_scale: nn.Parameter
    optimizer: torch.optim.Optimizer
    schedule: torch.optim.lr_scheduler.LRScheduler
    epochs: list[Epoch]
    best: dict[str, Tensor]
    key: str
    callback: Callback | None = None
    is_stopped: bool = False

    def tell(self, step: int, total_steps: int, loss: Tensor | float, metrics: Mapping[str, float]) -> bool:
        """Call the callback after a step or an epoch; return True where it ends the training."""
        if self.callback is not None:  # without one, no step waits for the value of its loss
            number = len(self.epochs) - bool(metrics)
            event = TrainingEvent(number, step, total_steps, float(loss), self.composer, metrics)
            self.is_stopped = self.callback(event) is True or self.is_stopped
        return self.is_stopped

    def state(self) -> dict[str, Any]:
        """Return tensors, numbers and strings only, so that it can be read back with `weights_only`."""
        return {
            "key": self.key,
            "model": self.composer.state_dict(),
            "log_scale": self.log_scale.data,
            "optimizer": self.optimizer.state_dict(),
            "schedule": self.schedule.state_dict(),
            "epochs": [asdict(epoch) for epoch in self.epochs],
            "best": self.best,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Restore a saved state. Raises TwinlensError when it is of another run."""
        if state["key"] != self.key:
            raise TwinlensError(
                "the checkpoint is of another recipe, dataset or seed; delete it or choose another folder"
            )
        self.composer.load_state_dict(state["model"])
        self.log_scale.data.copy_(state["log_scale"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.schedule.load_state_dict(state["schedule"])
        self.epochs[:] = [Epoch(**epoch) for epoch in state["epochs"]]
        self.best = state["best"]
