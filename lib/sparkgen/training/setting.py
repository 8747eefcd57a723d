"""One training is set up here: the dataset version, the model, its optimizers and its workers."""

from collections.abc import Callable
from typing import NamedTuple

from sparkgen.config.experiment import TrainingConfig
from sparkgen.config.nearest import choose
from sparkgen.datasets.manifest import Manifest, read_manifest
from sparkgen.distribution.ring import Ring
from sparkgen.distribution.statistics import synchronise
from sparkgen.errors import RequestError
from sparkgen.feed.plan import plan_of
from sparkgen.feed.reader import training_batches
from sparkgen.layers.batch_norm import batch_norms
from sparkgen.models.contract import GenerativeModel
from sparkgen.training.building import build
from sparkgen.training.device import check_step
from sparkgen.training.learner import Learner
from sparkgen.training.optimizers import make_optimizers
from sparkgen.training.request import TrainRequest
from sparkgen.training.statistics import BATCHES, make_statistics
from sparkgen.training.validation import validation_names, validation_split


class Setting(NamedTuple):
    """The parts of one training: its request, its dataset manifest, and its learner."""

    request: TrainRequest
    manifest: Manifest
    steps_per_epoch: int
    learner: Learner

    @property
    def config(self) -> TrainingConfig:
        return self.request.experiment.training

    @property
    def total_steps(self) -> int:
        """The number of steps of the whole training, if nothing stops it early."""
        return total_steps(self.config, self.steps_per_epoch)


def total_steps(config: TrainingConfig, steps_per_epoch: int) -> int:
    """The number of steps of a training that nothing stops early."""
    return min(config.epochs * steps_per_epoch, config.max_steps or config.epochs * steps_per_epoch)


def set_up(request: TrainRequest, ring: Ring, *, loss_scaling: bool) -> Setting:
    manifest = read_manifest(request.version_uri)
    experiment = request.experiment
    config = experiment.training
    plan = plan_of(manifest, batch_size=config.batch_size, seed=config.seed)
    model = build(experiment, request.checkpoint_uri, manifest.spec)
    if model.learns != "gradient":
        raise RequestError(
            "a model that learns by gradient steps, to be trained by workers",
            found=f"{experiment.model.name}, whose `learns` is {model.learns}",
            mend="train it by sparkgen train",
        )
    check_step(config, model, ring.size)
    model.slices, model.compiles_gradients = config.accumulate, config.jit_compile and ring.size > 1
    synchronise(model, ring)
    optimizers = make_optimizers(
        model,
        config,
        ring,
        total_steps=total_steps(config, plan.steps_per_epoch),
        loss_scaling=loss_scaling,
    )
    learner = Learner(model, optimizers, ring, _statistics(request, manifest, model, ring))
    check_monitor(config, model, manifest)
    return Setting(request, manifest, plan.steps_per_epoch, learner)


def _statistics(
    request: TrainRequest, manifest: Manifest, model: GenerativeModel, ring: Ring
) -> Callable[[], None] | None:
    """What fits batch statistics to averaged weights, where there are both."""
    config = request.experiment.training
    if config.ema_momentum is None or not batch_norms(model):
        return None
    batches = training_batches(
        request.version_uri,
        manifest,
        batch_size=config.batch_size,
        seed=config.seed,
        rank=ring.rank,
        size=ring.size,
        noise=model.training_noise,
        epochs=1,
        feed=request.feed,
    )
    return make_statistics(model, batches.take(BATCHES).cache())


def check_monitor(config: TrainingConfig, model: GenerativeModel, manifest: Manifest) -> None:
    """Refuses early stopping by an unknown figure, or by one that has no better direction.

    It would otherwise fail after an epoch, or keep the worst one.

    Raises:
        RequestError: it says which figures there are.
    """
    if config.early_stopping is None:
        return
    names = ["loss", *model.loss_names, *model.metric_names]
    if validation_split(manifest) is not None:
        names += validation_names(model)
    monitor = config.early_stopping.monitor
    known = [name for name in names if model.direction(name) is not None]
    if monitor not in known:
        none = monitor.startswith("val_") and validation_split(manifest) is None
        figures = f"one of {', '.join(known)}" if known else "none: no figure of this model"
        raise RequestError(
            f"a figure that is better lower or higher ({figures}) as "
            "training.early_stopping.monitor",
            found=f"{monitor} (no rows for validation)" if none else monitor,
            mend=choose(monitor, known) if known else "leave training.early_stopping out",
        )
