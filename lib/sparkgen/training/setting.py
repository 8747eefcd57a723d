"""What one training is made of: the data's plan, the model, its optimizers, the ring."""

from typing import NamedTuple

from sparkgen.config.experiment import TrainingConfig
from sparkgen.config.request import ExperimentConfig
from sparkgen.datasets.manifest import Manifest, read_manifest
from sparkgen.distribution.ring import Ring
from sparkgen.distribution.statistics import synchronise
from sparkgen.errors import RequestError
from sparkgen.feed.plan import make_plan
from sparkgen.models.contract import GenerativeModel
from sparkgen.models.discovery import build_model, spec_of
from sparkgen.training.learner import Learner
from sparkgen.training.optimizers import make_optimizers
from sparkgen.training.validation import validation_names, validation_split
from sparkgen.training.worker import TrainRequest


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


def set_up(request: TrainRequest, ring: Ring, *, loss_scaling: bool) -> Setting:
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
    if not model.trainable_variables:
        raise RequestError(
            f"training.method counting for {experiment.model.name}, which has no gradients",
            found="gradient",
            mend="set training.method to counting",
        )
    synchronise(model, ring)
    optimizers = make_optimizers(
        model,
        config,
        ring,
        total_steps=total_steps(config, plan.steps_per_epoch),
        loss_scaling=loss_scaling,
    )
    learner = Learner(model, optimizers, ring)
    check_monitor(config, model, manifest)
    return Setting(request, manifest, plan.steps_per_epoch, learner)


def _build(experiment: ExperimentConfig, manifest: Manifest) -> GenerativeModel:
    config = experiment.model
    return build_model(config.name, config.options, spec_of(manifest), experiment.density)


def check_monitor(config: TrainingConfig, model: GenerativeModel, manifest: Manifest) -> None:
    """Refuses early stopping by a figure that there is none of; it would fail after an epoch.

    Raises:
        RequestError: it says which figures there are.
    """
    if config.early_stopping is None:
        return
    names = ["loss", *model.loss_names, *model.metric_names]
    if validation_split(manifest) is not None:
        names += validation_names(model)
    monitor = config.early_stopping.monitor
    if monitor not in names:
        none = " (no rows for validation)" if monitor.startswith("val_") else ""
        raise RequestError(
            f"one of {', '.join(names)} as training.early_stopping.monitor",
            found=f"{monitor}{none}" if validation_split(manifest) is None else monitor,
            mend="correct it",
        )
