"""The state of a training says how far it has come, apart from what its variables hold."""

import math
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy.typing as npt

from sparkgen.config.experiment import EarlyStoppingConfig, TrainingConfig

Array = npt.NDArray[Any]
EpochFigures = dict[str, float]
"""The figures of one epoch."""


@dataclass
class Best:
    """The best epoch so far, for early stopping; weights are kept only with early stopping."""

    figure: float = math.inf
    epoch: int = 0
    """1 for the first epoch; 0 for none yet."""
    waited: int = 0
    """Epochs since then."""
    weights: list[Array] = field(default_factory=list)

    def see(
        self, figure: float, epoch: int, min_delta: float, higher_is_better: bool = False
    ) -> bool:
        """Records an epoch's figure; True if it is the best so far, which must be a finite number."""
        gain = figure - self.figure if higher_is_better else self.figure - figure
        if math.isfinite(figure) and (not self.epoch or gain > min_delta):
            self.figure, self.epoch, self.waited = figure, epoch, 0
            return True
        self.waited += 1
        return False


@dataclass
class State:
    """How far a training has come: `epoch` epochs are done, and `step` steps of the next one."""

    epoch: int = 0
    step: int = 0
    steps: int = 0
    """Steps in all."""
    seconds: float = 0.0
    """Time spent in training steps, over all starts."""
    epoch_seconds: float = 0.0
    """The same of the running epoch."""
    history: list[EpochFigures] = field(default_factory=list)
    best: Best = field(default_factory=Best)

    def ended(self, config: TrainingConfig) -> bool:
        """Whether the training is to stop here."""
        return (
            self.epoch >= config.epochs
            or (config.max_steps is not None and self.steps >= config.max_steps)
            or out_of_patience(self.best, config.early_stopping)
        )

    def advance(self, steps: int, seconds: float) -> None:
        """Adds steps of the running epoch, and the seconds that they took."""
        self.step += steps
        self.steps += steps
        self.seconds += seconds
        self.epoch_seconds += seconds

    def next_epoch(self) -> None:
        """Goes on to the first step of the next epoch."""
        self.epoch += 1
        self.step, self.epoch_seconds = 0, 0.0

    def facts(self) -> dict[str, Any]:
        """The state as plain JSON values, without the weights of the best epoch."""
        values = asdict(self)
        del values["best"]["weights"]
        if not self.best.epoch:
            del values["best"]["figure"]  # infinity is no JSON
        return values


def from_facts(facts: dict[str, Any], weights: list[Array]) -> State:
    """The state made again from its `facts` and the weights of the best epoch."""
    best = Best(**facts["best"], weights=weights)
    return State(**{**facts, "best": best})


def out_of_patience(best: Best, config: EarlyStoppingConfig | None) -> bool:
    """Whether early stopping ends the training: `patience` epochs brought no better one."""
    return config is not None and best.waited > 0 and best.waited >= config.patience
