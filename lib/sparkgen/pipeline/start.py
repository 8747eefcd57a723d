"""Finds the saved model that a training starts from, and copies it for the workers."""

from sparkgen.config.request import ExperimentConfig
from sparkgen.models.portable import store
from sparkgen.pipeline.journal import checkpoint_uri
from sparkgen.pipeline.named import NamedModel, named_model
from sparkgen.tracking.run_logger import RunLogger
from sparkgen.training.request import start_uri

KEY = "training.start_from"
VERSION = "started_from"
"""The tag of a run, and of the version that comes of it: the URI of what it began with."""


def model_to_start_from(experiment: ExperimentConfig) -> NamedModel | None:
    """The saved model that `training.start_from` names; None where this key is not set.

    Raises:
        RequestError: there is no such version, or no champion.
        ModelError: the version's files are gone, or damaged.
    """
    named = experiment.training.start_from
    return None if named is None else named_model(experiment.environment, named, key=KEY)


def leave_start(
    experiment: ExperimentConfig, logger: RunLogger, source: NamedModel | None
) -> dict[str, str]:
    """Copies the starting model next to a run's checkpoints, so that workers need no tracking server.

    Returns:
        The tags that name it; empty where there is no source.
    """
    if source is None:
        return {}
    store(source.packed, start_uri(checkpoint_uri(experiment, logger.run_id)))
    return source.tags(VERSION)
