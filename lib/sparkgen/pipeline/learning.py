"""Checks that the keys of `training` fit the way in which a model learns."""

import logging
from typing import TYPE_CHECKING

from sparkgen.config.experiment import TrainingConfig
from sparkgen.config.request import ExperimentConfig
from sparkgen.errors import RequestError

if TYPE_CHECKING:
    from sparkgen.models.contract import GenerativeModel

log = logging.getLogger(__name__)

OF_GRADIENTS = (
    "optimizer",
    "optimizers",
    "mixed_precision",
    "compression",
    "ema_momentum",
    "jit_compile",
)
"""Keys of `training` that only gradient steps use."""


def check_learning(experiment: ExperimentConfig, model: "GenerativeModel") -> None:
    """Refuses a request that contradicts the way in which the model learns.

    Args:
        experiment: the request.
        model: its model, which may be an outline.

    Raises:
        RequestError: it names the first thing.
    """
    name, config = experiment.model.name, experiment.training
    if model.learns == "nothing":
        raise RequestError(
            "a model that learns, to be trained",
            found=f"{name}, which learns nothing",
            mend="name another",
        )
    if config.method not in (None, model.learns):
        raise RequestError(
            f"training.method {model.learns} for {name}",
            found=config.method,
            mend="remove training.method: the model says how it learns",
        )
    if model.learns == "counting":
        _check_counting(name, config, model)


def _check_counting(name: str, config: TrainingConfig, model: "GenerativeModel") -> None:
    """Refuses keys that training by counting does not use, and a model without the methods for it."""
    from sparkgen.models.counted import uncounted

    if missing := uncounted(type(model)):
        raise RequestError(
            f"statistics and fit_statistics of {name}, which learns by counting",
            found=f"no {' and no '.join(missing)}",
            mend="write them, or declare how it learns",
        )
    if config.early_stopping is not None:
        raise RequestError(
            "no training.early_stopping where a model learns by counting",
            found=f"monitor {config.early_stopping.monitor}",
            mend="remove it",
        )
    if config.start_from is not None:
        raise RequestError(
            "no training.start_from where a model learns by counting",
            found=config.start_from,
            mend="remove it: the counts would replace what it starts from",
        )
    if config.max_steps is not None:
        log.warning("training.max_steps has no effect: %s learns by counting, in no steps", name)
    fields = TrainingConfig.model_fields
    if set_ := [key for key in OF_GRADIENTS if getattr(config, key) != fields[key].default]:
        raise RequestError(
            "no options of gradient steps in training where a model learns by counting",
            found=", ".join(set_),
            mend="remove them",
        )
