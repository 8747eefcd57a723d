"""Keras optimizers and learning-rate schedules are made here from their configuration."""

import inspect
import logging
from functools import partial
from typing import Any

import keras
from keras import ops

from sparkgen.config.experiment import OptimizerConfig, ScheduleConfig, TrainingConfig
from sparkgen.config.nearest import choose
from sparkgen.distribution.optimizer import distribute
from sparkgen.distribution.ring import Ring
from sparkgen.errors import RequestError
from sparkgen.layers.clock import Clock
from sparkgen.models.contract import GenerativeModel

log = logging.getLogger(__name__)
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
    """A learning rate that rises linearly from 0 to the rate of another schedule.

    Args:
        after: a rate, or the schedule that follows.
        warmup_steps: steps of the rise.
        delays: whether the other schedule begins with its end; else both count from the same step.
    """

    def __init__(self, after: Any, warmup_steps: int, *, delays: bool = True) -> None:
        super().__init__()
        self.after, self.warmup_steps, self.delays = after, warmup_steps, delays

    def __call__(self, step: Any) -> Any:
        step = ops.cast(step, "float32")
        later = ops.maximum(step - self.warmup_steps, 0.0) if self.delays else step
        rate = self.after(later) if callable(self.after) else self.after
        return rate * ops.minimum(step / self.warmup_steps, 1.0)

    def get_config(self) -> dict[str, Any]:
        return {"after": self.after, "warmup_steps": self.warmup_steps, "delays": self.delays}


def learning_rate(config: OptimizerConfig, *, total_steps: int) -> Any:
    """The constant learning rate, or the schedule of rates over the steps of the training.

    Raises:
        RequestError: an exponential decay to 0.
    """
    schedule = config.schedule
    decay = _decay(config.learning_rate, schedule, total_steps=total_steps)
    if not schedule.warmup_steps:
        return decay
    return WarmUp(decay, schedule.warmup_steps, delays=schedule.kind != "piecewise")


def schedule_remarks(config: OptimizerConfig, *, total_steps: int) -> list[str]:
    """Warnings where a schedule and a training of `total_steps` steps do not end at the same step."""
    schedule = config.schedule
    if schedule.warmup_steps >= total_steps:
        return [
            f"the warm-up of {schedule.warmup_steps} steps outlasts the {total_steps} of training"
        ]
    remarks = [
        f"boundary {step} is not before the end of training, step {total_steps}"
        for step in schedule.boundaries
        if step >= total_steps
    ]
    end = schedule.warmup_steps + (schedule.decay_steps or 0)
    if schedule.decay_steps is not None and end != total_steps:
        remarks.append(f"the decay ends with step {end}, the training with step {total_steps}")
    return remarks


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
    clock: Clock | None = None,
    ema_momentum: float | None = None,
    loss_scaling: bool = False,
) -> Any:
    """A Keras optimizer made from its configuration; its variables are not built yet.

    Args:
        config: its class, rate and options.
        total_steps: of the training, over which a schedule without `decay_steps` goes.
        clock: counts the steps that the schedule follows; None: the optimizer counts its own, which
            are others where it takes several a training step, or skips some.
        ema_momentum: of the moving average that it keeps of the weights; None: no average.
        loss_scaling: scale the loss so that float16 gradients do not vanish.

    Raises:
        RequestError: options that the class does not take.
    """
    # Given always, so that averages can be asked for here only.
    average = {"use_ema": ema_momentum is not None, "ema_momentum": ema_momentum or 0.99}
    rate = learning_rate(config, total_steps=total_steps)
    if callable(rate) and clock is not None:
        rate = partial(rate, clock.steps)
    kind = CLASSES[config.name]
    if average["use_ema"] and config.options.get("gradient_accumulation_steps"):
        kind = _averaging_updates(kind)
    try:
        optimizer = kind(rate, **config.options, **average)
    except (TypeError, ValueError) as error:
        raise RequestError(
            f"options that {config.name} takes", found=str(config.options), mend=str(error)
        ) from None
    return keras.mixed_precision.LossScaleOptimizer(optimizer) if loss_scaling else optimizer


def _averaging_updates(base: type) -> type:
    """The class, whose moving averages follow its updates where each has the gradients of several
    steps; Keras' own take the same weights in again at every step in between.
    """

    def average(self: Any, variables: Any) -> None:
        every = self.gradient_accumulation_steps or 1
        # Before the first update the averages are the weights.
        due = ops.logical_or((self._iterations + 1) % every == 0, self._iterations < every)
        ops.cond(due, lambda: averaged(self, variables), lambda: None)

    averaged = base._update_model_variables_moving_average  # type: ignore[attr-defined]
    names = {"__module__": base.__module__, "__qualname__": base.__qualname__}
    return type(
        base.__name__, (base,), {"_update_model_variables_moving_average": average, **names}
    )


def check_optimizers(model: GenerativeModel, config: TrainingConfig) -> None:
    """Refuses group and option names that do not exist; the model may be an outline, without variables.

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
            mend=choose(unknown[0], sorted(groups)),
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
    """Makes one optimizer for each group of the model's variables, and gives them all to the model.

    Each is built, and averages its gradients over all workers.

    Raises:
        RequestError: `training.optimizers` names a group that the model does not have.
    """
    groups = _groups(model, config)
    optimizers = {}
    for group, variables in groups.items():
        own = config.optimizers.get(group, config.optimizer)
        for remark in schedule_remarks(own, total_steps=total_steps) if ring.rank == 0 else ():
            log.warning("the learning rate of %s: %s", group, remark)
        optimizer = make_optimizer(
            own,
            total_steps=total_steps,
            clock=model.clock,
            ema_momentum=config.ema_momentum,
            loss_scaling=loss_scaling,
        )
        optimizer.build(variables)
        optimizers[group] = distribute(
            optimizer,
            ring,
            compression=config.compression,
            compiled=config.jit_compile and ring.size > 1,
        )
    model.set_optimizers(optimizers)
    return optimizers
