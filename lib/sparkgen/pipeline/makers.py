"""Finds the model that makes samples: a version in the registry, or pretrained weights."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import NamedTuple

from sparkgen.config.request import ExperimentConfig
from sparkgen.datasets.manifest import DatasetVersion
from sparkgen.models.portable import PortableModel
from sparkgen.pipeline.model import fetch, naming, trained_on
from sparkgen.pipeline.version import newest_version
from sparkgen.pipeline.weights import pretrained_of
from sparkgen.sampling.sample_set import Sampled
from sparkgen.tracking import registry
from sparkgen.tracking.registry import CHAMPION, ModelVersion


def _nothing(*_: object) -> None:
    pass


class Maker(NamedTuple):
    """A model that makes samples, and what belongs to it."""

    name: str
    """Of the folder of its sample sets."""
    uri: str
    load: Callable[[], PortableModel]
    dataset: Callable[[], DatasetVersion]
    """Gives the dataset version that rows are given to it from."""
    naming: Callable[[], AbstractContextManager[None]] = nullcontext
    """Names the model in errors."""
    keep: Callable[[Sampled], None] = _nothing
    """Notes a sample set where the model is kept."""
    renew: Callable[[], None] = _nothing
    """Writes anew what is known of the model there."""


def champion(experiment: ExperimentConfig) -> Maker:
    """The experiment's champion; a `RequestError` where there is none."""
    return registered(
        experiment, registry.require(experiment.environment, experiment.name, CHAMPION)
    )


def registered(experiment: ExperimentConfig, version: ModelVersion) -> Maker:
    """A model version of the registry."""
    from sparkgen.pipeline.card import log_sheet, renew_card  # which loads Keras

    return Maker(
        version.name,
        version.uri,
        load=partial(fetch, experiment.environment, version),
        dataset=partial(trained_on, experiment, version),
        naming=partial(naming, version),
        keep=partial(log_sheet, experiment, version),
        renew=partial(renew_card, experiment, version),
    )


def pretrained(experiment: ExperimentConfig) -> Maker:
    """The experiment's pretrained weights, which need no registry, no training and no data.

    Raises:
        RequestError: there are none, they are damaged, or not those of the experiment's model.
    """
    found = pretrained_of(experiment)
    return Maker(
        registry.registered_name(experiment.environment, experiment.name),
        found.uri,
        load=lambda: found.packed,
        dataset=partial(newest_version, experiment),
    )
