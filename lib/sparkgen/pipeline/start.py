"""Finds the registered model version that a training starts from, and copies it for the workers."""

from typing import NamedTuple

from sparkgen.config.request import ExperimentConfig
from sparkgen.errors import RequestError
from sparkgen.models.portable import PortableModel, store
from sparkgen.pipeline.journal import checkpoint_uri
from sparkgen.pipeline.model import champion_of, fetch, meant
from sparkgen.tracking import registry
from sparkgen.tracking.registry import ModelVersion
from sparkgen.tracking.runs import RunLogger
from sparkgen.training.request import start_uri

KEY = "training.start_from"
VERSION, RUN = "started_from", "started_from_run"
"""The tags of a run, and of the version that comes of it: the URI and the run of what it began with."""


class StartingVersion(NamedTuple):
    """The model version that a training starts from, with its saved model."""

    version: ModelVersion
    packed: PortableModel


def version_to_start_from(experiment: ExperimentConfig) -> StartingVersion | None:
    """The model version that `training.start_from` names; None where this key is not set.

    Raises:
        RequestError: there is no such version, or no champion.
        ModelError: the version's files are gone, or damaged.
    """
    named = experiment.training.start_from
    if named is None:
        return None
    version = _find(experiment, named)
    return StartingVersion(version, fetch(experiment.environment, version))


def leave_start(
    experiment: ExperimentConfig, logger: RunLogger, source: StartingVersion | None
) -> dict[str, str] | None:
    """Copies the starting model next to a run's checkpoints, so that workers need no tracking server.

    Returns:
        The tags that name it, which the run has now; None where there is no source.
    """
    if source is None:
        return None
    store(source.packed, start_uri(checkpoint_uri(experiment, logger.run_id)))
    tags = {VERSION: source.version.uri, RUN: source.version.run_id}
    logger.tags({f"sparkgen.{name}": value for name, value in tags.items()})
    return tags


def _find(experiment: ExperimentConfig, named: str) -> ModelVersion:
    environment = experiment.environment
    name, _, number = named.removeprefix("models:/").partition("/")
    if not number:
        return champion_of(environment, name, key=KEY)
    if not named.startswith("models:/"):
        name = registry.registered_name(environment, name)
    versions = registry.versions(environment, name)
    if int(number) in versions:
        return versions[int(number)]
    like = meant(environment, name.removeprefix(environment.model_prefix))
    raise RequestError(
        f"version {number} of the registered model {name} as {KEY}",
        found=f"versions {', '.join(map(str, versions))}" if versions else "no such model",
        mend="name one of them" if versions else like or "train it first",
    )
