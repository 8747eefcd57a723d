"""One rank's training from beginning to end.

The order matters: device and seeds before anything is built, the model and its optimizers before
their variables are restored or broadcast, and only then the feed and the steps.
"""

import logging
import tempfile
from collections.abc import Callable
from typing import Any, NamedTuple

from sparkgen.config import ExperimentConfig, TrainingConfig
from sparkgen.datasets.manifest import Manifest, read_manifest
from sparkgen.distribution.ring import Ring
from sparkgen.distribution.statistics import synchronise
from sparkgen.errors import RequestError
from sparkgen.feed.plan import make_plan
from sparkgen.feed.reader import Position, evaluation_batches, training_batches
from sparkgen.models.contract import DataSpec, GenerativeModel
from sparkgen.models.discovery import build_model
from sparkgen.training import checkpoints
from sparkgen.training.artifact import save_trained
from sparkgen.training.device import compute_policy, prepare_device
from sparkgen.training.learner import (
    Learner,
    assign,
    capture,
    finish_with_averages,
    restore,
    start_alike,
)
from sparkgen.training.loop import Course, fit
from sparkgen.training.optimizers import make_optimizers
from sparkgen.training.progress import make_progress
from sparkgen.training.state import Record, State, from_facts
from sparkgen.training.validation import make_validation, validation_names, validation_split
from sparkgen.training.worker import TrainRequest

BEST = "best"
log = logging.getLogger(__name__)


class Setting(NamedTuple):
    """What one training is made of."""

    request: TrainRequest
    manifest: Manifest
    steps_per_epoch: int
    learner: Learner

    @property
    def config(self) -> TrainingConfig:
        return self.request.experiment.training

    @property
    def total_steps(self) -> int:
        """Steps of the whole training, if nothing stops it early."""
        return total_steps(self.config, self.steps_per_epoch)


def total_steps(config: TrainingConfig, steps_per_epoch: int) -> int:
    """Steps of a training that nothing stops early."""
    return min(config.epochs * steps_per_epoch, config.max_steps or config.epochs * steps_per_epoch)


def run(request: TrainRequest, ring: Ring) -> dict[str, Any]:
    """What `training.worker.train` does."""
    config = request.experiment.training
    with compute_policy(config) as policy:
        prepare_device(config, ring)
        setting = _set_up(request, ring, loss_scaling=policy == "mixed_float16")
        state = _restore(setting)
        _train(setting, state)
        _finish(setting, state)
        if ring.rank != 0:
            return {}
        model_folder = save_trained(setting.learner.model, request, setting.manifest)
        if (logger := _logger(setting)) is not None:
            log_report(setting, state, logger)
    epoch = state.best.epoch or len(state.history)
    return {
        "metrics": state.history[epoch - 1],
        "history": state.history,
        "model": model_folder,
        "checkpoint": checkpoints.list_checkpoints(request.checkpoint_uri)[0],
        "steps": state.steps,
        "seconds": state.seconds,
    }


def _set_up(request: TrainRequest, ring: Ring, *, loss_scaling: bool) -> Setting:
    manifest = read_manifest(request.version_uri)
    experiment = request.experiment
    config = experiment.training
    plan = make_plan(
        [file.rows for file in manifest.split("train").files],
        lanes=manifest.lanes,
        batch_size=config.batch_size,
        seed=config.seed,
    )
    model = _build(experiment, manifest)
    synchronise(model, ring)
    optimizers = make_optimizers(
        model,
        config,
        ring,
        total_steps=total_steps(config, plan.steps_per_epoch),
        loss_scaling=loss_scaling,
    )
    learner = Learner(model, optimizers, ring)
    _check_monitor(config, learner, manifest)
    return Setting(request, manifest, plan.steps_per_epoch, learner)


def _build(experiment: ExperimentConfig, manifest: Manifest) -> GenerativeModel:
    spec = DataSpec(tuple(manifest.shape), len(manifest.class_names))
    return build_model(experiment.model.name, experiment.model.options, spec, experiment.density)


