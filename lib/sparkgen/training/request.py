"""What a training is asked for, and what of it must not change where it is taken up again."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from sparkgen.config.request import ExperimentConfig

# What makes a training what it is. The number of workers, and where they run, may change.
SECTIONS = ("dataset", "model", "training", "density")


class TrainRequest(NamedTuple):
    """What to train on, and where what comes of it goes."""

    experiment: ExperimentConfig
    version_uri: str
    """The dataset version's folder."""
    checkpoint_uri: str
    """A folder of this run's own, on storage that all workers share."""
    run_id: str | None = None
    """The run that rank 0 logs to; None: no logging."""
    tracking_uri: str | None = None


def identity(experiment: ExperimentConfig) -> dict[str, Any]:
    """The sections of a request that a training has in common with what goes on with it.

    Where the data came from is no part: a training keeps its dataset version.
    """
    exclude = {"dataset": {"source"}}
    return experiment.model_dump(mode="json", include=set(SECTIONS), exclude=exclude)


def changed_section(begun: Mapping[str, Any], experiment: ExperimentConfig) -> str | None:
    """The first section that is another than in the `identity` a training was begun with, if any."""
    now = identity(experiment)
    return next((name for name in SECTIONS if not _same(begun.get(name), now[name])), None)


def _same(begun: Any, now: Mapping[str, Any]) -> bool:
    # Earlier releases wrote these out; the model says its method, and the version its source.
    unsaid = ("method", "source")
    now = {key: value for key, value in now.items() if key not in unsaid}
    return isinstance(begun, Mapping) and now == {k: v for k, v in begun.items() if k not in unsaid}
