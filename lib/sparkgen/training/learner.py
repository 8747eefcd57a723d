"""The learner is all that a training step changes: the variables of the model and of its optimizers."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from sparkgen.distribution.ring import Ring
from sparkgen.models.contract import GenerativeModel

Array = npt.NDArray[Any]
SEED_STATE = "seed_generator_state"  # Keras' name of the variable in a SeedGenerator
RATE = "learning_rate"  # Keras' name of an optimizer's constant rate


class Learner(NamedTuple):
    """A model, its optimizers by variable group, and the workers that train it together."""

    model: GenerativeModel
    optimizers: dict[str, Any]
    ring: Ring
    fit_statistics: Callable[[], None] | None = None
    """Gives batch normalisations the statistics of the weights as they are; collective. None: the
    weights are never averages, or there is no batch normalisation."""

    def variables(self) -> dict[str, list[Any]]:
        """The variables of the model and of each optimizer; all but seeds are the same on all ranks."""
        own = {f"optimizer.{group}": o.variables for group, o in self.optimizers.items()}
        return {"model": self.model_variables(), **own}

    def model_variables(self) -> list[Any]:
        """The variables of the model, without those of its parts, which nothing changes."""
        return self.model.without_parts(self.model.variables)

    def learning_rates(self) -> dict[str, float]:
        """The learning rates of the next step: `learning_rate`, or one rate for each group's name."""
        one = len(self.optimizers) == 1
        return {
            RATE if one else f"{RATE}_{group}": float(optimizer.learning_rate)
            for group, optimizer in self.optimizers.items()
        }

    def accumulators(self) -> list[Any]:
        """The variables that add up the epoch's metrics; each rank's are of its own rows only."""
        return [v for metric in self.model.metrics for v in metric.variables]

    def accumulated(self) -> Array:
        """The values of all `accumulators` in one float64 vector."""
        values = [np.ravel(v.numpy()).astype(np.float64) for v in self.accumulators()]
        return np.concatenate(values) if values else np.zeros(0)

    def accumulate(self, vector: Array) -> None:
        """Sets the `accumulators` to the values of a vector that `accumulated` gave."""
        variables = self.accumulators()
        ends = np.cumsum([int(np.prod(v.shape)) for v in variables])
        for variable, values in zip(variables, np.split(vector, ends[:-1]), strict=True):
            variable.assign(values.reshape(variable.shape))

    def final_weights(self) -> list[Array]:
        """The values of the model's variables if training ended now: moving averages, if it keeps any."""
        with averaged_weights(self):
            return [v.numpy() for v in self.model_variables()]


def start_alike(learner: Learner) -> None:
    """Sets the variables of all ranks to those of rank 0, and gives each rank its own random seeds."""
    for variables in learner.variables().values():
        learner.ring.broadcast([v for v in variables if v.name != SEED_STATE])
    _part_seeds(learner)


def capture(learner: Learner) -> dict[str, Array]:
    """The learner's variables as arrays by name; all ranks must call it, and rank 0 gets them all."""
    arrays = {"accumulated": learner.ring.gather(learner.accumulated())}
    if learner.ring.rank == 0:
        arrays |= {name: v.numpy() for name, v in _named(learner).items()}
    return arrays


def restore(learner: Learner, arrays: Mapping[str, Array]) -> None:
    """Sets a learner's variables to the arrays of `capture`; the number of workers may differ.

    Constant learning rates stay those of the request.
    """
    for name, variable in _named(learner).items():
        if variable.name != RATE:
            variable.assign(arrays[name])
    ring, saved = learner.ring, arrays["accumulated"]
    if saved.shape[0] == ring.size:
        learner.accumulate(saved[ring.rank])
    else:
        learner.accumulate(saved.sum(axis=0) * (ring.rank == 0))
    _part_seeds(learner)


def fits(learner: Learner, arrays: Mapping[str, Array]) -> bool:
    """Whether arrays are those of a learner with the same variables."""
    own = {name: tuple(v.shape) for name, v in _named(learner).items()}
    owned = [name for name in arrays if name.startswith(("model/", "optimizer."))]
    return own == {name: arrays[name].shape for name in owned}


def assign(variables: Sequence[Any], values: Sequence[Array]) -> None:
    """Sets each variable to its value, in the order of both lists."""
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)


@contextmanager
def averaged_weights(learner: Learner) -> Iterator[None]:
    """Puts moving averages in place of the model's weights while the context lasts, if they are kept.

    Collective, as `finish_with_averages` is.
    """
    weights = learner.model.without_parts(learner.model.weights)
    own = [v.numpy() for v in weights]
    finish_with_averages(learner)
    try:
        yield
    finally:
        assign(weights, own)


def finish_with_averages(learner: Learner) -> None:
    """Replaces the model's weights by their moving averages, if the optimizers keep any.

    Batch statistics are then those of the averages.
    """
    for group, variables in learner.model.optimizer_groups().items():
        learner.optimizers[group].finalize_variable_values(variables)
    if learner.fit_statistics is not None:
        learner.fit_statistics()


def _named(learner: Learner) -> dict[str, Any]:
    return {
        f"{owner}/{i:04d}": variable
        for owner, variables in learner.variables().items()
        for i, variable in enumerate(variables)
    }


def _part_seeds(learner: Learner) -> None:
    # Rank 0's seeds are what is stored; dropout must not drop the same units of every rank's rows.
    for variable in learner.model_variables():
        if variable.name == SEED_STATE:
            variable.assign(variable.numpy() + np.array([learner.ring.rank, 0], np.uint32))
