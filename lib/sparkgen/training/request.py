"""A training request says what to train; parts of it must not change when the training is resumed."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from pydantic import BaseModel

from sparkgen.config.request import ExperimentConfig
from sparkgen.credentials import hide_in

# What makes a training what it is. The number of workers, and where they run, may change.
SECTIONS = ("dataset", "model", "training", "density")


class TrainRequest(NamedTuple):
    """A request to train: the experiment, the data to train on, and where the results go."""

    experiment: ExperimentConfig
    version_uri: str
    """The dataset version's folder."""
    checkpoint_uri: str
    """A folder of this run's own, on storage that all workers share."""
    run_id: str | None = None
    """The run that rank 0 logs to; None: no logging."""
    tracking_uri: str | None = None
    started_from: str | None = None
    """The URI of the model version whose weights it begins with; None: it begins from nothing."""
    feed: str = "auto"
    """The name of what reads the data; see `sparkgen.feed.feeds`."""

    @property
    def start_uri(self) -> str:
        """The folder of the model whose weights the training starts from, if it starts from one."""
        return start_uri(self.checkpoint_uri)


def start_uri(checkpoint_uri: str) -> str:
    """The folder where a run keeps the model it starts from, so that workers need no tracking server."""
    return f"{checkpoint_uri}/start"


def part_uri(checkpoint_uri: str, name: str) -> str:
    """The folder where a run keeps a part of its model, as `start_uri`."""
    return f"{checkpoint_uri}/parts/{name}"


def picture_uri(checkpoint_uri: str, name: str) -> str:
    """The file where a run keeps a picture that its model is trained by."""
    return f"{checkpoint_uri}/pictures/{name}.png"


def identity(experiment: ExperimentConfig) -> dict[str, Any]:
    """The sections of a request that must stay the same when the training is resumed.

    Where the data came from is no part: a training keeps its dataset version.
    """
    exclude = {"dataset": {"source"}}
    values = experiment.model_dump(mode="json", include=set(SECTIONS), exclude=exclude)
    return dict(hide_in(values))


def changed_section(begun: Mapping[str, Any], experiment: ExperimentConfig) -> str | None:
    """The first section that differs from the `identity` of the training so far; None if none differs."""
    now = identity(experiment)
    return next(
        (
            name
            for name in SECTIONS
            if not _same(begun.get(name), getattr(experiment, name), now[name])
        ),
        None,
    )


def changed_value(begun: Mapping[str, Any], experiment: ExperimentConfig) -> str | None:
    """Names the first value that differs from the few that earlier releases saved; None if none does."""
    now = identity(experiment)
    values = {
        "model": ("model", now["model"]["name"]),
        "options": ("set of model options", now["model"]["options"]),
        "batch_size": ("batch size", now["training"]["batch_size"]),
        "seed": ("seed", now["training"]["seed"]),
    }
    return next((word for key, (word, v) in values.items() if begun.get(key, v) != v), None)


def _same(begun: Any, config: BaseModel, now: Mapping[str, Any]) -> bool:
    return isinstance(begun, Mapping) and _said(_grown(begun, config)) == _said(now)


def _grown(begun: Mapping[str, Any], config: BaseModel) -> dict[str, Any]:
    """A noted section with the defaults of the keys that the release which noted it did not know."""
    grown = {**type(config).model_construct().model_dump(mode="json"), **begun}
    for name, value in config:
        if isinstance(value, BaseModel) and isinstance(grown.get(name), Mapping):
            grown[name] = _grown(grown[name], value)
    return grown


def _said(section: Mapping[str, Any]) -> dict[str, Any]:
    # Earlier releases wrote out `training.method`, which the model says, and `dataset.source`, which
    # the version says.
    return {key: value for key, value in section.items() if key not in ("method", "source")}
