"""Loads registered models for the steps of the pipeline."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from sparkgen.config.environment import EnvironmentConfig
from sparkgen.config.nearest import nearest
from sparkgen.config.request import ExperimentConfig
from sparkgen.datasets.manifest import DatasetVersion
from sparkgen.errors import ModelError, RequestError
from sparkgen.models.portable import PortableModel, pack
from sparkgen.pipeline.version import version_by_id
from sparkgen.tracking import registry
from sparkgen.tracking.registry import CHAMPION, ModelVersion


def fetch(environment: EnvironmentConfig, version: ModelVersion) -> PortableModel:
    """The saved model of a model version.

    Raises:
        ModelError: its files are not there, or damaged.
    """
    with tempfile.TemporaryDirectory() as folder:
        return pack(registry.fetch(environment, version, folder), called=version.uri)


def champion_of(environment: EnvironmentConfig, experiment: str, *, key: str) -> ModelVersion:
    """The champion of an experiment; `key` is the key of the request that names the experiment.

    Raises:
        RequestError: there is none.
    """
    champion = registry.find(environment, experiment, CHAMPION)
    if champion is not None:
        return champion
    name = registry.registered_name(environment, experiment)
    numbers = ", ".join(map(str, registry.versions(environment, name)))
    step = f"sparkgen {'promote' if numbers else 'run'} conf/experiments/{experiment}.yaml first"
    raise RequestError(
        f"a champion of {name} as {key}",
        found=f"none among its versions {numbers}" if numbers else "no such model",
        mend=f"{(not numbers and meant(environment, experiment)) or step}, or change {key}",
    )


def meant(environment: EnvironmentConfig, experiment: str) -> str:
    """A text that suggests a similar experiment with a champion; empty where there is none."""
    like = nearest(experiment, set(registry.experiments_with_champion(environment)) - {experiment})
    return f"did you mean {like}? name it" if like else ""


@contextmanager
def naming(version: ModelVersion) -> Iterator[None]:
    """Adds the version's URI to every `ModelError` that is raised in the `with` block."""
    try:
        yield
    except ModelError as error:
        if version.uri in str(error):
            raise
        raise ModelError(
            f"{error.expected}, {version.uri}", found=error.found, mend=error.mend
        ) from error


def trained_on(experiment: ExperimentConfig, version: ModelVersion) -> DatasetVersion:
    """The dataset version that a model version was trained on.

    Raises:
        RequestError: its tags do not say.
        ManifestError: it is gone, or damaged.
    """
    dataset_version = version.tags.get("dataset_version")
    if dataset_version is None:
        raise RequestError(
            f"a tag dataset_version on {version.uri}",
            found="none: sparkgen did not register it",
            mend="run sparkgen train",
        )
    return version_by_id(experiment, dataset_version)
