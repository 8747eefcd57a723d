"""Keras optimizers and learning-rate schedules from their configuration."""

import inspect
from typing import Any

import keras
from keras import ops

from sparkgen.config.experiment import OptimizerConfig, ScheduleConfig, TrainingConfig
from sparkgen.config.nearest import choose
from sparkgen.distribution.optimizer import distribute
from sparkgen.distribution.ring import Ring
from sparkgen.errors import RequestError
from sparkgen.models.contract import GenerativeModel

CLASSES = {
    "adam": keras.optimizers.Adam,
    "adamw": keras.optimizers.AdamW,
    "sgd": keras.optimizers.SGD,
    "rmsprop": keras.optimizers.RMSprop,
    "adamax": keras.optimizers.Adamax,
    "nadam": keras.optimizers.Nadam,
    "lion": keras.optimizers.Lion,
}


class WarmUp(keras.optimizers.schedules.LearningRateSchedule):
    """Rises linearly from 0 to the first rate of another schedule, which then begins.

    Args:
        after: a rate, or the schedule that follows.
        warmup_steps: steps of the rise.
    """

    def __init__(self, after: Any, warmup_steps: int) -> None:
        super().__init__()
        self.after, self.warmup_steps = after, warmup_steps

    def __call__(self, step: Any) -> Any:
        step = ops.cast(step, "float32")
        later = ops.maximum(step - self.warmup_steps, 0.0)
        rate = self.after(later) if callable(self.after) else self.after
        return rate * ops.minimum(step / self.warmup_steps, 1.0)

    def get_config(self) -> dict[str, Any]:
        return {"after": self.after, "warmup_steps": self.warmup_steps}


def learning_rate(config: OptimizerConfig, *, total_steps: int) -> Any:
    """The rate, or the schedule of rates over the optimizer's steps.

    Raises:
        RequestError: an exponential decay to 0.
    """
    schedule = config.schedule
    decay = _decay(config.learning_rate, schedule, total_steps=total_steps)
    return WarmUp(decay, schedule.warmup_steps) if schedule.warmup_steps else decay


def _decay(rate: float, schedule: ScheduleConfig, *, total_steps: int) -> Any:
    schedules = keras.optimizers.schedules
    steps = schedule.decay_steps or max(1, total_steps - schedule.warmup_steps)
    if schedule.kind == "cosine":
        return schedules.CosineDecay(rate, steps, alpha=schedule.final_fraction)
    if schedule.kind == "exponential":
        if schedule.final_fraction == 0:
            raise RequestError(
                "schedule.final_fraction above 0 for an exponential schedule",
                found="0",
                mend="set it, e.g. to 0.01",
            )
        return schedules.ExponentialDecay(rate, steps, schedule.final_fraction)
    if schedule.kind == "piecewise":
        rates = [rate * schedule.factor**k for k in range(len(schedule.boundaries) + 1)]
        return schedules.PiecewiseConstantDecay(list(schedule.boundaries), rates)
    return rate


def make_optimizer(
    config: OptimizerConfig,
    *,
    total_steps: int,
    ema_momentum: float | None = None,
    loss_scaling: bool = False,
) -> Any:
    """A Keras optimizer, not built yet.

    Args:
        config: its class, rate and options.
        total_steps: of the training, over which a schedule without `decay_steps` goes.
        ema_momentum: of the moving average that it keeps of the weights; None: no average.
        loss_scaling: scale the loss so that float16 gradients do not vanish.

    Raises:
        RequestError: options that the class does not take.
    """
    average = {} if ema_momentum is None else {"use_ema": True, "ema_momentum": ema_momentum}
    rate = learning_rate(config, total_steps=total_steps)
    try:
        optimizer = CLASSES[config.name](rate, **config.options, **average)
    except (TypeError, ValueError) as error:
        raise RequestError(
            f"options that {config.name} takes", found=str(config.options), mend=str(error)
        ) from None
    return keras.mixed_precision.LossScaleOptimizer(optimizer) if loss_scaling else optimizer


def check_optimizers(model: GenerativeModel, config: TrainingConfig) -> None:
    """Refuses groups and names of options that there are not; the model may be an outline.

    Raises:
        RequestError: it names the first one.
    """
    for group in _groups(model, config):
        optimizer = config.optimizers.get(group, config.optimizer)
        learning_rate(optimizer, total_steps=1)
        known = {
            *inspect.signature(CLASSES[optimizer.name]).parameters,
            *inspect.signature(keras.optimizers.Optimizer).parameters,
        } - {"learning_rate", "args", "kwargs", "name"}
        for option in optimizer.options:
            if option not in known:
                raise RequestError(
                    f"options that {optimizer.name} takes",
                    found=option,
                    mend=choose(option, sorted(known)),
                )


def _groups(model: GenerativeModel, config: TrainingConfig) -> dict[str, list[Any]]:
    groups = model.optimizer_groups()
    if unknown := sorted(set(config.optimizers) - set(groups)):
        raise RequestError(
            f"optimizer groups {', '.join(sorted(groups))}",
            found=", ".join(unknown),
            mend="correct training.optimizers",
        )
    return groups


def make_optimizers(
    model: GenerativeModel,
    config: TrainingConfig,
    ring: Ring,
    *,
    total_steps: int,
    loss_scaling: bool,
) -> dict[str, Any]:
    """The optimizer of each of the model's groups, built and distributed, and given to the model.

    Raises:
        RequestError: `training.optimizers` names a group that the model does not have.
    """
    groups = _groups(model, config)
    optimizers = {}
    for group, variables in groups.items():
        optimizer = make_optimizer(
            config.optimizers.get(group, config.optimizer),
            total_steps=total_steps,
            ema_momentum=config.ema_momentum,
            loss_scaling=loss_scaling,
        )
        optimizer.build(variables)
        optimizers[group] = distribute(optimizer, ring, compression=config.compression)
    model.set_optimizers(optimizers)
    return optimizers
