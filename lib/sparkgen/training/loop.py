"""The training loop runs many steps in one TensorFlow call, after which all ranks agree how to go on.

One data set runs on over all epochs, so nothing is filled or drained where one ends. A burst is one
call into TensorFlow; figures are read at its end, about once a second.
"""

import logging
import re
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from sparkgen.config.experiment import TrainingConfig
from sparkgen.distribution.heartbeat import heartbeat
from sparkgen.distribution.signals import StopRequests, stop_requests
from sparkgen.errors import Interrupted, RequestError, SparkgenError
from sparkgen.training.learner import Learner
from sparkgen.training.progress import Progress
from sparkgen.training.pulse import Agreement, Pulse
from sparkgen.training.state import EpochFigures, State

Burst = Callable[[int], None]
log = logging.getLogger(__name__)


class Course(NamedTuple):
    """What the training loop needs: a learner, a configuration, and functions to validate, save and log.

    `validate` and `save` are collective; `log` and `progress` do something on rank 0 only.
    """

    learner: Learner
    config: TrainingConfig
    steps_per_epoch: int
    validate: Callable[[], EpochFigures]
    save: Callable[[State], None]
    log: Callable[[EpochFigures, int], None]
    progress: Progress


def fit(course: Course, state: State, batches: Any) -> None:
    """Trains from `state` to the end; the model then has the weights of the last step.

    Args:
        course: the training.
        state: where it stands; moved on in place.
        batches: tf.data of this rank's batches, from the state's next step on.

    Raises:
        Interrupted: a signal asked for a stop; a checkpoint is written.
        SparkgenError: a loss that is not finite.
    """
    course.learner.model.clock.steps.assign(state.steps)
    burst = make_burst(course, batches)
    config = course.config
    seconds = None if config.checkpoint_steps else config.checkpoint_seconds
    pulse = Pulse(course.learner.ring, seconds)
    with stop_requests() as requests:
        while not state.ended(config):
            pulse.rest()
            _train_epoch(course, state, burst, pulse=pulse, requests=requests)
            with heartbeat.rest():
                if state.step < course.steps_per_epoch:
                    course.save(state)  # before the figures, so that more steps can follow exactly
                _close_epoch(course, state)
    if state.step:
        _close_epoch(course, state)


def make_burst(course: Course, batches: Any) -> Burst:
    """Gives a function that runs a number of training steps in one call to TensorFlow."""
    model = course.learner.model
    iterator = iter(batches)
    step = tf.autograph.experimental.do_not_convert(lambda batch: model.train_step((batch,)))
    if course.config.jit_compile and not model.compiles_gradients:
        step = tf.function(step, jit_compile=True)

    def burst(iterator: Any, count: Any) -> None:
        for _ in tf.range(count):
            step(next(iterator))

    compiled = tf.function(burst)

    def run(count: int) -> None:
        try:
            compiled(iterator, tf.constant(count, tf.int64))
        except (tf.errors.UnimplementedError, tf.errors.InvalidArgumentError) as error:
            if not course.config.jit_compile:
                raise
            raise RequestError(
                "a training step that XLA can compile",
                found=_reason(error.message),
                mend="set training.jit_compile=false",
            ) from None

    return run


def _reason(message: str) -> str:
    """What is wrong, of TensorFlow's account of where: the line before the first node."""
    before, _, _ = message.partition("[[{{node")
    lines = before.strip().splitlines() or [message]
    return re.sub(r"{{.*?}}", "", lines[-1]).strip(" .")


def _train_epoch(
    course: Course, state: State, burst: Burst, *, pulse: Pulse, requests: StopRequests
) -> None:
    last = _last_step(course, state)
    while state.step < last:
        steps = min(pulse.steps, last - state.step, _until_checkpoint(course.config, state))
        start = time.monotonic()
        burst(steps)
        finite = bool(np.isfinite(course.learner.accumulated()).all())  # waits for the device
        state.advance(steps, time.monotonic() - start)
        agreement = pulse.beat(steps=steps, stop=requests.count > 0, finite=finite)
        loss = float(course.learner.model.get_metrics_result().get("loss", np.nan))
        course.progress.update(state.epoch + 1, state.steps, loss)
        _act(course, state, agreement)


def _last_step(course: Course, state: State) -> int:
    """The step of the running epoch before which training pauses."""
    limit = course.config.max_steps
    left = course.steps_per_epoch if limit is None else state.step + limit - state.steps
    return min(course.steps_per_epoch, left)


def _until_checkpoint(config: TrainingConfig, state: State) -> int:
    every = config.checkpoint_steps
    return every - state.steps % every if every else np.iinfo(np.int64).max


def _act(course: Course, state: State, agreement: Agreement) -> None:
    place = f"epoch {state.epoch + 1}, step {state.step} of {course.steps_per_epoch}"
    if not agreement.finite:
        raise SparkgenError(
            f"the loss is no longer finite at {place}; lower training.optimizer.learning_rate, "
            "or set training.optimizer.options.clipnorm"
        )
    every = course.config.checkpoint_steps
    due = agreement.checkpoint or (every is not None and state.steps % every == 0)
    if agreement.stop or (due and state.step < course.steps_per_epoch):
        with heartbeat.rest():
            course.save(state)
    if agreement.stop:
        raise Interrupted(f"stopped at {place}; the same command with --resume goes on from there")


def _close_epoch(course: Course, state: State) -> None:
    """Takes the figures of the running epoch; where it is whole, goes on to the next."""
    record = _figures(course, state)
    state.history.append(record)
    _look_for_best(course, state, record)
    course.progress.epoch(state.epoch + 1, record)
    course.log(record, state.epoch + 1)
    if state.step == course.steps_per_epoch:
        state.next_epoch()
        course.learner.model.reset_metrics()
        course.save(state)
    else:
        state.step = 0


def _look_for_best(course: Course, state: State, record: EpochFigures) -> None:
    """Keeps the weights of an epoch that is the best yet, where early stopping asks for it."""
    stopping, learner = course.config.early_stopping, course.learner
    if stopping is None:
        return
    # There is none where no row of the split says anything of it.
    figure, epoch = record.get(stopping.monitor, float("nan")), state.epoch + 1
    higher = learner.model.direction(stopping.monitor) == "higher"
    if state.best.see(figure, epoch, stopping.min_delta, higher_is_better=higher):
        state.best.weights = learner.final_weights()
    if not np.isfinite(figure) and learner.ring.rank == 0:
        log.warning("%s of epoch %d is %s: it counts as no better", stopping.monitor, epoch, figure)


def _figures(course: Course, state: State) -> EpochFigures:
    learner = course.learner
    learner.accumulate(learner.ring.sum(learner.accumulated()))
    trained = {k: float(v) for k, v in learner.model.get_metrics_result().items()}
    rows = state.step * course.config.batch_size
    return {
        **trained,
        **course.validate(),
        "rows_per_second": rows / max(state.epoch_seconds, 1e-9),
        **learner.learning_rates(),
    }
