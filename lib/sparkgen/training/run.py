"""One rank trains its model here, from beginning to end.

The order matters: device and seeds before anything is built, the model and its optimizers before
their variables are restored or broadcast, and only then the feed and the steps.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

from sparkgen.distribution.heartbeat import heartbeat
from sparkgen.distribution.ring import Ring
from sparkgen.feed.reader import Position, evaluation_batches, feed_errors, training_batches
from sparkgen.training import checkpoints
from sparkgen.training.artifact import save_trained
from sparkgen.training.device import compute_policy, prepare_device
from sparkgen.training.learner import assign, finish_with_averages
from sparkgen.training.loop import Course, fit
from sparkgen.training.progress import make_progress
from sparkgen.training.request import TrainRequest
from sparkgen.training.resume import restore_state, save_state
from sparkgen.training.run_log import epoch_log, log_report, machine_log
from sparkgen.training.setting import Setting, set_up
from sparkgen.training.state import EpochFigures, State
from sparkgen.training.validation import make_validation, validation_split


def run(request: TrainRequest, ring: Ring) -> dict[str, Any]:
    """Trains the model of a request on this rank, and gives the results; see `training.worker.train`."""
    config = request.experiment.training
    with compute_policy(config) as policy:
        prepare_device(config)
        setting = set_up(request, ring, loss_scaling=policy == "mixed_float16")
        state = restore_state(setting)
        _train(setting, state)
        with heartbeat.rest():
            _finish(setting, state)
            if ring.rank != 0:
                return {}
            model_folder = save_trained(setting.learner.model, request, setting.manifest)
            log_report(setting, state)
    epoch = state.best.epoch or len(state.history)
    return {
        "metrics": state.history[epoch - 1],
        "history": state.history,
        "epoch": epoch,
        "model": model_folder,
        "checkpoint": checkpoints.list_checkpoints(request.checkpoint_uri)[0],
        "steps": state.steps,
        "seconds": state.seconds,
    }


def _train(setting: Setting, state: State) -> None:
    config, learner = setting.config, setting.learner
    progress = make_progress(
        learner.ring.rank, epochs=config.epochs, total=setting.total_steps, done=state.steps
    )
    course = Course(
        learner=learner,
        config=config,
        steps_per_epoch=setting.steps_per_epoch,
        validate=_validation(setting),
        save=partial(save_state, setting),
        log=epoch_log(setting, state.history),
        progress=progress,
    )
    try:
        with feed_errors(), machine_log(setting):
            fit(course, state, _training_batches(setting, state))
    finally:
        progress.close()


def _training_batches(setting: Setting, state: State) -> Any:
    ring = setting.learner.ring
    epoch, step = divmod(
        state.epoch * setting.steps_per_epoch + state.step, setting.steps_per_epoch
    )
    return training_batches(
        setting.request.version_uri,
        setting.manifest,
        batch_size=setting.config.batch_size,
        seed=setting.config.seed,
        rank=ring.rank,
        size=ring.size,
        noise=setting.learner.model.training_noise,
        start=Position(epoch, step),
        # One more than is trained: a feed that starts at the end of the last still has a batch.
        epochs=setting.config.epochs + 1,
        feed=setting.request.feed,
    )


def _validation(setting: Setting) -> Callable[[], EpochFigures]:
    split = validation_split(setting.manifest)
    if split is None:
        return dict
    ring = setting.learner.ring
    batches = evaluation_batches(
        setting.request.version_uri,
        setting.manifest,
        split=split,
        batch_rows=setting.config.batch_size // ring.size,
        rank=ring.rank,
        size=ring.size,
        noise=setting.learner.model.training_noise,
        seed=setting.config.seed,
        feed=setting.request.feed,
    )
    return make_validation(setting.learner, batches)


def _finish(setting: Setting, state: State) -> None:
    """Leaves the weights that the training was for: the best, else the averages, else the last."""
    if state.best.weights:
        assign(setting.learner.model_variables(), state.best.weights)
    else:
        finish_with_averages(setting.learner)
