"""Checks that the keys of `training`, and what trains, fit the way in which a model learns."""

import logging
from typing import TYPE_CHECKING, NamedTuple

from sparkgen.config.experiment import TrainingConfig
from sparkgen.config.request import ExperimentConfig
from sparkgen.distribution.backends import check_name, choose_backend
from sparkgen.distribution.launcher import check_workers
from sparkgen.errors import RequestError
from sparkgen.feed.feeds import choose_feed

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
    "accumulate",
)
"""Keys of `training` that only gradient steps use."""
OF_STEPS = (
    "epochs",
    "batch_size",
    "max_steps",
    "checkpoint_seconds",
    "checkpoint_steps",
    "keep_checkpoints",
)
"""Keys of `training` that say what is done how often."""


def check_learning(experiment: ExperimentConfig, model: "GenerativeModel") -> None:
    """Refuses a request that contradicts the way in which the model learns.

    Args:
        experiment: the request.
        model: its model, which may be an outline.

    Raises:
        RequestError: it names the first thing.
    """
    name, config = experiment.model.name, experiment.training
    if config.method not in (None, model.learns):
        raise RequestError(
            f"training.method {model.learns} for {name}",
            found=config.method,
            mend="remove training.method: the model says how it learns",
        )
    if model.learns == "nothing":
        _check_unused(name, config, _Way("nothing", OF_STEPS))
        if experiment.density.kind != "prior":
            raise RequestError(
                f"density.kind prior for {name}, which learns nothing",
                found=experiment.density.kind,
                mend="remove the density section",
            )
        return
    for key in ("epochs", "batch_size"):
        if not getattr(config, key):
            raise RequestError(
                f"training.{key} of 1 or more for {name}, which learns",
                found="0" if key in config.model_fields_set else "none",
                mend="set it",
            )
    if model.learns == "counting":
        _check_counted(name, model)
        _check_unused(name, config, _Way("by counting", ("max_steps",)))


def check_workable(experiment: ExperimentConfig, model: "GenerativeModel") -> None:
    """Refuses a training whose workers could not do it: what weights of a file in its place do not need.

    Args:
        experiment: the request.
        model: its model, which may be an outline.

    Raises:
        RequestError: no such backend, workers or feed, or options that XLA or the optimizers do not take.
    """
    from sparkgen.training.device import check_step
    from sparkgen.training.optimizers import check_optimizers

    environment, config = experiment.environment, experiment.training
    check_name(environment.backend)
    if model.learns == "gradient":
        check_workers(environment.launcher, environment.workers)
        choose_backend(environment.backend, workers=environment.workers)
        choose_feed(environment.feed)
        check_step(config, model, environment.workers)
    check_optimizers(model, config)


class _Way(NamedTuple):
    """A way of learning without gradient steps."""

    words: str
    """How the model learns."""
    unused: tuple[str, ...]
    """Keys of `training` that have no effect then."""


def _check_counted(name: str, model: "GenerativeModel") -> None:
    from sparkgen.models.counted import uncounted

    if missing := uncounted(type(model)):
        raise RequestError(
            f"statistics and fit_statistics of {name}, which learns by counting",
            found=f"no {' and no '.join(missing)}",
            mend="write them, or declare how it learns",
        )


def _check_unused(name: str, config: TrainingConfig, way: _Way) -> None:
    """Refuses keys that contradict a way of learning, and tells those that have no effect."""
    if config.early_stopping is not None:
        raise RequestError(
            f"no training.early_stopping where a model learns {way.words}",
            found=f"monitor {config.early_stopping.monitor}",
            mend="remove it",
        )
    if config.start_from is not None:
        raise RequestError(
            f"no training.start_from where a model learns {way.words}",
            found=config.start_from,
            mend="remove it: the weights that it starts from would not be used",
        )
    fields = TrainingConfig.model_fields
    if set_ := [key for key in OF_GRADIENTS if getattr(config, key) != fields[key].default]:
        raise RequestError(
            f"no options of gradient steps in training where a model learns {way.words}",
            found=", ".join(set_),
            mend="remove them",
        )
    for key in way.unused:
        if key in config.model_fields_set and getattr(config, key) != fields[key].default:
            log.warning("training.%s has no effect: %s learns %s", key, name, way.words)