def _check_monitor(config: TrainingConfig, learner: Learner, manifest: Manifest) -> None:
    """Early stopping would otherwise fail after a whole epoch."""
    if config.early_stopping is None:
        return
    names = [metric.name for metric in learner.model.metrics]
    if validation_split(manifest) is not None:
        names += validation_names(learner)
    if config.early_stopping.monitor not in names:
        raise RequestError(
            f"one of {', '.join(names)} as training.early_stopping.monitor",
            found=config.early_stopping.monitor,
            mend="correct it",
        )


def _restore(setting: Setting) -> State:
    """Where the training stands by rank 0's newest checkpoint, or its beginning."""
    learner, request = setting.learner, setting.request
    rank = learner.ring.rank
    data = learner.ring.broadcast_bytes(
        checkpoints.newest(request.checkpoint_uri) if rank == 0 else b""
    )
    if not data:
        start_alike(learner)
        return State()
    arrays, facts = checkpoints.decode(data)
    if facts["training"] != _identity(setting):
        raise RequestError(
            f"checkpoints of this training in {request.checkpoint_uri}",
            found=f"one of {facts['training']}",
            mend="train without --resume, or with the configuration it was started with",
        )
    restore(learner, arrays)
    best = [arrays[name] for name in sorted(arrays) if name.startswith(f"{BEST}/")]
    state = from_facts(facts["state"], best)
    if rank == 0:
        log.info("going on at epoch %d, step %d", state.epoch + 1, state.step)
    return state


def _identity(setting: Setting) -> dict[str, Any]:
    """What a checkpoint must have in common with the training that goes on from it."""
    experiment = setting.request.experiment
    return {
        "model": experiment.model.name,
        "options": experiment.model.options,
        "dataset": setting.manifest.version,
        "batch_size": experiment.training.batch_size,
        "seed": experiment.training.seed,
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
        save=lambda now: _save(setting, now),
        log=_run_log(setting),
        progress=progress,
    )
    try:
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
    )


def _validation(setting: Setting) -> Callable[[], Record]:
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
    )
    return make_validation(setting.learner, batches)


def _save(setting: Setting, state: State) -> None:
    """Writes a checkpoint; every rank gives what it has counted, rank 0 writes."""
    arrays = capture(setting.learner)
    if setting.learner.ring.rank != 0:
        return
    arrays |= {f"{BEST}/{i:04d}": weights for i, weights in enumerate(state.best.weights)}
    checkpoints.write(
        setting.request.checkpoint_uri,
        checkpoints.encode(arrays, {"state": state.facts(), "training": _identity(setting)}),
        steps=state.steps,
        keep=setting.config.keep_checkpoints,
    )


def _logger(setting: Setting) -> Any | None:
    """Rank 0's access to the run; None elsewhere, and where there is no run."""
    request = setting.request
    if setting.learner.ring.rank != 0 or request.run_id is None or request.tracking_uri is None:
        return None
    from sparkgen.tracking.runs import attach

    return attach(request.tracking_uri, request.run_id)


def _run_log(setting: Setting) -> Callable[[Record, int], None]:
    logger = _logger(setting)
    if logger is None:
        return lambda record, epoch: None
    return lambda record, epoch: logger.metrics(record, step=epoch)


def log_report(setting: Setting, state: State, logger: Any) -> None:
    """Draws the run's pictures and puts them among its artifacts."""
    from sparkgen.training.report import write_report

    request = setting.request
    with tempfile.TemporaryDirectory(prefix="sparkgen-report-") as folder:
        write_report(
            setting.learner.model,
            state.history,
            experiment=request.experiment,
            manifest=setting.manifest,
            version_uri=request.version_uri,
            folder=folder,
        )
        logger.artifact(folder, "report")


def _finish(setting: Setting, state: State) -> None:
    """Leaves the weights that the training was for: the best, else the averages, else the last."""
    if state.best.weights:
        assign(setting.learner.model.variables, state.best.weights)
    else:
        finish_with_averages(setting.learner)
